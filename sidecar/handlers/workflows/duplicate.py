"""`workflows.duplicate`: copies a workflow under a new id."""

from typing import Annotated

from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, method
from sidecar.context import Context
from sidecar.errors import Conflict, DatabaseDamaged, NotFound
from sidecar.handlers.workflows.checks import refuse_nul
from sidecar.handlers.workflows.save import Name
from sidecar.handlers.workflows.save import create as write_new
from sidecar.handlers.workflows.views import WorkflowsSaveResult
from sidecar.store import codec
from sidecar.store.workflows import header as headers
from sidecar.store.workflows import save as saves
from sidecar.values import Id, WorkflowId

COPY_SUFFIX = " (copy)"


class WorkflowsDuplicateParams(Params, frozen=True):
    """Which workflow, and what its copy is called."""

    id: WorkflowId
    new_id: Annotated[
        Id | None, Meta(description="Id of the copy; one is made when null or absent.")
    ] = None
    name: Annotated[
        Name | None,
        Meta(description="Name of the copy; null or absent: the name with ` (copy)` behind it."),
    ] = None


@method("workflows.duplicate", access="write", errors=(NotFound, Conflict, DatabaseDamaged))
def duplicate(ctx: Context, params: WorkflowsDuplicateParams) -> WorkflowsSaveResult:
    """Copy a workflow, archived or not, to a new live one at revision 1 without runs."""
    refuse_nul("$.params", new_id=params.new_id, name=params.name)
    stored = headers.load(ctx.db, params.id)
    if stored is None:
        raise NotFound("There is no workflow by that id.", path="$.params.id")
    new_id = params.new_id
    if new_id is None:
        new_id = ctx.clock.new_id()
    elif taken := headers.find(ctx.db, new_id):
        raise Conflict(
            "There is a workflow by that id already.",
            path="$.params.new_id",
            revision=taken.revision,
            updated_at=taken.updated_at,
        )
    kept = limits.NAME_MAX_CHARS - len(COPY_SUFFIX)
    name = params.name or stored.header.name[:kept] + COPY_SUFFIX
    content = saves.content_of(stored.header)._replace(name=name)
    # Unpacked and packed again, so that damage is found here and not copied.
    packed = codec.pack(stored.body(), stored.header.content_sha256)
    return write_new(ctx, new_id, content, packed)
