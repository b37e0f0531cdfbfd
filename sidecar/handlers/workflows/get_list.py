"""`workflows.get`, `workflows.get_many` and `workflows.list`."""

from typing import Annotated

from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import DatabaseDamaged, NotFound
from sidecar.handlers.workflows.checks import must_load, read_cursor
from sidecar.handlers.workflows.views import (
    ROOM_BYTES,
    Workflow,
    WorkflowHeader,
    fitting,
    header_bytes,
    header_view,
    workflow_view,
)
from sidecar.store.workflows.header import Header, load
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
)

CategoryFilter = Annotated[
    Category | None, Meta(description="Only workflows of this category; null or absent: any.")
]
TagFilter = Annotated[
    Tag | None, Meta(description="Only workflows with this tag; null or absent: any.")
]
ArchivedFilter = Annotated[
    bool, Meta(description="true: only archived ones; false, the default: only live ones.")
]
CursorParam = Annotated[
    Cursor | None, Meta(description="`next_cursor` of the page before; null or absent: first.")
]


class WorkflowsGetParams(Params, frozen=True):
    """Which workflow, and which of its revisions."""

    id: WorkflowId
    revision: Annotated[
        Revision | None,
        Meta(description="An earlier revision, see workflows.history; null or absent: current."),
    ] = None


class WorkflowsGetResult(Result, frozen=True):
    """The workflow whole."""

    workflow: Annotated[Workflow, Meta(description="Header and body.")]


@method("workflows.get", access="read", errors=(NotFound, DatabaseDamaged))
def get(ctx: Context, params: WorkflowsGetParams) -> WorkflowsGetResult:
    """Read a workflow whole, archived or not, as it is or as it was."""
    stored = load(ctx.db, params.id)
    if stored is None:
        raise NotFound("There is no workflow by that id.", path="$.params.id")
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
    """Which workflows."""

    ids: Annotated[
        list[WorkflowId],
        Meta(
            max_length=limits.MANY_MAX_ITEMS,
            description="At most 100 ids; one given twice is answered once.",
        ),
    ]


class WorkflowsGetManyResult(Result, frozen=True):
    """Those that are there, and which are not."""

    items: Annotated[list[Workflow], Meta(description="Workflows, in the order of their ids.")]
    missing: Annotated[list[WorkflowId], Meta(description="Ids that no workflow has.")]
    not_sent: Annotated[
        list[WorkflowId],
        Meta(description="Ids not looked at because the answer is full; ask for them next."),
    ]


@method("workflows.get_many", access="read", errors=(DatabaseDamaged,))
def get_many(ctx: Context, params: WorkflowsGetManyParams) -> WorkflowsGetManyResult:
    """Read several workflows whole, as many as one answer holds."""
    ids = list(dict.fromkeys(params.ids))
    items: list[Workflow] = []
    missing: list[str] = []
    room = ROOM_BYTES
    for index, workflow_id in enumerate(ids):
        stored = load(ctx.db, workflow_id)
        if stored is None:
            missing.append(workflow_id)
            continue
        room -= header_bytes(stored.header) + stored.header.size_bytes
        # One workflow alone always fits, so every answer gets further.
        if room < 0 and items:
            return WorkflowsGetManyResult(items, missing, ids[index:])
        items.append(workflow_view(stored.header, stored.body()))
    return WorkflowsGetManyResult(items, missing, [])


class WorkflowsListParams(Params, frozen=True):
    """Which workflows, in which order."""

    category: CategoryFilter = None
    tag: TagFilter = None
    archived: ArchivedFilter = False
    order_by: Annotated[
        OrderBy,
        Meta(description="What to sort by, `updated_at` when absent; names without case."),
    ] = "updated_at"
    descending: Annotated[
        bool | None,
        Meta(description="Highest first; null or absent: true for times, false for name."),
    ] = None
    limit: Limit = limits.PAGE_DEFAULT
    cursor: CursorParam = None


class WorkflowsListResult(Result, frozen=True):
    """A page of workflows without their bodies."""

    items: Annotated[list[WorkflowHeader], Meta(description="Headers in the order asked for.")]
    next_cursor: NextCursor


@method("workflows.list", access="read")
def list_(ctx: Context, params: WorkflowsListParams) -> WorkflowsListResult:
    """List workflows without their bodies, a page at a time."""
    order_by = params.order_by
    descending = order_by != "name" if params.descending is None else params.descending
    wanted = Filter(params.category, params.tag, params.archived)
    after: Key | None = None
    if params.cursor is not None:
        kinds = (str, str) if order_by == "name" else (int, int)
        first, second = read_cursor(params.cursor, _mark(wanted, order_by, descending), *kinds)
        after = (first, second)
    found = list_workflows(
        ctx.db, wanted, order_by, descending=descending, after=after, limit=params.limit + 1
    )
    sent = fitting(found[: params.limit])
    next_cursor = None
    if len(found) > len(sent):
        mark = _mark(wanted, order_by, descending)
        next_cursor = encode_cursor(mark, *key_of(sent[-1], order_by))
    return WorkflowsListResult([header_view(header) for header in sent], next_cursor)


def _mark(wanted: Filter, order_by: str, descending: bool) -> str:  # noqa: FBT001
    return query_mark(*wanted, order_by, descending)
