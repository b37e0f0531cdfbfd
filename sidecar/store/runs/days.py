"""Counts runs by calendar day in a time zone.

A day is the time from one local midnight to the next: 23 or 25 hours when the clocks change. SQLite
knows no time zones, so each day is a query of its own over an index, newest day first.
"""

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final, NamedTuple

from sidecar import limits
from sidecar.store.connection import Connection
from sidecar.store.rows import bounded_sum
from sidecar.store.runs.stats import Scope, where

_LAST: Final = date.max
_LAST_MS: Final = 253_402_128_000_000
"""The last day but one of Python's calendar: when a clock was wrong, times may lie beyond it."""


class UnknownTimeZone(ValueError):
    """No time zone has that name."""


class Day(NamedTuple):
    """Figures of all runs that started on one day."""

    date: date
    runs: int
    succeeded: int
    failed: int
    tokens_used: int


class Calendar:
    """The days of one time zone."""

    def __init__(self, time_zone: str | None) -> None:
        """Use the zone with this IANA name, or UTC.

        Raises:
            UnknownTimeZone: there is none.
        """
        self._zone: tzinfo = UTC
        if time_zone is not None:
            from zoneinfo import ZoneInfo  # noqa: PLC0415 - 5 ms that only this method needs

            try:
                self._zone = ZoneInfo(time_zone)
            except (KeyError, ValueError, OSError):
                raise UnknownTimeZone from None

    def midnight_ms(self, day: date) -> int:
        """Return when a day begins: where its midnight is left out, at the first time after it."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=self._zone)
        return round(midnight.timestamp() * 1000)

    def day_of(self, at_ms: int) -> date:
        """Return the day of a time; every time beyond the calendar is of its last day."""
        if at_ms >= _LAST_MS:
            return _LAST
        day = datetime.fromtimestamp(at_ms / 1000, self._zone).date()
        # Clocks that were put back over midnight show the day before for a second time.
        following = day + timedelta(days=1)
        return following if at_ms >= self.midnight_ms(following) else day


def group_by_day(db: Connection, scope: Scope, calendar: Calendar) -> list[Day]:
    """Return the figures of the newest days on which runs started, oldest day first."""
    days: list[Day] = []
    end_ms = limits.SAFE_INTEGER_MAX + 1
    while len(days) < limits.STATS_DAYS_MAX:
        newest = _newest(db, scope, end_ms)
        if newest is None:
            break
        day = calendar.day_of(newest)
        begin_ms = _LAST_MS if day == _LAST else calendar.midnight_ms(day)
        days.append(Day(day, *_figures(db, scope, begin_ms, end_ms)))
        end_ms = begin_ms
    return days[::-1]


def _newest(db: Connection, scope: Scope, before_ms: int) -> int | None:
    """Return the newest start of a run before a time; None when there is none.

    What is stored in place of a time, by damage, is none.
    """
    condition, values = where(scope, "started_at >= 0", f"started_at < {before_ms}")
    sql = f"SELECT max(started_at) FROM runs{condition}"  # noqa: S608 - constants
    found = db.execute(sql, values).get
    return None if found is None else int(found)


def _figures(db: Connection, scope: Scope, begin_ms: int, end_ms: int) -> tuple[int, int, int, int]:
    """Return the number of runs of a day, those that succeeded and failed, and their tokens."""
    condition, values = where(scope, f"started_at >= {begin_ms}", f"started_at < {end_ms}")
    row: Any = db.execute(
        "SELECT count(*), sum(status = 'success'),"  # noqa: S608 - constants
        f" sum(status = 'error' AND interrupted_at IS NULL), {bounded_sum('tokens_used')}"
        f" FROM runs{condition}",
        values,
    ).fetchone()
    runs, succeeded, failed, tokens_used = row
    return runs, succeeded or 0, failed or 0, tokens_used
