"""Functions that the methods of running runs share: durations, resuming, notifications.

Durations are measured on a monotonic clock, which never jumps. The monotonic start of each running
run is held here in memory. Of a run that another process started, or that began in the past, it is
not known: its duration is the difference of the wall clock.
"""

from sidecar.context import Context
from sidecar.notifications import RunsChanged
from sidecar.store.runs import rows
from sidecar.store.runs.rows import RunHeader
from sidecar.vocabularies import RunChange, RunStatus


def note_start(ctx: Context, run_id: str, started_at: int) -> None:
    """Remember the monotonic start of a run that starts now."""
    ctx.run_starts_ms[run_id, started_at] = ctx.clock.monotonic_ms()


def forget_start(ctx: Context, run: RunHeader) -> float | None:
    """Forget the monotonic start of a run and return it; None when it is not known."""
    return ctx.run_starts_ms.pop((run.id, run.started_at), None)


def tell(ctx: Context, run_id: str, workflow_id: str, status: RunStatus, change: RunChange) -> None:
    """Send `runs.changed` when the transaction is committed."""
    head = ctx.head_seq()
    ctx.emit(RunsChanged(run_id, workflow_id, status, change, head), seq=head + 1)


def resume(ctx: Context, run: RunHeader) -> bool:
    """Take an interrupted run up again; return whether it was interrupted.

    Its host has outlived the process that served it: what it says of the run is what is true.
    """
    if run.interrupted_at is None:
        return False
    rows.resume(ctx.db, run.rid)
    ctx.audit("run_resume", run.id, workflow_id=run.workflow_id)
    tell(ctx, run.id, run.workflow_id, "running", "resumed")
    return True
