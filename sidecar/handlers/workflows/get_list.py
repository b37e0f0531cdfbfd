"""`workflows.get`, `workflows.get_many` and `workflows.list`."""

from typing import Annotated

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
    workflow_view,
)
from sidecar.store.workflows.header import Header, Stored, load, load_any
from sidecar.store.workflows.list import Filter, Key, OrderBy, key_of, list_workflows
from sidecar.values import (
    Category,
    Cursor,
    Limit,
    NextCursor,
    Revision,
    Tag,
    WorkflowId,
    encode_cursor,
    query_mark,
    stored_json,
)

CategoryFilter = Annotated[
    Category | None, Meta(description="Only workflows of this category; null or absent: any.")
]
TagFilter = Annotated[
    Tag | None, Meta(description="Only workflows with this tag; null or absent: any.")
]
ArchivedFilter = Annotated[
    bool, Meta(description="true: only archived workflows; false, the default: only live ones.")
]
CursorParam = Annotated[
    Cursor | None,
    Meta(description="`next_cursor` of the page before; null or absent: the first page."),
]


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


class WorkflowsGetManyResult(Result, frozen=True):
    """The workflows that were found, and the ids of the others."""

    items: Annotated[list[Workflow], Meta(description="The workflows, in the order of the params.")]
    missing: Annotated[list[WorkflowId], Meta(description="Ids that no workflow has.")]
    not_sent: Annotated[
        list[WorkflowId],
        Meta(description="Ids that were not read since the answer is full; ask for them next."),
    ]


@method("workflows.get_many", access="read")
def get_many(ctx: Context, params: WorkflowsGetManyParams) -> WorkflowsGetManyResult:
    """Read several workflows with their bodies, as many as one answer holds.

    A damaged one is marked; its body is null when the body is damaged.
    """
    ids = list(dict.fromkeys(params.ids))
    items: list[Workflow] = []
    missing: list[str] = []
    room = ITEMS_MAX_BYTES
    for index, workflow_id in enumerate(ids):
        stored = load_any(ctx.db, workflow_id)
        if stored is None:
            missing.append(workflow_id)
            continue
        room -= header_bytes(stored.header) + stored.header.size_bytes
        # The first workflow is always sent, so that each call gets further.
        if room < 0 and items:
            return WorkflowsGetManyResult(items, missing, ids[index:])
        items.append(_many_view(stored))
    return WorkflowsGetManyResult(items, missing, [])


def _many_view(stored: Stored) -> Workflow:
    """Return one of several workflows; a damaged one is marked, and its body may be null."""
    try:
        body = stored.body()
    except DatabaseDamaged:
        return Workflow(*header_fields(stored.header, None), damaged=True)
    fields = header_fields(stored.header, stored_json(body))
    return Workflow(*fields, damaged=stored.header.damaged)


class WorkflowsListParams(Params, frozen=True):
    """Which workflows to list, and in which order."""

    category: CategoryFilter = None
    tag: TagFilter = None
    archived: ArchivedFilter = False
    order_by: Annotated[
        OrderBy,
        Meta(description="What to sort by, `updated_at` when absent; names regardless of case."),
    ] = "updated_at"
    descending: Annotated[
        bool | None,
        Meta(description="Highest first; null or absent: true for times, false for names."),
    ] = None
    limit: Limit = limits.PAGE_DEFAULT
    cursor: CursorParam = None


class WorkflowsListResult(Result, frozen=True):
    """A page of workflows without their bodies."""

    items: Annotated[list[WorkflowHeader], Meta(description="Headers in the order of `order_by`.")]
    next_cursor: NextCursor


@method("workflows.list", access="read")
def list_(ctx: Context, params: WorkflowsListParams) -> WorkflowsListResult:
    """List workflows without their bodies, a page at a time."""
    order_by = params.order_by
    descending = order_by != "name" if params.descending is None else params.descending
    filter_ = Filter(params.category, params.tag, params.archived)
    after: Key | None = None
    if params.cursor is not None:
        kinds = (str, str) if order_by == "name" else (int, int)
        first, second = read_cursor(params.cursor, _mark(filter_, order_by, descending), *kinds)
        after = (first, second)
    found = list_workflows(
        ctx.db, filter_, order_by, descending=descending, after=after, limit=params.limit + 1
    )
    sent = found[: count_fitting(found[: params.limit])]
    next_cursor = None
    if len(found) > len(sent):
        mark = _mark(filter_, order_by, descending)
        next_cursor = encode_cursor(mark, *key_of(sent[-1], order_by))
    return WorkflowsListResult([header_view(header) for header in sent], next_cursor)


def _mark(filter_: Filter, order_by: str, descending: bool) -> str:  # noqa: FBT001
    return query_mark(*filter_, order_by, descending)
