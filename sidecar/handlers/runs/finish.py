"""`runs.finish`: record how a run ended.

The end of a run is worth more than its texts: whatever is wrong with them, it is recorded. They are
cut, repaired or left out, and the answer and the run say so.
"""

from typing import Annotated, ClassVar, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from sidecar import limits
from sidecar.bodies import depth
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import Conflict, NotFound
from sidecar.handlers.runs.running import forget_start, resume, tell
from sidecar.handlers.runs.start_progress import (
    ApiCallsMade,
    BlocksExecuted,
    TokensUsed,
    counters,
)
from sidecar.handlers.runs.views import MessageTruncated, SummaryStateOrNull, must_find
from sidecar.store import codec
from sidecar.store.runs import rows
from sidecar.store.runs.rows import Counters, Ending, RunHeader
from sidecar.values import Count, RunId, Timestamp
from sidecar.vocabularies import RunStatus, SummaryState

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


class RunsFinishParams(Params, frozen=True):
    """How a run ended."""

    mends: ClassVar[frozenset[str]] = frozenset(("error_message", "summary"))

    id: RunId
    status: Annotated[Literal["success", "error", "cancelled"], Meta(description="How it ended.")]
    summary: Annotated[
        Raw | UnsetType,
        Meta(
            description="Any JSON. Of one larger than 1 MiB, the first MiB is kept, as a JSON"
            " string; the answer says what became of it."
        ),
    ] = UNSET
    error_message: Annotated[
        str | None,
        Meta(description="Why the run failed; 16384 characters of it are kept."),
    ] = None
    blocks_executed: BlocksExecuted = None
    tokens_used: TokensUsed = None
    api_calls_made: ApiCallsMade = None
    completed_at: Annotated[
        Timestamp | None,
        Meta(
            description="When the run ended, for imported history: a time before its start"
            " counts as its start, one in the future as now. Now when absent. A finish that is"
            " repeated may give another."
        ),
    ] = None


class RunsFinishResult(Result, frozen=True):
    """The run, which has ended."""

    id: RunId
    status: Annotated[RunStatus, Meta(description="How it ended.")]
    completed_at: Timestamp
    duration_ms: Annotated[
        Count, Meta(description="Milliseconds from its start to its end, waits included.")
    ]
    message_truncated: MessageTruncated
    summary_state: SummaryStateOrNull
    changed: Annotated[bool, Meta(description="Whether it was this call that ended the run.")]
    resumed: Annotated[
        bool, Meta(description="Whether it was interrupted, and this call took it up again.")
    ]


class _Payload(msgspec.Struct, frozen=True):
    """The texts of a finish as they are stored."""

    message: str | None
    message_truncated: bool
    summary: codec.Packed | None
    summary_state: SummaryState | None
    summary_bytes: int | None


@method("runs.finish", access="write", errors=(NotFound, Conflict))
def finish(ctx: Context, params: RunsFinishParams) -> RunsFinishResult:
    """End a run; finishing it again changes nothing with the same values, else it is a conflict.

    An interrupted run is resumed first. No text makes a finish fail: it is truncated, repaired or
    dropped. Half of a surrogate pair, NaN, bytes that are not UTF-8 and nesting
    without end are accepted in `error_message` and `summary`.
    """
    run = must_find(ctx, params.id)
    payload = _payload(ctx, params)
    totals = counters(params.blocks_executed, params.tokens_used, params.api_calls_made)
    resumed = resume(ctx, run)
    if run.status != "running" and not resumed:
        return _answer_again(ctx, run, params.status, payload, totals)
    now, monotonic = ctx.clock.now_ms(), ctx.clock.monotonic_ms()
    started_ms = forget_start(ctx, run)
    if params.completed_at is not None:
        now, started_ms = min(now, params.completed_at), None
    elapsed_ms = now - run.started_at if started_ms is None else round(monotonic - started_ms)
    ending = Ending(
        params.status,
        max(now, run.started_at),
        max(0, elapsed_ms),
        payload.message,
        payload.message_truncated,
        payload.summary_state,
        payload.summary_bytes,
        payload.summary.stored_bytes if payload.summary else None,
    )
    db = ctx.db
    rows.finish(db, run.rid, ending, totals)
    if payload.summary is not None:
        rows.put_summary(db, run.rid, payload.summary)
    tell(ctx, run.id, run.workflow_id, params.status, "finished")
    return RunsFinishResult(
        run.id,
        params.status,
        ending.completed_at,
        ending.duration_ms,
        payload.message_truncated,
        payload.summary_state,
        changed=True,
        resumed=resumed,
    )


def _payload(ctx: Context, params: RunsFinishParams) -> _Payload:
    """Return the texts of a finish as they are to be stored, and what became of them."""
    message, sent = params.error_message, params.error_message
    if message is not None:
        message = message[: limits.ERROR_MESSAGE_MAX_CHARS].replace("\0", _REPLACEMENT)
    truncated = message != sent or "error_message" in ctx.mended
    body = None if params.summary is UNSET else bytes(params.summary)
    state: SummaryState | None = ctx.mended.get("summary", "kept")
    if body is not None and ctx.line_is_deep and depth.exceeds(body):
        body, state = None, "dropped"
    if body is None or body == b"null":
        return _Payload(message, truncated, None, "dropped" if state == "dropped" else None, None)
    size_bytes = len(body)
    if size_bytes > limits.SUMMARY_KEPT_BYTES:
        text = body[: limits.SUMMARY_KEPT_BYTES].decode(errors="ignore")
        body, state = msgspec.json.encode(text), "truncated"
    return _Payload(message, truncated, codec.pack(body), state, size_bytes)


def _answer_again(
    ctx: Context, run: RunHeader, status: RunStatus, payload: _Payload, totals: Counters
) -> RunsFinishResult:
    """Answer a finish of a run that has ended, or raise Conflict when it ended otherwise."""
    stored = rows.load_summary(ctx.db, run.rid)
    same = (
        run.status == status
        and run.error_message == payload.message
        and run.summary_bytes == payload.summary_bytes
        and (stored[1] if stored else None) == (payload.summary.sha256 if payload.summary else None)
        and totals.blocks_executed in (None, run.blocks_executed)
        and totals.tokens_used in (None, run.tokens_used)
        and totals.api_calls_made in (None, run.api_calls_made)
    )
    if not same:
        raise Conflict(
            "The run has ended with other values.", path="$.params.id", status=run.status
        )
    return RunsFinishResult(
        run.id,
        run.status,
        run.completed_at or 0,
        run.duration_ms or 0,
        bool(run.message_truncated),
        run.summary_state,
        changed=False,
        resumed=False,
    )
