"""`runs.delete` and `runs.pin`."""

from typing import Annotated

from msgspec import Meta

from sidecar import purging
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import NotFound
from sidecar.handlers.runs.start_finish import forget_start
from sidecar.handlers.runs.views import must_find
from sidecar.repair.mend import find_run_to_delete
from sidecar.store.runs import rows
from sidecar.store.runs.prune import set_pinned
from sidecar.values import RunId


class RunsDeleteParams(Params, frozen=True):
    """The run to delete."""

    id: RunId


class RunsDeleteResult(Result, frozen=True):
    """The run that was deleted."""

    id: RunId


@method("runs.delete", access="write", frees_space=True, errors=(NotFound,))
def delete(ctx: Context, params: RunsDeleteParams) -> RunsDeleteResult:
    """Delete a run with its summary."""
    run = find_run_to_delete(ctx.db, params.id)
    if run is None:
        raise NotFound("No run has that id.", path="$.params.id")
    forget_start(ctx.store, run.rid)
    rows.delete(ctx.db, run)
    ctx.audit("run_delete", run.id, workflow_id=run.workflow_id)
    purging.request(ctx)
    return RunsDeleteResult(run.id)


class RunsPinParams(Params, frozen=True):
    """The run, and whether pruning is to spare it."""

    id: RunId
    pinned: Annotated[bool, Meta(description="Whether pruning is to spare it.")]


class RunsPinResult(Result, frozen=True):
    """The run as it is now."""

    id: RunId
    pinned: Annotated[bool, Meta(description="Whether pruning spares it.")]


@method("runs.pin", access="write", errors=(NotFound,))
def pin(ctx: Context, params: RunsPinParams) -> RunsPinResult:
    """Set whether pruning spares a run; runs.delete deletes it in either case."""
    set_pinned(ctx.db, must_find(ctx, params.id).rid, pinned=params.pinned)
    return RunsPinResult(params.id, params.pinned)
