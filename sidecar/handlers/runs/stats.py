"""`runs.stats`: how runs went, over any time, without touching their summaries."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import NotFound
from sidecar.store.runs import rows
from sidecar.store.runs.stats import (
    Day,
    Group,
    Scope,
    duration_quantile_ms,
    group_by_day,
    group_by_status,
)
from sidecar.values import Count, Timestamp, WorkflowId

MINUTE_MS = 60_000
_EPOCH = date(1970, 1, 1).toordinal()


class RunsStatsParams(Params, frozen=True):
    """Which runs; absent bounds let all through."""

    workflow_id: Annotated[WorkflowId | None, Meta(description="Only of this workflow.")] = None
    from_at: Annotated[Timestamp | None, Meta(description="Only started at or after.")] = None
    to_at: Annotated[Timestamp | None, Meta(description="Only started before.")] = None
    utc_offset_minutes: Annotated[
        int,
        Meta(
            ge=-limits.UTC_OFFSET_MAX_MINUTES,
            le=limits.UTC_OFFSET_MAX_MINUTES,
            description="Where days begin: minutes east of UTC, 0 when absent.",
        ),
    ] = 0


class RunsByStatus(Struct, frozen=True):
    """How many runs are in each status."""

    running: Annotated[Count, Meta(description="Under way.")]
    success: Annotated[Count, Meta(description="Ended well.")]
    error: Annotated[Count, Meta(description="Ended in an error.")]
    cancelled: Annotated[Count, Meta(description="Stopped by somebody.")]


class RunsDay(Struct, frozen=True):
    """The runs that began on one day."""

    day: Annotated[str, Meta(description="YYYY-MM-DD, in the time zone of the offset.")]
    runs: Annotated[Count, Meta(description="How many began.")]
    succeeded: Annotated[Count, Meta(description="How many of them ended well.")]
    failed: Annotated[Count, Meta(description="How many of them ended in an error.")]
    tokens_used: Annotated[Count, Meta(description="Tokens they used.")]


class RunsStatsResult(Result, frozen=True):
    """The figures of those runs."""

    count: Annotated[Count, Meta(description="How many runs.")]
    by_status: Annotated[RunsByStatus, Meta(description="How many in each status.")]
    success_rate: Annotated[
        float | None, Meta(description="success by success and error; null without either.")
    ]
    p50_ms: Annotated[Count | None, Meta(description="Median duration; null without an ended one.")]
    p95_ms: Annotated[Count | None, Meta(description="95th percentile of the durations.")]
    blocks_executed: Annotated[Count, Meta(description="Blocks executed by all of them.")]
    tokens_used: Annotated[Count, Meta(description="Tokens used by all of them.")]
    api_calls_made: Annotated[Count, Meta(description="API calls made by all of them.")]
    days: Annotated[
        list[RunsDay], Meta(description="Days with runs, oldest first; the newest 400 of them.")
    ]


@method("runs.stats", long=True, errors=(NotFound,))
def stats(ctx: LongContext, params: RunsStatsParams) -> RunsStatsResult:
    """Count runs, their ends, durations and costs, in all and by day."""
    with ctx.reading(snapshot=True, cancellable=True) as db:
        workflow = None
        if params.workflow_id is not None:
            owner = rows.find_owner(db, params.workflow_id)
            if owner is None:
                raise NotFound("There is no such workflow.", path="$.params.workflow_id")
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
        blocks_executed=_whole(group.blocks_executed for group in groups),
        tokens_used=_whole(group.tokens_used for group in groups),
        api_calls_made=_whole(group.api_calls_made for group in groups),
        days=[RunsDay(_date(day.number), *day[1:]) for day in days],
    )


def _whole(parts: Iterable[int]) -> int:
    """Their sum, or the largest number a client reads exactly."""
    return min(sum(parts), limits.SAFE_INTEGER_MAX)


def _date(number: int) -> str:
    # A clock set to the year 300 000 gave such times; the calendar here ends with 9999.
    return date.fromordinal(min(_EPOCH + number, date.max.toordinal())).isoformat()
