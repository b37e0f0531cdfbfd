"""`runs.get`, `runs.list`, and `runs.stats`: figures over the headers of many runs."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from sidecar import limits
from sidecar.bodies.parse import is_json
from sidecar.catalog import Params, Result, method
from sidecar.context import Context, LongContext
from sidecar.decode_errors import read_cursor
from sidecar.errors import NotFound
from sidecar.handlers.runs.views import (
    FromAt,
    Run,
    RunWithSummary,
    ToAt,
    WorkflowFilter,
    must_find,
    run_fields,
    run_view,
)
from sidecar.store import codec
from sidecar.store.runs import rows
from sidecar.store.runs.rows import RunHeader
from sidecar.store.runs.stats import (
    Day,
    Group,
    Scope,
    duration_quantile_ms,
    group_by_day,
    group_by_status,
)
from sidecar.values import (
    Count,
    Cursor,
    Limit,
    NextCursor,
    RunId,
    encode_cursor,
    query_mark,
    stored_json,
)
from sidecar.vocabularies import RunStatus


class RunsGetParams(Params, frozen=True):
    """The run to read."""

    id: RunId


class RunsGetResult(Result, frozen=True):
    """The run."""

    run: Annotated[RunWithSummary, Meta(description="The run with its summary.")]


@method("runs.get", access="read", errors=(NotFound,))
def get(ctx: Context, params: RunsGetParams) -> RunsGetResult:
    """Return a run with its summary."""
    run = must_find(ctx, params.id)
    stored = rows.load_summary(ctx.db, run.rid)
    summary = stored_json(_as_json(codec.unpack(*stored), run)) if stored else None
    return RunsGetResult(RunWithSummary(*run_fields(run, summary)))


def _as_json(summary: bytes, run: RunHeader) -> bytes:
    """Return a stored summary as JSON; some that were cut have been stored without quotes."""
    if (run.summary_bytes or 0) <= limits.SUMMARY_KEPT_BYTES or is_json(summary):
        return summary
    return msgspec.json.encode(summary.decode(errors="ignore"))


class RunsListParams(Params, frozen=True):
    """Which runs to list; every filter that is absent matches all of them."""

    workflow_id: WorkflowFilter = None
    status: Annotated[RunStatus | None, Meta(description="Only runs in this status.")] = None
    from_at: FromAt = None
    to_at: ToAt = None
    limit: Limit = limits.PAGE_DEFAULT
    cursor: Annotated[
        Cursor | None, Meta(description="`next_cursor` of the page before; absent: the first page.")
    ] = None


class RunsListResult(Result, frozen=True):
    """A page of runs without their summaries."""

    items: Annotated[list[Run], Meta(description="Newest first.")]
    next_cursor: NextCursor


@method("runs.list", access="read", errors=(NotFound,))
def list_runs(ctx: Context, params: RunsListParams) -> RunsListResult:
    """List runs without their summaries, newest first, a page at a time."""
    workflow = None
    if params.workflow_id is not None:
        workflow = rows.find_workflow(ctx.db, params.workflow_id)
        if workflow is None:
            raise NotFound("No workflow has that id.", path="$.params.workflow_id")
    mark = query_mark(params.workflow_id, params.status, params.from_at, params.to_at)
    before = None
    if params.cursor is not None:
        started_at, rid = read_cursor(params.cursor, mark, int, int)
        before = (started_at, rid)
    found = rows.read_page(
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
    return RunsListResult([run_view(run) for run in page], cursor)


MINUTE_MS = 60_000
_EPOCH = date(1970, 1, 1).toordinal()


class RunsStatsParams(Params, frozen=True):
    """Which runs to count; every filter that is absent matches all of them."""

    workflow_id: WorkflowFilter = None
    from_at: FromAt = None
    to_at: ToAt = None
    utc_offset_minutes: Annotated[
        int,
        Meta(
            ge=-limits.UTC_OFFSET_MAX_MINUTES,
            le=limits.UTC_OFFSET_MAX_MINUTES,
            description="Time zone in which days begin, minutes east of UTC; 0 when absent.",
        ),
    ] = 0


class RunsByStatus(Struct, frozen=True):
    """Number of runs in each status."""

    running: Annotated[Count, Meta(description="Still running.")]
    success: Annotated[Count, Meta(description="Ended with success.")]
    error: Annotated[Count, Meta(description="Ended with an error.")]
    cancelled: Annotated[Count, Meta(description="Cancelled.")]


class RunsDay(Struct, frozen=True):
    """The runs that were started on one day."""

    day: Annotated[str, Meta(description="YYYY-MM-DD, in the time zone of utc_offset_minutes.")]
    runs: Annotated[Count, Meta(description="Runs started.")]
    succeeded: Annotated[Count, Meta(description="Those that ended with success.")]
    failed: Annotated[Count, Meta(description="Those that ended with an error.")]
    tokens_used: Annotated[Count, Meta(description="Tokens used by them.")]


class RunsStatsResult(Result, frozen=True):
    """The figures of these runs."""

    count: Annotated[Count, Meta(description="Number of runs.")]
    by_status: Annotated[RunsByStatus, Meta(description="Number of runs in each status.")]
    success_rate: Annotated[
        float | None, Meta(description="success / (success + error); null when there is neither.")
    ]
    p50_ms: Annotated[Count | None, Meta(description="Median duration; null when none has ended.")]
    p95_ms: Annotated[
        Count | None, Meta(description="95th percentile of durations; null when none has ended.")
    ]
    blocks_executed: Annotated[Count, Meta(description="Blocks executed by all of them.")]
    tokens_used: Annotated[Count, Meta(description="Tokens used by all of them.")]
    api_calls_made: Annotated[Count, Meta(description="API calls made by all of them.")]
    days: Annotated[
        list[RunsDay],
        Meta(description="The newest 400 days on which runs were started, oldest first."),
    ]


@method("runs.stats", long=True, errors=(NotFound,))
def stats(ctx: LongContext, params: RunsStatsParams) -> RunsStatsResult:
    """Count runs by status and by day, and sum up what they used."""
    with ctx.reading(snapshot=True, cancellable=True) as db:
        workflow = None
        if params.workflow_id is not None:
            owner = rows.find_owner(db, params.workflow_id)
            if owner is None:
                raise NotFound("No workflow has that id.", path="$.params.workflow_id")
            workflow = owner.rid
        scope = Scope(workflow, params.from_at, params.to_at)
        groups = group_by_status(db, scope)
        quantiles = [duration_quantile_ms(db, scope, percent) for percent in (50, 95)]
        days = group_by_day(db, scope, params.utc_offset_minutes * MINUTE_MS)
    return _result(groups, quantiles, days)


def _result(groups: list[Group], quantiles: list[int | None], days: list[Day]) -> RunsStatsResult:
    counts = {group.status: group.runs for group in groups}
    ended = counts.get("success", 0) + counts.get("error", 0)
    return RunsStatsResult(
        count=sum(counts.values()),
        by_status=RunsByStatus(
            *(counts.get(status, 0) for status in RunsByStatus.__struct_fields__)
        ),
        success_rate=round(counts.get("success", 0) / ended, 4) if ended else None,
        p50_ms=quantiles[0],
        p95_ms=quantiles[1],
        blocks_executed=_bounded_sum(group.blocks_executed for group in groups),
        tokens_used=_bounded_sum(group.tokens_used for group in groups),
        api_calls_made=_bounded_sum(group.api_calls_made for group in groups),
        days=[RunsDay(_date(day.number), *day[1:]) for day in days],
    )


def _bounded_sum(parts: Iterable[int]) -> int:
    """Return the sum, at most the largest integer that a client reads exactly."""
    return min(sum(parts), limits.SAFE_INTEGER_MAX)


def _date(number: int) -> str:
    """Return the date of a day that is `number` days after 1970-01-01."""
    # Times may lie beyond the year 9999, with which Python's calendar ends, when a clock was wrong.
    return date.fromordinal(min(_EPOCH + number, date.max.toordinal())).isoformat()
