"""`workflows.get`, `workflows.get_many` and `workflows.list`."""

from typing import Annotated, Any

from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.decode_errors import read_cursor
from sidecar.errors import DatabaseDamaged, NotFound
from sidecar.handlers.workflows.checks import must_load
from sidecar.handlers.workflows.views import (
    ITEMS_MAX_BYTES,
    Workflow,
    WorkflowHeader,
    count_fitting,
    header_bytes,
    header_fields,
    header_view,
    optional_fields,
    sent_bytes,
    workflow_view,
)
from sidecar.store.workflows.header import Header, Stored, find_any, load, load_any
from sidecar.store.workflows.list import (
    Filter,
    Key,
    Order,
    OrderBy,
    count_workflows,
    key_after,
    list_workflows,
)
from sidecar.values import (
    Category,
    CursorParam,
    Limit,
    NextCursor,
    Revision,
    Source,
    SourceId,
    Tag,
    Total,
    TotalCapped,
    TotalParam,
    WorkflowId,
    encode_cursor,
    query_mark,
    stored_json,
)

CategoryFilter = Annotated[
    Category | None, Meta(description="Only workflows of this category; null or absent: any.")
]
TagsFilter = Annotated[
    Annotated[list[Tag], Meta(max_length=limits.TAGS_MAX)] | None,
    Meta(
        description="Only workflows that have at least one of these tags, at most 64; null, empty"
        " or absent: any."
    ),
]
SourceFilter = Annotated[
    Source | None,
    Meta(description="Only workflows that were imported from this tool; null or absent: any."),
]
ArchivedFilter = Annotated[
    bool, Meta(description="true: only archived workflows; false, the default: only live ones.")
]


def filter_of(
    category: str | None, tags: list[str] | None, *, archived: bool, source: str | None = None
) -> Filter:
    """Return the filter for the params of a list or a search."""
    return Filter(category, tuple(dict.fromkeys(tags)) if tags else (), archived, source)


class WorkflowsGetParams(Params, frozen=True):
    """The workflow to read, and which of its revisions."""

    id: WorkflowId
    revision: Annotated[
        Revision | None,
        Meta(description="A revision of workflows.history; null or absent: the current one."),
    ] = None


class WorkflowsGetResult(Result, frozen=True):
    """The workflow."""

    workflow: Annotated[Workflow, Meta(description="The header and the body.")]


@method("workflows.get", access="read", errors=(NotFound,))
def get(ctx: Context, params: WorkflowsGetParams) -> WorkflowsGetResult:
    """Read a workflow with its body, archived or not, at the current or an earlier revision."""
    stored = load(ctx.db, params.id)
    if stored is None:
        raise NotFound("No workflow has that id.", path="$.params.id")
    if params.revision is not None and params.revision != stored.header.revision:
        return WorkflowsGetResult(_earlier_view(ctx, stored.header, params.revision))
    return WorkflowsGetResult(workflow_view(stored.header, stored.body()))


def _earlier_view(ctx: Context, header: Header, revision: int) -> Workflow:
    """Return an earlier revision; run counts and archived_at are those of the workflow now."""
    found = must_load(ctx.db, header, revision)
    old = header._replace(
        text_truncated=0,
        **found.content._asdict(),
        revision=revision,
        updated_at=found.created_at,
        size_bytes=len(found.body),
        stored_bytes=found.stored_bytes,
    )
    return workflow_view(old, found.body)


class WorkflowsGetManyParams(Params, frozen=True):
    """The workflows to read."""

    ids: Annotated[
        list[WorkflowId],
        Meta(
            max_length=limits.MANY_MAX_ITEMS,
            description="At most 100 ids; an id that comes twice is answered once.",
        ),
    ]
    data: Annotated[
        bool, Meta(description="false: without the bodies; true, the default: with them.")
    ] = True


class WorkflowsGetManyItem(WorkflowHeader, frozen=True):
    """One of several workflows."""

    data: Annotated[
        Any,
        Meta(
            description="The body: the JSON that was saved, byte for byte; null when it is damaged,"
            " and when no bodies were asked for."
        ),
    ]


class WorkflowsGetManyResult(Result, frozen=True):
    """The workflows that were found, and the ids of the others."""

    items: Annotated[
        list[WorkflowsGetManyItem], Meta(description="The workflows, in the order of the params.")
    ]
    missing: Annotated[list[WorkflowId], Meta(description="Ids that no workflow has.")]
    not_sent: Annotated[
        list[WorkflowId],
        Meta(description="Ids that were not read since the answer is full; ask for them next."),
    ]


@method("workflows.get_many", access="read")
def get_many(ctx: Context, params: WorkflowsGetManyParams) -> WorkflowsGetManyResult:
    """Read several workflows, with or without their bodies, as many as one answer holds.

    A damaged one is marked; its body is null when the body is damaged.
    """
    ids = list(dict.fromkeys(params.ids))
    items: list[WorkflowsGetManyItem] = []
    missing: list[str] = []
    room = ITEMS_MAX_BYTES
    for index, workflow_id in enumerate(ids):
        stored = _find(ctx, workflow_id, data=params.data)
        if stored is None:
            missing.append(workflow_id)
            continue
        view, body_bytes = _many_view(stored, data=params.data)
        room -= header_bytes(stored.header) + body_bytes
        # The first workflow is always sent, so that each call gets further.
        if room < 0 and items:
            return WorkflowsGetManyResult(items, missing, ids[index:])
        items.append(view)
    return WorkflowsGetManyResult(items, missing, [])


def _find(ctx: Context, workflow_id: str, *, data: bool) -> Stored | None:
    """Return a workflow, also a damaged one; its body is read only with `data`."""
    if data:
        return load_any(ctx.db, workflow_id)
    header = find_any(ctx.db, workflow_id)
    return None if header is None else Stored(header, None)


def _many_view(stored: Stored, *, data: bool) -> tuple[WorkflowsGetManyItem, int]:
    """Return one of several workflows, and the bytes that its body takes.

    A damaged one is marked, and its body may be null.
    """
    header, body, body_bytes = stored.header, None, 0
    if data:
        try:
            found = stored.body()
        except DatabaseDamaged:
            header = header._replace(damaged=True)
        else:
            body, body_bytes = stored_json(found), sent_bytes(found)
    item = WorkflowsGetManyItem(*header_fields(header, body), **optional_fields(header))
    return item, body_bytes


class WorkflowsListParams(Params, frozen=True):
    """Which workflows to list, and in which order."""

    category: CategoryFilter = None
    tags: TagsFilter = None
    source: SourceFilter = None
    source_id: Annotated[
        SourceId | None,
        Meta(
            description="Only workflows that are called so where they were imported from, as one"
            " workflow calls another by its id; null or absent: any."
        ),
    ] = None
    archived: ArchivedFilter = False
    order_by: Annotated[
        OrderBy,
        Meta(
            description="What to sort by, `updated_at` when absent; names regardless of case and"
            " accents, numbers in them by their value; by"
            " `last_run_at` workflows without a run come last, whatever the direction."
        ),
    ] = "updated_at"
    descending: Annotated[
        bool | None,
        Meta(description="Highest first; null or absent: true for times, false for names."),
    ] = None
    limit: Limit = limits.PAGE_DEFAULT
    cursor: CursorParam = None
    total: TotalParam = None


class WorkflowsListResult(Result, frozen=True):
    """A page of workflows without their bodies."""

    items: Annotated[list[WorkflowHeader], Meta(description="Headers in the order of `order_by`.")]
    next_cursor: NextCursor
    total: Total
    total_capped: TotalCapped


@method("workflows.list", access="read")
def list_(ctx: Context, params: WorkflowsListParams) -> WorkflowsListResult:
    """List workflows without their bodies, a page at a time."""
    by = params.order_by
    order = Order(by, by != "name" if params.descending is None else params.descending)
    filter_ = filter_of(
        params.category, params.tags, archived=params.archived, source=params.source
    )._replace(source_id=params.source_id)
    after: Key | None = None
    if params.cursor is not None:
        kinds = (str, str) if by == "name" else (int, int)
        first, second = read_cursor(params.cursor, query_mark(*filter_, *order), *kinds)
        after = (first, second)
    found = list_workflows(ctx.db, filter_, order, after=after, limit=params.limit + 1)
    sent = found[: count_fitting(found[: params.limit])]
    next_cursor = None
    if len(found) > len(sent):
        key = key_after(ctx.db, sent[-1], filter_, order)
        next_cursor = encode_cursor(query_mark(*filter_, *order), *key) if key else None
    items = [header_view(header) for header in sent]
    if not params.total:
        return WorkflowsListResult(items, next_cursor, None, total_capped=False)
    total = count_workflows(ctx.db, filter_, limits.TOTAL_MAX + 1)
    capped = total > limits.TOTAL_MAX
    return WorkflowsListResult(items, next_cursor, total - capped, capped)
