"""Methods of the run history: a run is started, tells of itself, and ends once.

Durations are measured on a clock that never jumps: the monotonic start of each running run is
held here in memory, which is enough, since a run does not outlive the process that started it.
"""

from typing import Annotated, Any, Literal
from weakref import WeakKeyDictionary

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import (
    Archived,
    Conflict,
    DatabaseDamaged,
    InvalidParams,
    NotFound,
    TooLarge,
)
from sidecar.store import codec, purge
from sidecar.store.connection import Store
from sidecar.store.runs import rows as runs
from sidecar.store.runs.rows import Counters, Ending, RunHeader
from sidecar.values import (
    Count,
    Cursor,
    Limit,
    NextCursor,
    Revision,
    RunId,
    Timestamp,
    WorkflowId,
    decode_cursor,
    encode_cursor,
    query_mark,
    stored_json,
)

Status = Literal["running", "success", "error", "cancelled"]

_started_ms: WeakKeyDictionary[Store, dict[int, float]] = WeakKeyDictionary()
"""Monotonic start of every running run of a store, by rid."""


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


def _fields(run: RunHeader) -> dict[str, Any]:
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


def existing(ctx: Context, run_id: str) -> RunHeader:
    """The run of that id.

    Raises:
        NotFound: there is none.
    """
    run = runs.get(ctx.db, run_id)
    if run is None:
        raise NotFound("There is no such run.", path="$.params.id")
    return run


# --- runs.start -------------------------------------------------------------------------------


class RunsStartParams(Params, frozen=True):
    """Which workflow runs."""

    workflow_id: WorkflowId
    id: Annotated[RunId | None, Meta(description="Id of the run; made here when absent.")] = None


class RunsStartResult(Result, frozen=True):
    """The run that is running."""

    id: RunId
    workflow_id: WorkflowId
    revision: Annotated[Revision, Meta(description="Revision of the workflow that runs.")]
    started_at: Timestamp
    created: Annotated[bool, Meta(description="False when this id was started before.")]


@method("runs.start", access="write", errors=(NotFound, Archived, Conflict))
def start(ctx: Context, params: RunsStartParams) -> RunsStartResult:
    """Begin a run; the same id on the same workflow again is the same run."""
    if params.id is not None:
        run = runs.get(ctx.db, params.id)
        if run is not None:
            if run.workflow_id != params.workflow_id:
                raise Conflict("That id is a run of another workflow.", path="$.params.id")
            return RunsStartResult(
                run.id, run.workflow_id, run.revision, run.started_at, created=False
            )
    workflow = runs.owner(ctx.db, params.workflow_id)
    if workflow is None:
        raise NotFound("There is no such workflow.", path="$.params.workflow_id")
    if workflow.archived_at is not None:
        raise Archived(path="$.params.workflow_id")
    run_id, at = params.id or ctx.clock.new_id(), ctx.clock.now_ms()
    rid = runs.start(ctx.db, run_id, workflow, at)
    _started_ms.setdefault(ctx.store, {})[rid] = ctx.clock.monotonic_ms()
    return RunsStartResult(run_id, params.workflow_id, workflow.revision, at, created=True)


# --- runs.progress ----------------------------------------------------------------------------

BlocksExecuted = Annotated[
    Count | None, Meta(description="Blocks executed so far; absent or null keeps the number.")
]
TokensUsed = Annotated[
    Count | None, Meta(description="Tokens used so far; absent or null keeps the number.")
]
ApiCallsMade = Annotated[
    Count | None, Meta(description="API calls made so far; absent or null keeps the number.")
]


class RunsProgressParams(Params, frozen=True):
    """How far a run is: totals so far, not increments."""

    id: RunId
    blocks_executed: BlocksExecuted = None
    tokens_used: TokensUsed = None
    api_calls_made: ApiCallsMade = None


class RunsProgressResult(Result, frozen=True):
    """The run told of."""

    id: RunId
    status: Annotated[Status, Meta(description="Always `running`.")]


@method("runs.progress", access="write", errors=(NotFound, Conflict))
def progress(ctx: Context, params: RunsProgressParams) -> RunsProgressResult:
    """Tell how far a running run is; also its sign of life."""
    run = existing(ctx, params.id)
    if run.status != "running":
        raise Conflict("The run has ended.", path="$.params.id", status=run.status)
    counters = Counters(params.blocks_executed, params.tokens_used, params.api_calls_made)
    runs.progress(ctx.db, run.rid, counters, ctx.clock.now_ms())
    return RunsProgressResult(run.id, "running")


# --- runs.finish ------------------------------------------------------------------------------


class RunsFinishParams(Params, frozen=True):
    """How a run ended."""

    id: RunId
    status: Annotated[Literal["success", "error", "cancelled"], Meta(description="How it ended.")]
    summary: Annotated[
        Raw | UnsetType,
        Meta(description="Any JSON up to 16 MiB; over 1 MiB its beginning is kept as a string."),
    ] = UNSET
    error_message: Annotated[
        Annotated[str, Meta(max_length=limits.ERROR_MESSAGE_MAX_CHARS)] | None,
        Meta(description="Why it failed, up to 16 384 characters."),
    ] = None
    blocks_executed: BlocksExecuted = None
    tokens_used: TokensUsed = None
    api_calls_made: ApiCallsMade = None


class RunsFinishResult(Result, frozen=True):
    """The run that has ended."""

    id: RunId
    status: Annotated[Status, Meta(description="How it ended.")]
    completed_at: Timestamp
    duration_ms: Annotated[Count, Meta(description="Milliseconds from start to end.")]
    changed: Annotated[bool, Meta(description="False when it had ended the same way before.")]


@method("runs.finish", access="write", errors=(NotFound, Conflict, TooLarge))
def finish(ctx: Context, params: RunsFinishParams) -> RunsFinishResult:
    """End a run; the same values again change nothing, others are a conflict."""
    run = existing(ctx, params.id)
    body = _summary_body(params.summary)
    packed = None if body is None else codec.pack(_kept(body))
    summary_bytes = None if body is None else len(body)
    if run.status != "running":
        return _finished_before(ctx, run, params, packed, summary_bytes)
    now, monotonic = ctx.clock.now_ms(), ctx.clock.monotonic_ms()
    began_ms = _started_ms.get(ctx.store, {}).pop(run.rid, None)
    spent_ms = now - run.started_at if began_ms is None else round(monotonic - began_ms)
    duration_ms = max(0, spent_ms)
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
    runs.finish(ctx.db, run.rid, ending, counters)
    if packed is not None:
        runs.put_summary(ctx.db, run.rid, packed)
    return RunsFinishResult(run.id, params.status, completed_at, duration_ms, changed=True)


def _summary_body(raw: Raw | UnsetType) -> bytes | None:
    if raw is UNSET:
        return None
    body = codec.normalise(bytes(raw))
    if len(body) > limits.SUMMARY_MAX_BYTES:
        raise TooLarge(path="$.params.summary", limit=limits.SUMMARY_MAX_BYTES)
    return None if body == b"null" else body


def _kept(body: bytes) -> bytes:
    """The summary itself, or its first MiB as a JSON string."""
    if len(body) <= limits.SUMMARY_KEPT_BYTES:
        return body
    return msgspec.json.encode(body[: limits.SUMMARY_KEPT_BYTES].decode(errors="ignore"))


def _finished_before(
    ctx: Context,
    run: RunHeader,
    params: RunsFinishParams,
    packed: codec.Packed | None,
    summary_bytes: int | None,
) -> RunsFinishResult:
    """Answer a repeated finish: the same values are fine, others are not."""
    stored = runs.summary(ctx.db, run.rid)
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
        raise Conflict("The run has ended otherwise.", path="$.params.id", status=run.status)
    return RunsFinishResult(
        run.id, params.status, run.completed_at or 0, run.duration_ms or 0, changed=False
    )


# --- runs.get, runs.list, runs.delete ---------------------------------------------------------


class RunsGetParams(Params, frozen=True):
    """Which run."""

    id: RunId


class RunsGetResult(Result, frozen=True):
    """The run."""

    run: Annotated[RunWithSummary, Meta(description="The run with its summary.")]


@method("runs.get", access="read", errors=(NotFound, DatabaseDamaged))
def get(ctx: Context, params: RunsGetParams) -> RunsGetResult:
    """Return one run with its summary."""
    run = existing(ctx, params.id)
    stored = runs.summary(ctx.db, run.rid)
    summary = stored_json(codec.unpack(*stored)) if stored else None
    return RunsGetResult(RunWithSummary(**_fields(run), summary=summary))


class RunsListParams(Params, frozen=True):
    """Which runs; absent filters let all through."""

    workflow_id: Annotated[WorkflowId | None, Meta(description="Only of this workflow.")] = None
    status: Annotated[Status | None, Meta(description="Only in this status.")] = None
    from_at: Annotated[Timestamp | None, Meta(description="Only started at or after.")] = None
    to_at: Annotated[Timestamp | None, Meta(description="Only started before.")] = None
    limit: Limit = limits.PAGE_DEFAULT
    cursor: Annotated[Cursor | None, Meta(description="`next_cursor` of the page before.")] = None


class RunsListResult(Result, frozen=True):
    """One page of runs."""

    items: Annotated[list[Run], Meta(description="Newest first, without summaries.")]
    next_cursor: NextCursor


@method("runs.list", access="read", errors=(NotFound,))
def list_runs(ctx: Context, params: RunsListParams) -> RunsListResult:
    """List runs, newest first."""
    workflow = None
    if params.workflow_id is not None:
        workflow = runs.listed(ctx.db, params.workflow_id)
        if workflow is None:
            raise NotFound("There is no such workflow.", path="$.params.workflow_id")
    mark = query_mark(params.workflow_id, params.status, params.from_at, params.to_at)
    before = None
    if params.cursor is not None:
        keys = decode_cursor(params.cursor, str, int, int)
        if keys is None or keys[0] != mark:
            raise InvalidParams(
                "The cursor does not belong to these params; begin again without one.",
                path="$.params.cursor",
            )
        before = (int(keys[1]), int(keys[2]))
    found = runs.page(
        ctx.db,
        before,
        params.limit + 1,
        workflow=workflow,
        status=params.status,
        from_at=params.from_at,
        to_at=params.to_at,
    )
    page = found[: params.limit]
    more = len(found) > params.limit
    cursor = encode_cursor(mark, page[-1].started_at, page[-1].rid) if more else None
    return RunsListResult([Run(**_fields(run)) for run in page], cursor)


class RunsDeleteParams(Params, frozen=True):
    """Which run."""

    id: RunId


class RunsDeleteResult(Result, frozen=True):
    """The run that is gone."""

    id: RunId


@method("runs.delete", access="write", frees=True, errors=(NotFound,))
def delete(ctx: Context, params: RunsDeleteParams) -> RunsDeleteResult:
    """Delete a run and its summary."""
    run = existing(ctx, params.id)
    _started_ms.get(ctx.store, {}).pop(run.rid, None)
    runs.delete(ctx.db, run)
    purge.ask(ctx.db)
    ctx.audit("run_delete", run.id, workflow_id=run.workflow_id)
    ctx.session.schedule(purge.CHORE, limits.PURGE_PAUSE_MS)
    return RunsDeleteResult(run.id)
