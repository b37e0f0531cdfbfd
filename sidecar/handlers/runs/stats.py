"""`runs.stats`: figures over the headers of many runs."""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import InvalidParams, NotFound
from sidecar.handlers.runs.views import FromAt, ToAt, WorkflowFilter
from sidecar.store.runs import rows
from sidecar.store.runs.days import Calendar, Day, UnknownTimeZone, group_by_day
from sidecar.store.runs.stats import Group, Scope, duration_quantile_ms, group_by_status
from sidecar.values import Count


class RunsStatsParams(Params, frozen=True):
    """Which runs to count; every filter that is absent matches all of them."""

    workflow_id: WorkflowFilter = None
    from_at: FromAt = None
    to_at: ToAt = None
    time_zone: Annotated[
        Annotated[str, Meta(min_length=1, max_length=limits.TIME_ZONE_MAX_CHARS)] | None,
        Meta(
            description="Time zone in which days begin, by its IANA name, such as"
            " `Europe/Vienna`; UTC when absent."
        ),
    ] = None


class RunsByStatus(Struct, frozen=True):
    """Number of runs in each status."""

    running: Annotated[Count, Meta(description="Still running.")]
    success: Annotated[Count, Meta(description="Ended with success.")]
    error: Annotated[Count, Meta(description="Ended with an error.")]
    cancelled: Annotated[Count, Meta(description="Cancelled.")]


class RunsDay(Struct, frozen=True):
    """The runs that were started on one day."""

    day: Annotated[str, Meta(description="YYYY-MM-DD, in the time zone `time_zone`.")]
    runs: Annotated[Count, Meta(description="Runs started.")]
    succeeded: Annotated[Count, Meta(description="Those that ended with success.")]
    failed: Annotated[
        Count, Meta(description="Those that ended with an error; interrupted ones do not count.")
    ]
    tokens_used: Annotated[Count, Meta(description="Tokens used by them.")]


class RunsStatsResult(Result, frozen=True):
    """The figures of these runs."""

    runs: Annotated[Count, Meta(description="Number of runs.")]
    by_status: Annotated[RunsByStatus, Meta(description="Number of runs in each status.")]
    interrupted: Annotated[
        Count, Meta(description="Those of `by_status.error` that are interrupted.")
    ]
    success_rate: Annotated[
        float | None,
        Meta(
            description="success / (success + error), without interrupted runs; null when there is"
            " neither."
        ),
    ]
    p50_ms: Annotated[
        Count | None,
        Meta(description="Median duration, without interrupted runs; null when none has ended."),
    ]
    p95_ms: Annotated[
        Count | None, Meta(description="95th percentile of the same durations; null likewise.")
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
    """Count runs by status and by day, and sum up the resources that they used."""
    try:
        calendar = Calendar(params.time_zone)
    except UnknownTimeZone:
        raise InvalidParams(
            "There is no such time zone; give an IANA name, such as Europe/Vienna.",
            path="$.params.time_zone",
        ) from None
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
        days = group_by_day(db, scope, calendar)
    return _result(groups, quantiles, days)


def _result(groups: list[Group], quantiles: list[int | None], days: list[Day]) -> RunsStatsResult:
    counts = {group.status: group.runs for group in groups}
    interrupted = sum(group.interrupted for group in groups)
    ended = counts.get("success", 0) + counts.get("error", 0) - interrupted
    return RunsStatsResult(
        runs=sum(counts.values()),
        by_status=RunsByStatus(
            *(counts.get(status, 0) for status in RunsByStatus.__struct_fields__)
        ),
        interrupted=interrupted,
        success_rate=round(counts.get("success", 0) / ended, 4) if ended else None,
        p50_ms=quantiles[0],
        p95_ms=quantiles[1],
        blocks_executed=_bounded_sum(group.blocks_executed for group in groups),
        tokens_used=_bounded_sum(group.tokens_used for group in groups),
        api_calls_made=_bounded_sum(group.api_calls_made for group in groups),
        days=[RunsDay(day.date.isoformat(), *day[1:]) for day in days],
    )


def _bounded_sum(parts: Iterable[int]) -> int:
    """Return the sum, at most the largest integer that a client reads exactly."""
    return min(sum(parts), limits.SAFE_INTEGER_MAX)
