"""`workflows.history`: lists the revisions of a workflow.

A revision is the whole content: name, description, tags, category and body. Every change of the
content makes one; the newest `revision_keep_count` revisions, and all that runs refer to, are
kept.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import DatabaseDamaged, NotFound
from sidecar.handlers.workflows.checks import must_find, read_cursor
from sidecar.handlers.workflows.get_list import CursorParam
from sidecar.store.workflows import revisions
from sidecar.store.workflows.header import Header
from sidecar.values import (
    Count,
    Limit,
    NextCursor,
    Revision,
    Timestamp,
    WorkflowId,
    encode_cursor,
    query_mark,
)


class WorkflowsHistoryParams(Params, frozen=True):
    """The workflow, and which page of its revisions to list."""

    id: WorkflowId
    limit: Limit = limits.PAGE_DEFAULT
    cursor: CursorParam = None


class WorkflowsHistoryItem(msgspec.Struct, frozen=True):
    """One revision without its body."""

    revision: Revision
    name: Annotated[str, Meta(description="The workflow's name in this revision.")]
    created_at: Annotated[Timestamp, Meta(description="When this revision was saved.")]
    size_bytes: Annotated[Count, Meta(description="Size of its body, bytes of JSON.")]
    stored_bytes: Annotated[
        Count,
        Meta(
            description="Size of its body as stored, bytes; 0 when another revision has the same."
        ),
    ]
    pinned_by_runs: Annotated[
        bool, Meta(description="Whether a run refers to it; then it is never pruned.")
    ]


class WorkflowsHistoryResult(Result, frozen=True):
    """A page of revisions."""

    items: Annotated[
        list[WorkflowsHistoryItem],
        Meta(description="Newest first; the current revision is the first of the first page."),
    ]
    next_cursor: NextCursor


@method("workflows.history", access="read", errors=(NotFound, DatabaseDamaged))
def history(ctx: Context, params: WorkflowsHistoryParams) -> WorkflowsHistoryResult:
    """List the revisions of a workflow that are kept, the current one first."""
    header = must_find(ctx.db, params.id)
    mark = query_mark(params.id)
    before = header.revision
    items: list[WorkflowsHistoryItem] = []
    if params.cursor is None:
        items.append(_current_item(ctx, header))
    else:
        (before,) = read_cursor(params.cursor, mark, int)
    count = params.limit - len(items)
    found = revisions.page(ctx.db, header.rid, before, count + 1)
    items += [WorkflowsHistoryItem(*old) for old in found[:count]]
    more = len(found) > count
    return WorkflowsHistoryResult(items, encode_cursor(mark, items[-1].revision) if more else None)


def _current_item(ctx: Context, header: Header) -> WorkflowsHistoryItem:
    """Return the item of the current revision, which is the workflow's own row."""
    return WorkflowsHistoryItem(
        header.revision,
        header.name,
        header.updated_at,
        header.size_bytes,
        header.stored_bytes,
        revisions.is_referred(ctx.db, header.rid, header.revision),
    )
