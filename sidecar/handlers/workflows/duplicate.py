"""`workflows.duplicate`: copies a workflow under a new id."""

from typing import Annotated

from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, method
from sidecar.context import Context
from sidecar.errors import Conflict, DatabaseDamaged, NotFound
from sidecar.handlers.workflows.checks import refuse_nul
from sidecar.handlers.workflows.save import Name, save_new
from sidecar.handlers.workflows.views import WorkflowsSaveResult
from sidecar.store.workflows.header import find, load
from sidecar.values import Id, WorkflowId

COPY_SUFFIX = " (copy)"


class WorkflowsDuplicateParams(Params, frozen=True):
    """The workflow to copy, and the id and name of the copy."""

    id: WorkflowId
    new_id: Annotated[
        Id | None, Meta(description="Id of the copy; a new one when null or absent.")
    ] = None
    name: Annotated[
        Name | None,
        Meta(description="Name of the copy; null or absent: the name followed by ` (copy)`."),
    ] = None


@method("workflows.duplicate", access="write", errors=(NotFound, Conflict, DatabaseDamaged))
def duplicate(ctx: Context, params: WorkflowsDuplicateParams) -> WorkflowsSaveResult:
    """Copy a workflow, archived or not, to a new live one at revision 1 without runs."""
    refuse_nul("$.params", new_id=params.new_id, name=params.name)
    stored = load(ctx.db, params.id)
    if stored is None:
        raise NotFound("No workflow has that id.", path="$.params.id")
    new_id = params.new_id
    if new_id is None:
        new_id = ctx.clock.new_id()
    elif taken := find(ctx.db, new_id):
        raise Conflict(
            "A workflow has that id already.",
            path="$.params.new_id",
            revision=taken.revision,
            updated_at=taken.updated_at,
        )
    name_chars = limits.NAME_MAX_CHARS - len(COPY_SUFFIX)
    name = params.name or stored.header.name[:name_chars] + COPY_SUFFIX
    content = stored.header.content._replace(name=name)
    # The body is unpacked here and packed again, so that damage is found and not copied.
    return save_new(ctx, new_id, content, stored.body(), stored.header.content_sha256)
