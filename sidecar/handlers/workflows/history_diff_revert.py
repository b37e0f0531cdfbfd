"""`workflows.history`, `workflows.diff` and `workflows.revert`: the revisions of a workflow.

A revision is the whole content: name, description, tags, category and body. Every change of the
content makes one; the newest `revision_keep_count` revisions, and all that runs refer to, are
kept.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from sidecar import limits
from sidecar.catalog import MayBeDamaged, Params, Result, method
from sidecar.context import Context
from sidecar.decode_errors import read_cursor
from sidecar.errors import Archived, Conflict, DatabaseDamaged, NotFound, TooLarge
from sidecar.handlers.workflows import checks
from sidecar.handlers.workflows.get_list import CursorParam
from sidecar.handlers.workflows.save import Expected, save_revision
from sidecar.handlers.workflows.views import WorkflowsSaveResult, save_view
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


class WorkflowsHistoryItem(MayBeDamaged, frozen=True):
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


@method("workflows.history", access="read", errors=(NotFound,))
def history(ctx: Context, params: WorkflowsHistoryParams) -> WorkflowsHistoryResult:
    """List the revisions of a workflow that are kept, the current one first."""
    header = checks.must_find(ctx.db, params.id)
    mark = query_mark(params.id)
    before = header.revision
    items: list[WorkflowsHistoryItem] = []
    if params.cursor is None:
        items.append(_current_item(ctx, header))
    else:
        (before,) = read_cursor(params.cursor, mark, int)
    count = params.limit - len(items)
    found = revisions.page(ctx.db, header.rid, before, count + 1)
    items += [WorkflowsHistoryItem(*old[:6], damaged=old.damaged) for old in found[:count]]
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


class WorkflowsDiffParams(Params, frozen=True):
    """The two revisions to compare; either may be the current one."""

    id: WorkflowId
    from_revision: Revision
    to_revision: Revision


class WorkflowsDiffNode(msgspec.Struct, frozen=True):
    """A node of the workflow that differs between the two revisions."""

    node: Annotated[
        str, Meta(description="The node's id; where it has none, its name or its position.")
    ]
    name: Annotated[str, Meta(description="The node's name.")]
    fields: Annotated[
        list[str],
        Meta(
            description="Names of the node's settings that differ, at most 100, then `*` for the"
            " others; empty for a node that was added or removed."
        ),
    ]


class WorkflowsDiffResult(Result, frozen=True):
    """What differs between the two revisions; positions of nodes on a canvas are not compared."""

    added: Annotated[list[WorkflowsDiffNode], Meta(description="Nodes only `to_revision` has.")]
    removed: Annotated[list[WorkflowsDiffNode], Meta(description="Nodes only `from_revision` has.")]
    changed: Annotated[
        list[WorkflowsDiffNode], Meta(description="Nodes with settings that differ.")
    ]
    metadata: Annotated[
        list[str],
        Meta(
            description="Which of name, description, tags and category differ, and as `data.NAME`"
            " the members of the body beside its nodes that differ; `data.*` where these have no"
            " name."
        ),
    ]


@method("workflows.diff", access="read", errors=(NotFound,))
def diff(ctx: Context, params: WorkflowsDiffParams) -> WorkflowsDiffResult:
    """Compare two revisions of a workflow, node by node where the body's format is known."""
    header = checks.must_find(ctx.db, params.id)
    before = checks.must_load(ctx.db, header, params.from_revision, "from_revision")
    after = checks.must_load(ctx.db, header, params.to_revision, "to_revision")
    if max(len(before.body), len(after.body)) > limits.BODY_INDEXED_MAX_BYTES:
        raise TooLarge(
            "A body is too large to be compared here; get both revisions and compare them.",
            limit=limits.BODY_INDEXED_MAX_BYTES,
        )
    # Imported here, since few processes are asked for it and each would start later for it.
    from sidecar.bodies import difference  # noqa: PLC0415

    found = difference.compare(_decoded(before.body), _decoded(after.body))
    old, new = before.content._asdict(), after.content._asdict()
    metadata = [name for name, value in old.items() if value != new[name]]
    added, removed, changed = ([WorkflowsDiffNode(*node) for node in each] for each in found[:3])
    outside = [f"data.{name}" for name in found.outside]
    return WorkflowsDiffResult(added, removed, changed, [*metadata, *outside])


def _decoded(body: bytes) -> object:
    """Decode a stored body, or raise DatabaseDamaged."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise DatabaseDamaged from None


class WorkflowsRevertParams(Params, frozen=True):
    """The workflow, and the revision to revert it to."""

    id: WorkflowId
    revision: Revision
    expected_revision: Expected = None


@method("workflows.revert", access="write", errors=(NotFound, Archived, Conflict))
def revert(ctx: Context, params: WorkflowsRevertParams) -> WorkflowsSaveResult:
    """Save the whole content of an earlier revision as a new revision; the history is kept."""
    old = checks.must_find(ctx.db, params.id)
    checks.refuse_archived(old)
    checks.check_expected(old, params.expected_revision)
    if params.revision == old.revision:
        return save_view(old, created=False, changed=False)
    revision = checks.must_load(ctx.db, old, params.revision)
    return save_revision(ctx, old, revision.content, revision.body, reverted_to=params.revision)
