"""Computes figures over many runs from their headers; summaries are not read.

A figure may scan all runs, so callers use a read connection of their own.
"""

from typing import Final, NamedTuple

from sidecar import limits
from sidecar.store.connection import Connection
from sidecar.store.rows import bounded_sum

DAY_MS: Final = 86_400_000


class Scope(NamedTuple):
    """Which runs to include; None does not limit.

    The times are start times; `from_at` is part of the interval and `to_at` is not.
    """

    workflow: int | None
    from_at: int | None
    to_at: int | None


class Group(NamedTuple):
    """Figures of all runs that have one status."""

    status: str
    runs: int
    blocks_executed: int
    tokens_used: int
    api_calls_made: int


class Day(NamedTuple):
    """Figures of all runs that started on one day; `number` counts days since 1970-01-01."""

    number: int
    runs: int
    succeeded: int
    failed: int
    tokens_used: int


def _where(scope: Scope, *more: str) -> tuple[str, list[object]]:
    """Return the WHERE clause of a scope with further conditions, and the clause's values."""
    conditions, values = list(more), list[object]()
    for condition, value in (
        ("workflow = ?", scope.workflow),
        ("started_at >= ?", scope.from_at),
        ("started_at < ?", scope.to_at),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    return (f" WHERE {' AND '.join(conditions)}" if conditions else ""), values


def group_by_status(db: Connection, scope: Scope) -> list[Group]:
    """Return the figures of each status that occurs."""
    where, values = _where(scope)
    rows = db.execute(
        f"SELECT status, count(*), {bounded_sum('blocks_executed')}, {bounded_sum('tokens_used')},"  # noqa: S608 - constants
        f" {bounded_sum('api_calls_made')} FROM runs{where} GROUP BY status",
        values,
    )
    return [Group(*row) for row in rows]


def duration_quantile_ms(db: Connection, scope: Scope, percent: int) -> int | None:
    """Return the shortest duration that `percent` of the ended runs do not exceed.

    None when no run has ended.
    """
    where, values = _where(scope, "duration_ms IS NOT NULL")
    count = int(db.execute(f"SELECT count(*) FROM runs{where}", values).get)  # noqa: S608 - constants
    if count == 0:
        return None
    rank = -(-count * percent // 100) - 1  # rounded up, in whole numbers
    row = db.execute(
        f"SELECT duration_ms FROM runs{where} ORDER BY duration_ms LIMIT 1 OFFSET ?",  # noqa: S608 - constants
        [*values, rank],
    ).fetchone()
    # A damaged cell is no duration.
    return row[0] if row and isinstance(row[0], int) else None


def group_by_day(db: Connection, scope: Scope, utc_offset_ms: int) -> list[Day]:
    """Return the figures of the newest days on which runs started, oldest day first.

    Days begin at midnight in the time zone of the offset.
    """
    where, values = _where(scope)
    rows = db.execute(
        f"SELECT (CAST(coalesce(started_at, 0) AS INTEGER) + ?) / {DAY_MS} AS day, count(*),"  # noqa: S608 - constants
        " sum(status = 'success'),"
        f" sum(status = 'error'), {bounded_sum('tokens_used')} FROM runs{where}"
        " GROUP BY day ORDER BY day DESC LIMIT ?",
        [utc_offset_ms, *values, limits.STATS_DAYS_MAX],
    ).fetchall()
    return [Day(*row) for row in reversed(rows)]
