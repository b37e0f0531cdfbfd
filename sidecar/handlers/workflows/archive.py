"""`workflows.archive` and `workflows.unarchive`: move a workflow into the trash and back."""

from typing import Annotated

from msgspec import Meta

from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import NotFound
from sidecar.handlers.workflows.checks import must_find
from sidecar.notifications import WorkflowsChanged
from sidecar.store.workflows.delete import set_archived
from sidecar.values import Timestamp, WorkflowId


class WorkflowsArchiveParams(Params, frozen=True):
    """Which workflow."""

    id: WorkflowId


class WorkflowsArchiveResult(Result, frozen=True):
    """Since when it is archived."""

    id: WorkflowId
    archived_at: Timestamp


@method("workflows.archive", access="write", errors=(NotFound,))
def archive(ctx: Context, params: WorkflowsArchiveParams) -> WorkflowsArchiveResult:
    """Take a workflow out of the lists and refuse changes to it; again changes nothing."""
    header = must_find(ctx.db, params.id)
    if header.archived_at is not None:
        return WorkflowsArchiveResult(header.id, header.archived_at)
    archived_at = ctx.clock.now_ms()
    set_archived(ctx.db, header.rid, archived_at)
    ctx.audit("workflow_archive", header.id)
    ctx.emit(WorkflowsChanged(header.id, header.revision, "archived"))
    return WorkflowsArchiveResult(header.id, archived_at)


class WorkflowsUnarchiveParams(Params, frozen=True):
    """Which workflow."""

    id: WorkflowId


class WorkflowsUnarchiveResult(Result, frozen=True):
    """That it is live."""

    id: WorkflowId
    archived_at: Annotated[None, Meta(description="Always null: it is live.")]


@method("workflows.unarchive", access="write", errors=(NotFound,))
def unarchive(ctx: Context, params: WorkflowsUnarchiveParams) -> WorkflowsUnarchiveResult:
    """Bring an archived workflow back as it was; one that is live stays as it is."""
    header = must_find(ctx.db, params.id)
    if header.archived_at is not None:
        set_archived(ctx.db, header.rid, None)
        ctx.audit("workflow_unarchive", header.id)
        ctx.emit(WorkflowsChanged(header.id, header.revision, "unarchived"))
    return WorkflowsUnarchiveResult(header.id, None)
