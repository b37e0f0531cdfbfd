"""`workflows.history`, `revert` and `diff`: the earlier revisions of a workflow.

A revision is the whole content: name, description, tags, category and body. Every change of it
makes one; the newest `revision_keep_count` of them, and all that runs refer to, are kept.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from sidecar import limits
from sidecar.bodies import difference
from sidecar.bodies.difference import Changed
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import Archived, Conflict, DatabaseDamaged, NotFound, TooLarge
from sidecar.handlers.workflows.checks import (
    check_expected,
    must_find,
    read_cursor,
    refuse_archived,
)
from sidecar.handlers.workflows.get_list import CursorParam
from sidecar.handlers.workflows.revision import content_of, must_load
from sidecar.handlers.workflows.save import Expected
from sidecar.handlers.workflows.save import change as write_change
from sidecar.handlers.workflows.views import WorkflowsSaveResult, unchanged
from sidecar.store import codec
from sidecar.store.workflows import revisions
from sidecar.store.workflows import save as saves
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
    """Which workflow."""

    id: WorkflowId
    limit: Limit = limits.PAGE_DEFAULT
    cursor: CursorParam = None


class WorkflowsHistoryItem(msgspec.Struct, frozen=True):
    """One revision, without its body."""

    revision: Revision
    name: Annotated[str, Meta(description="The workflow's name in this revision.")]
    created_at: Annotated[Timestamp, Meta(description="When this revision was saved.")]
    size_bytes: Annotated[Count, Meta(description="Size of its body, bytes of JSON.")]
    stored_bytes: Annotated[
        Count, Meta(description="What its body takes; 0 where another revision's is the same.")
    ]
    pinned_by_runs: Annotated[
        bool, Meta(description="Whether a run refers to it: then it is never pruned.")
    ]


class WorkflowsHistoryResult(Result, frozen=True):
    """A page of revisions."""

    items: Annotated[
        list[WorkflowsHistoryItem], Meta(description="Newest first, the current one at the top.")
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
        items.append(_current(ctx, header))
    else:
        (before,) = read_cursor(params.cursor, mark, int)
    wanted = params.limit - len(items)
    found = revisions.page(ctx.db, header.rid, before, wanted + 1)
    items += [
        WorkflowsHistoryItem(
            kept.revision,
            kept.metadata.name,
            kept.created_at,
            kept.size_bytes,
            kept.stored_bytes,
            kept.pinned_by_runs,
        )
        for kept in found[:wanted]
    ]
    more = len(found) > wanted
    return WorkflowsHistoryResult(items, encode_cursor(mark, items[-1].revision) if more else None)


def _current(ctx: Context, header: Header) -> WorkflowsHistoryItem:
    return WorkflowsHistoryItem(
        header.revision,
        header.name,
        header.updated_at,
        header.size_bytes,
        header.stored_bytes,
        revisions.is_referred(ctx.db, header.rid, header.revision),
    )


class WorkflowsRevertParams(Params, frozen=True):
    """Which workflow, and to which of its revisions."""

    id: WorkflowId
    revision: Revision
    expected_revision: Expected = None


@method("workflows.revert", access="write", errors=(NotFound, Archived, Conflict, DatabaseDamaged))
def revert(ctx: Context, params: WorkflowsRevertParams) -> WorkflowsSaveResult:
    """Save an earlier revision's whole content as a new revision; nothing is lost by it."""
    old = must_find(ctx.db, params.id)
    refuse_archived(old)
    check_expected(old, params.expected_revision)
    if params.revision == old.revision:
        return unchanged(old)
    revised = must_load(ctx.db, old, params.revision)
    content = content_of(revised.metadata)
    sha256 = codec.fingerprint(revised.body)
    same_body = sha256 == old.content_sha256
    if same_body and content == saves.content_of(old):
        return unchanged(old)
    packed = None if same_body else codec.pack(revised.body, sha256)
    return write_change(ctx, old, content, packed, reverted_to=params.revision)


class WorkflowsDiffParams(Params, frozen=True):
    """Which two revisions of which workflow; either may be the current one."""

    id: WorkflowId
    from_revision: Revision
    to_revision: Revision


class WorkflowsDiffNode(msgspec.Struct, frozen=True):
    """A node of the workflow."""

    node: Annotated[str, Meta(description="Its id, or its name or place where it has none.")]
    name: Annotated[str, Meta(description="What it is called.")]
    fields: Annotated[
        list[str],
        Meta(
            description="Names of its settings that differ, at most 100 and then `*` for others;"
            " empty for one added or removed."
        ),
    ]


class WorkflowsDiffResult(Result, frozen=True):
    """What changed from one revision to the other; where nodes stand on a canvas is no change."""

    added: Annotated[list[WorkflowsDiffNode], Meta(description="Nodes only the later one has.")]
    removed: Annotated[list[WorkflowsDiffNode], Meta(description="Nodes only the first one has.")]
    changed: Annotated[list[WorkflowsDiffNode], Meta(description="Nodes set differently.")]
    metadata: Annotated[
        list[str],
        Meta(
            description="Which of name, description, tags and category differ, and as `data.NAME`"
            " what differs in the body beside its nodes; `data.*` where that has no name."
        ),
    ]


@method("workflows.diff", access="read", errors=(NotFound, DatabaseDamaged, TooLarge))
def diff(ctx: Context, params: WorkflowsDiffParams) -> WorkflowsDiffResult:
    """Compare two revisions, node by node where the body has nodes of a known kind."""
    header = must_find(ctx.db, params.id)
    before = must_load(ctx.db, header, params.from_revision, "from_revision")
    after = must_load(ctx.db, header, params.to_revision, "to_revision")
    if max(len(before.body), len(after.body)) > limits.BODY_INDEXED_MAX_BYTES:
        raise TooLarge(
            "A body is too large to be compared here; get both and compare them.",
            limit=limits.BODY_INDEXED_MAX_BYTES,
        )
    found = difference.compare(_decoded(before.body), _decoded(after.body))
    old, new = (msgspec.structs.asdict(each.metadata) for each in (before, after))
    metadata = [name for name, value in old.items() if value != new[name]]
    return WorkflowsDiffResult(
        _nodes(found.added),
        _nodes(found.removed),
        _nodes(found.changed),
        [*metadata, *(f"data.{name}" for name in found.outside)],
    )


def _decoded(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise DatabaseDamaged from None


def _nodes(found: list[Changed]) -> list[WorkflowsDiffNode]:
    return [WorkflowsDiffNode(*each) for each in found]
