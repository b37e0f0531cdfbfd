"""The structs that methods of runs answer with, and the look-up that several begin with."""

from typing import Annotated, Any

from msgspec import Meta

from sidecar import limits
from sidecar.catalog import MayBeDamaged
from sidecar.context import Context
from sidecar.errors import NotFound
from sidecar.store.runs import rows
from sidecar.store.runs.rows import RunHeader
from sidecar.values import Count, Revision, RunId, Timestamp, WorkflowId
from sidecar.vocabularies import RunStatus

WorkflowFilter = Annotated[WorkflowId | None, Meta(description="Only runs of this workflow.")]
FromAt = Annotated[Timestamp | None, Meta(description="Only runs started at this time or later.")]
ToAt = Annotated[Timestamp | None, Meta(description="Only runs started before this time.")]


class Run(MayBeDamaged, frozen=True):
    """A run without its summary."""

    id: RunId
    workflow_id: WorkflowId
    revision: Annotated[Revision, Meta(description="Revision of the workflow at its start.")]
    status: RunStatus
    started_at: Timestamp
    completed_at: Annotated[Timestamp | None, Meta(description="Its end; null while running.")]
    duration_ms: Annotated[Count | None, Meta(description="Milliseconds; null while running.")]
    summary_truncated: Annotated[
        bool, Meta(description="Whether only the summary's first MiB is kept, as a JSON string.")
    ]
    summary_bytes: Annotated[
        Count | None, Meta(description="Size of the summary as it was sent; null when it has none.")
    ]
    error_message: Annotated[str | None, Meta(description="Why it failed, null if it did not.")]
    blocks_executed: Annotated[Count, Meta(description="Blocks executed so far.")]
    tokens_used: Annotated[Count, Meta(description="Tokens used so far.")]
    api_calls_made: Annotated[Count, Meta(description="API calls made so far.")]
    pinned: Annotated[bool, Meta(description="Whether pruning spares it.")]


class RunWithSummary(Run, frozen=True):
    """A run with its summary."""

    summary: Annotated[Any, Meta(description="The JSON that was sent; null when it has none.")]


def run_fields(run: RunHeader, *more: object) -> tuple[Any, ...]:
    """Return the fields of `Run` in order, followed by `more` of a larger struct."""
    truncated = (run.summary_bytes or 0) > limits.SUMMARY_KEPT_BYTES
    return (*run[1:8], truncated, run.summary_bytes, *run[8:12], bool(run.pinned), *more)


def run_view(run: RunHeader) -> Run:
    """Return a stored run as lists show it."""
    fields = run_fields(run)
    return Run(*fields, damaged=True) if run.damaged else Run(*fields)


def must_find(ctx: Context, run_id: str) -> RunHeader:
    """Return the header of a run.

    Raises:
        NotFound: no run has that id.
    """
    run = rows.find(ctx.db, run_id)
    if run is None:
        raise NotFound("No run has that id.", path="$.params.id")
    return run
