"""`workflows.diff`: compares two revisions of a workflow."""

from typing import Annotated

import msgspec
from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import DatabaseDamaged, NotFound, TooLarge
from sidecar.handlers.workflows.checks import must_find, must_load
from sidecar.values import Revision, WorkflowId


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


@method("workflows.diff", access="read", errors=(NotFound, DatabaseDamaged, TooLarge))
def diff(ctx: Context, params: WorkflowsDiffParams) -> WorkflowsDiffResult:
    """Compare two revisions of a workflow, node by node where the body's format is known."""
    header = must_find(ctx.db, params.id)
    before = must_load(ctx.db, header, params.from_revision, "from_revision")
    after = must_load(ctx.db, header, params.to_revision, "to_revision")
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
