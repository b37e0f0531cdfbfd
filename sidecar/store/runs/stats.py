"""Computes figures over many runs from their headers; summaries are not read.

A figure may scan all runs, so callers use a read connection of their own.
"""

from typing import NamedTuple

from sidecar.store.connection import Connection
from sidecar.store.rows import bounded_sum


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
    interrupted: int
    blocks_executed: int
    tokens_used: int
    api_calls_made: int


def where(scope: Scope, *more: str) -> tuple[str, list[object]]:
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
    condition, values = where(scope)
    rows = db.execute(
        f"SELECT status, count(*), count(interrupted_at), {bounded_sum('blocks_executed')},"  # noqa: S608 - constants
        f" {bounded_sum('tokens_used')}, {bounded_sum('api_calls_made')}"
        f" FROM runs{condition} GROUP BY status",
        values,
    )
    return [Group(*row) for row in rows]


def duration_quantile_ms(db: Connection, scope: Scope, percent: int) -> int | None:
    """Return the shortest duration that `percent` of the ended runs do not exceed.

    None when no run has ended. Interrupted runs have not: their duration is that until the process
    last heard of them.
    """
    condition, values = where(scope, "duration_ms IS NOT NULL", "interrupted_at IS NULL")
    count = int(db.execute(f"SELECT count(*) FROM runs{condition}", values).get)  # noqa: S608 - constants
    if count == 0:
        return None
    rank = -(-count * percent // 100) - 1  # rounded up, in whole numbers
    row = db.execute(
        f"SELECT duration_ms FROM runs{condition} ORDER BY duration_ms LIMIT 1 OFFSET ?",  # noqa: S608 - constants
        [*values, rank],
    ).fetchone()
    # A damaged cell is no duration.
    return row[0] if row and isinstance(row[0], int) else None
