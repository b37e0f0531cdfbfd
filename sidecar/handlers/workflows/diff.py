"""`workflows.diff`: compares two revisions of a workflow."""

from typing import Annotated

import msgspec
from msgspec import Meta

from sidecar import limits
from sidecar.bodies import difference
from sidecar.bodies.difference import Changed
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import DatabaseDamaged, NotFound, TooLarge
from sidecar.handlers.workflows.checks import must_find, must_load
from sidecar.store.workflows.header import Content
from sidecar.values import Revision, WorkflowId


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
    pairs = zip(before.content, after.content, strict=True)
    metadata = [name for name, (old, new) in zip(Content._fields, pairs, strict=True) if old != new]
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
