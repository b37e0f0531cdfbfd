"""`workflows.archive` and `workflows.unarchive`: move a workflow into the trash and back."""

from typing import Annotated

from msgspec import Meta

from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import NotFound
from sidecar.handlers.workflows.checks import must_find
from sidecar.notifications import WorkflowsChanged
from sidecar.store.workflows.delete import set_archived
from sidecar.store.workflows.header import Header
from sidecar.values import Timestamp, WorkflowId


class WorkflowsArchiveParams(Params, frozen=True):
    """The workflow to archive."""

    id: WorkflowId


class WorkflowsArchiveResult(Result, frozen=True):
    """The workflow, and since when it is archived."""

    id: WorkflowId
    archived_at: Timestamp


@method("workflows.archive", access="write", errors=(NotFound,))
def archive(ctx: Context, params: WorkflowsArchiveParams) -> WorkflowsArchiveResult:
    """Archive a workflow: lists omit it, and changes to it are refused until it is unarchived.

    The archive serves as the trash: the setting `archive_keep_days` says after how many days
    archived workflows are permanently deleted; by default they are not. `workflows.delete` deletes
    permanently at once. A workflow that is archived already stays as it is.
    """
    header = must_find(ctx.db, params.id)
    return WorkflowsArchiveResult(header.id, archive_one(ctx, header))


def archive_one(ctx: Context, header: Header) -> int:
    """Archive a workflow that may be archived already; return since when it is."""
    if header.archived_at is not None:
        return header.archived_at
    archived_at = ctx.clock.now_ms()
    set_archived(ctx.db, header.rid, archived_at)
    ctx.audit("workflow_archive", header.id)
    ctx.emit(WorkflowsChanged(header.id, header.revision, "archived", ctx.audit_seq))
    return archived_at


class WorkflowsUnarchiveParams(Params, frozen=True):
    """The workflow to bring back."""

    id: WorkflowId


class WorkflowsUnarchiveResult(Result, frozen=True):
    """The workflow, which is live."""

    id: WorkflowId
    archived_at: Annotated[None, Meta(description="Always null: the workflow is live.")]


@method("workflows.unarchive", access="write", errors=(NotFound,))
def unarchive(ctx: Context, params: WorkflowsUnarchiveParams) -> WorkflowsUnarchiveResult:
    """Restore an archived workflow unchanged; a live workflow stays as it is."""
    header = must_find(ctx.db, params.id)
    unarchive_one(ctx, header)
    return WorkflowsUnarchiveResult(header.id, None)


def unarchive_one(ctx: Context, header: Header) -> None:
    """Bring a workflow back, which may be live already."""
    if header.archived_at is not None:
        set_archived(ctx.db, header.rid, None)
        ctx.audit("workflow_unarchive", header.id)
        ctx.emit(WorkflowsChanged(header.id, header.revision, "unarchived", ctx.audit_seq))
