"""`runs.pin`, `runs.delete` and `runs.delete_many`."""

from typing import Annotated

from msgspec import Meta

from sidecar import limits, purging
from sidecar.catalog import Params, Result, method
from sidecar.context import Context, LongContext
from sidecar.errors import NotFound
from sidecar.handlers.runs.running import forget_start, tell
from sidecar.handlers.runs.views import must_find
from sidecar.repair.mend import find_run_to_delete
from sidecar.store.runs import rows
from sidecar.store.runs.prune import set_pinned
from sidecar.values import RunId


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


class RunsDeleteParams(Params, frozen=True):
    """The run to delete."""

    id: RunId


class RunsDeleteResult(Result, frozen=True):
    """The run that was deleted."""

    id: RunId


@method("runs.delete", access="write", frees_space=True, errors=(NotFound,))
def delete(ctx: Context, params: RunsDeleteParams) -> RunsDeleteResult:
    """Delete a run with its summary, also one that is running, waiting or pinned."""
    if not _delete(ctx, params.id):
        raise NotFound("No run has that id.", path="$.params.id")
    return RunsDeleteResult(params.id)


class RunsDeleteManyParams(Params, frozen=True):
    """The runs to delete."""

    ids: Annotated[
        list[RunId],
        Meta(
            max_length=limits.MANY_MAX_ITEMS,
            description="At most 100 ids; the runs are deleted in order.",
        ),
    ]


class RunsDeleteManyResult(Result, frozen=True):
    """What was deleted."""

    deleted: Annotated[list[RunId], Meta(description="Runs that were deleted, in order.")]
    missing: Annotated[list[RunId], Meta(description="Ids that no run has, in order.")]


@method("runs.delete_many", long=True, frees_space=True)
def delete_many(ctx: LongContext, params: RunsDeleteManyParams) -> RunsDeleteManyResult:
    """Delete several runs with their summaries, one after the other.

    A cancel between two of them leaves the ones before deleted.
    """
    deleted: list[str] = []
    missing: list[str] = []
    total = len(params.ids)
    for done, run_id in enumerate(params.ids):
        ctx.progress("runs", done, total, "rows")
        with ctx.writing(last=done == total - 1):
            (deleted if _delete(ctx, run_id) else missing).append(run_id)
    ctx.progress("runs", total, total, "rows")
    return RunsDeleteManyResult(deleted, missing)


def _delete(ctx: Context, run_id: str) -> bool:
    """Delete the run that has the id; return False when there is none."""
    run = find_run_to_delete(ctx.db, run_id)
    if run is None:
        return False
    forget_start(ctx, run)
    rows.delete(ctx.db, run)
    ctx.audit("run_delete", run.id, workflow_id=run.workflow_id)
    tell(ctx, run.id, run.workflow_id, run.status, "deleted")
    purging.request(ctx)
    return True
