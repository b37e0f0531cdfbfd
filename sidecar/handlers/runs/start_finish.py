"""`runs.start`, `runs.progress` and `runs.finish`: record a run while it is executed.

Durations are measured on a monotonic clock, which never jumps. The monotonic start of each running
run is held here in memory; that is enough, since a run ends with the process that started it.
"""

from typing import Annotated, Literal
from weakref import WeakKeyDictionary

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import Archived, Conflict, NotFound, TooLarge
from sidecar.handlers.runs.views import must_find
from sidecar.store import codec
from sidecar.store.connection import Store
from sidecar.store.runs import rows
from sidecar.store.runs.rows import Counters, Ending, RunHeader
from sidecar.values import Count, Revision, RunId, Timestamp, WorkflowId
from sidecar.vocabularies import RunStatus

_started_ms: WeakKeyDictionary[Store, dict[int, float]] = WeakKeyDictionary()
"""Monotonic start of every running run of a store, by the run's key."""


def forget_start(store: Store, rid: int) -> float | None:
    """Forget the monotonic start of a run and return it; None when it is not known."""
    return _started_ms.get(store, {}).pop(rid, None)


# --- runs.start -------------------------------------------------------------------------------


class RunsStartParams(Params, frozen=True):
    """The workflow that is executed, and the id of the run."""

    workflow_id: WorkflowId
    id: Annotated[RunId | None, Meta(description="Id of the run; a new one when absent.")] = None


class RunsStartResult(Result, frozen=True):
    """The run, which is running."""

    id: RunId
    workflow_id: WorkflowId
    revision: Annotated[Revision, Meta(description="Revision of the workflow that is executed.")]
    started_at: Timestamp
    created: Annotated[bool, Meta(description="False when a run with this id was started before.")]


@method("runs.start", access="write", errors=(NotFound, Archived, Conflict))
def start(ctx: Context, params: RunsStartParams) -> RunsStartResult:
    """Start a run; starting the same id on the same workflow again changes nothing."""
    if params.id is not None:
        run = rows.find(ctx.db, params.id)
        if run is not None:
            if run.workflow_id != params.workflow_id:
                raise Conflict("A run of another workflow has that id.", path="$.params.id")
            return RunsStartResult(
                run.id, run.workflow_id, run.revision, run.started_at, created=False
            )
    workflow = rows.find_owner(ctx.db, params.workflow_id)
    if workflow is None:
        raise NotFound("No workflow has that id.", path="$.params.workflow_id")
    if workflow.archived_at is not None:
        raise Archived(path="$.params.workflow_id")
    run_id, at = params.id or ctx.clock.new_id(), ctx.clock.now_ms()
    rid = rows.start(ctx.db, run_id, workflow, at)
    _started_ms.setdefault(ctx.store, {})[rid] = ctx.clock.monotonic_ms()
    return RunsStartResult(run_id, params.workflow_id, workflow.revision, at, created=True)


# --- runs.progress ----------------------------------------------------------------------------

BlocksExecuted = Annotated[
    Count | None, Meta(description="Blocks executed so far; absent or null: as before.")
]
TokensUsed = Annotated[
    Count | None, Meta(description="Tokens used so far; absent or null: as before.")
]
ApiCallsMade = Annotated[
    Count | None, Meta(description="API calls made so far; absent or null: as before.")
]


class RunsProgressParams(Params, frozen=True):
    """What a run has used so far: totals, not increments."""

    id: RunId
    blocks_executed: BlocksExecuted = None
    tokens_used: TokensUsed = None
    api_calls_made: ApiCallsMade = None


class RunsProgressResult(Result, frozen=True):
    """The run, which is running."""

    id: RunId
    status: Annotated[RunStatus, Meta(description="Always `running`.")]


@method("runs.progress", access="write", errors=(NotFound, Conflict))
def progress(ctx: Context, params: RunsProgressParams) -> RunsProgressResult:
    """Record what a running run has used so far, and that it is still running now."""
    run = must_find(ctx, params.id)
    if run.status != "running":
        raise Conflict("The run has ended.", path="$.params.id", status=run.status)
    counters = Counters(params.blocks_executed, params.tokens_used, params.api_calls_made)
    rows.update_progress(ctx.db, run.rid, counters, ctx.clock.now_ms())
    return RunsProgressResult(run.id, "running")


# --- runs.finish ------------------------------------------------------------------------------


class RunsFinishParams(Params, frozen=True):
    """How a run ended."""

    id: RunId
    status: Annotated[Literal["success", "error", "cancelled"], Meta(description="How it ended.")]
    summary: Annotated[
        Raw | UnsetType,
        Meta(
            description="Any JSON up to 16 MiB. Of one larger than 1 MiB, the first MiB is kept, as"
            " a JSON string."
        ),
    ] = UNSET
    error_message: Annotated[
        Annotated[str, Meta(max_length=limits.ERROR_MESSAGE_MAX_CHARS)] | None,
        Meta(description="Why the run failed, at most 16 384 characters."),
    ] = None
    blocks_executed: BlocksExecuted = None
    tokens_used: TokensUsed = None
    api_calls_made: ApiCallsMade = None


class RunsFinishResult(Result, frozen=True):
    """The run, which has ended."""

    id: RunId
    status: Annotated[RunStatus, Meta(description="How it ended.")]
    completed_at: Timestamp
    duration_ms: Annotated[Count, Meta(description="Milliseconds from its start to its end.")]
    changed: Annotated[bool, Meta(description="Whether it was this call that ended the run.")]


@method("runs.finish", access="write", errors=(NotFound, Conflict))
def finish(ctx: Context, params: RunsFinishParams) -> RunsFinishResult:
    """End a run; finishing it again changes nothing with the same values, else it is a conflict."""
    run = must_find(ctx, params.id)
    body = _summary_body(ctx, params.summary)
    packed = None if body is None else codec.pack(_limit_size(body))
    summary_bytes = None if body is None else len(body)
    if run.status != "running":
        return _answer_again(ctx, run, params, packed, summary_bytes)
    now, monotonic = ctx.clock.now_ms(), ctx.clock.monotonic_ms()
    started_ms = forget_start(ctx.store, run.rid)
    elapsed_ms = now - run.started_at if started_ms is None else round(monotonic - started_ms)
    duration_ms = max(0, elapsed_ms)
    completed_at = max(now, run.started_at)
    ending = Ending(
        params.status,
        completed_at,
        duration_ms,
        params.error_message,
        summary_bytes,
        packed.stored_bytes if packed else None,
    )
    counters = Counters(params.blocks_executed, params.tokens_used, params.api_calls_made)
    rows.finish(ctx.db, run.rid, ending, counters)
    if packed is not None:
        rows.put_summary(ctx.db, run.rid, packed)
    return RunsFinishResult(run.id, params.status, completed_at, duration_ms, changed=True)


def _summary_body(ctx: Context, raw: Raw | UnsetType) -> bytes | None:
    """Return the summary's JSON text, None when it is absent or null.

    Raises:
        TooLarge, InvalidParams: it is larger than allowed, or nests deeper.
    """
    if raw is UNSET:
        return None
    body = bytes(raw)
    if len(body) > limits.SUMMARY_MAX_BYTES:
        raise TooLarge(path="$.params.summary", limit=limits.SUMMARY_MAX_BYTES)
    ctx.refuse_deep(body, "$.params.summary")
    return None if body == b"null" else body


def _limit_size(body: bytes) -> bytes:
    """Return the summary itself, or its first MiB as a JSON string when it is larger."""
    if len(body) <= limits.SUMMARY_KEPT_BYTES:
        return body
    return msgspec.json.encode(body[: limits.SUMMARY_KEPT_BYTES].decode(errors="ignore"))


def _answer_again(
    ctx: Context,
    run: RunHeader,
    params: RunsFinishParams,
    packed: codec.Packed | None,
    summary_bytes: int | None,
) -> RunsFinishResult:
    """Answer a finish of a run that has ended, or raise Conflict when it ended otherwise."""
    stored = rows.load_summary(ctx.db, run.rid)
    same = (
        run.status == params.status
        and run.error_message == params.error_message
        and run.summary_bytes == summary_bytes
        and (stored[1] if stored else None) == (packed.sha256 if packed else None)
        and params.blocks_executed in (None, run.blocks_executed)
        and params.tokens_used in (None, run.tokens_used)
        and params.api_calls_made in (None, run.api_calls_made)
    )
    if not same:
        raise Conflict(
            "The run has ended with other values.", path="$.params.id", status=run.status
        )
    return RunsFinishResult(
        run.id, params.status, run.completed_at or 0, run.duration_ms or 0, changed=False
    )
