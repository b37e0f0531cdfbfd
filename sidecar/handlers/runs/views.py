"""How runs look in answers, and the look-up that several methods of runs begin with."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from sidecar import limits
from sidecar.context import Context
from sidecar.errors import NotFound
from sidecar.store.runs import rows
from sidecar.store.runs.rows import RunHeader
from sidecar.values import Count, Revision, RunId, Timestamp, WorkflowId

Status = Literal["running", "success", "error", "cancelled"]


class Run(Struct, frozen=True):
    """One run without its summary."""

    id: RunId
    workflow_id: WorkflowId
    revision: Annotated[Revision, Meta(description="Revision of the workflow when it began.")]
    status: Annotated[Status, Meta(description="Only a `running` run changes.")]
    started_at: Timestamp
    completed_at: Annotated[Timestamp | None, Meta(description="Its end, null while running.")]
    duration_ms: Annotated[Count | None, Meta(description="Milliseconds, null while running.")]
    summary_truncated: Annotated[
        bool, Meta(description="Only the first MiB of the summary was kept, as a JSON string.")
    ]
    summary_bytes: Annotated[
        Count | None, Meta(description="Size of the summary as it was sent; null without one.")
    ]
    error_message: Annotated[str | None, Meta(description="Why it failed, null if it did not.")]
    blocks_executed: Annotated[Count, Meta(description="Blocks executed so far.")]
    tokens_used: Annotated[Count, Meta(description="Tokens used so far.")]
    api_calls_made: Annotated[Count, Meta(description="API calls made so far.")]
    pinned: Annotated[bool, Meta(description="Whether pruning spares it.")]


class RunWithSummary(Run, frozen=True):
    """One run with its summary."""

    summary: Annotated[Any, Meta(description="JSON as it was sent, null without one.")]


def run_fields(run: RunHeader) -> dict[str, Any]:
    """Return the fields of `Run` by name."""
    return {
        "id": run.id,
        "workflow_id": run.workflow_id,
        "revision": run.revision,
        "status": run.status,
        "started_at": run.started_at,
        "completed_at": run.completed_at,
        "duration_ms": run.duration_ms,
        "summary_truncated": (run.summary_bytes or 0) > limits.SUMMARY_KEPT_BYTES,
        "summary_bytes": run.summary_bytes,
        "error_message": run.error_message,
        "blocks_executed": run.blocks_executed,
        "tokens_used": run.tokens_used,
        "api_calls_made": run.api_calls_made,
        "pinned": bool(run.pinned),
    }


def must_find(ctx: Context, run_id: str) -> RunHeader:
    """The run of that id.

    Raises:
        NotFound: there is none.
    """
    run = rows.find(ctx.db, run_id)
    if run is None:
        raise NotFound("There is no such run.", path="$.params.id")
    return run
