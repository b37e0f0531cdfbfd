"""Which backups go: a pure plan over what is there, the time and a bound in bytes.

Kept always: those a person made, the newest three of all, the newest two made before a restore,
and the newest of each of the last three versions of the tables. Of the rest: the last of each
hour for a day, of each day for a week, of each week for four. What is left goes, and then, while
all together take more than the bound, the oldest that need not be kept always.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from sidecar.archive.manifest import Reason

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_WEEK_MS: Final = 7 * _DAY_MS
_MONDAY_MS: Final = 4 * _DAY_MS
"""1970-01-05, the first Monday: weeks begin there."""

NEWEST_KEPT: Final = 3
RESTORES_KEPT: Final = 2
VERSIONS_KEPT: Final = 3
_PERIODS: Final = ((_HOUR_MS, _DAY_MS), (_DAY_MS, 7 * _DAY_MS), (_WEEK_MS, 4 * _WEEK_MS))
"""Length of a period, and how long the last of each is kept."""


class Candidate(NamedTuple):
    """What the plan goes by."""

    name: str
    created_at: int
    reason: Reason
    schema_version: int
    size_bytes: int


def plan(now_ms: int, found: Iterable[Candidate], most_bytes: int) -> list[str]:
    """Names of the backups to delete, oldest first.

    While the newest lies more than a day ahead no time can be believed, and nothing goes.
    """
    newest_first = sorted(found, key=lambda each: (each.created_at, each.name), reverse=True)
    if not newest_first or newest_first[0].created_at > now_ms + _DAY_MS:
        return []
    always = _always(newest_first)
    kept = always | _last_of_periods(now_ms, newest_first)
    gone = [each for each in newest_first if each.name not in kept]
    rest_bytes = sum(each.size_bytes for each in newest_first if each.name in kept)
    for each in reversed(newest_first):
        if rest_bytes <= most_bytes:
            break
        if each.name in kept - always:
            gone.append(each)
            rest_bytes -= each.size_bytes
    return [each.name for each in sorted(gone, key=lambda each: (each.created_at, each.name))]


def _always(newest_first: list[Candidate]) -> set[str]:
    """Those that no age and no bound takes."""
    versions = sorted({each.schema_version for each in newest_first}, reverse=True)
    newest_of_versions = [
        next(each for each in newest_first if each.schema_version == version)
        for version in versions[:VERSIONS_KEPT]
    ]
    manual = [each for each in newest_first if each.reason == "manual"]
    before_restores = [each for each in newest_first if each.reason == "restore"]
    several = (
        manual,
        newest_first[:NEWEST_KEPT],
        before_restores[:RESTORES_KEPT],
        newest_of_versions,
    )
    return {each.name for some in several for each in some}


def _last_of_periods(now_ms: int, newest_first: list[Candidate]) -> set[str]:
    kept: set[str] = set()
    for length_ms, age_ms in _PERIODS:
        young = [each for each in newest_first if now_ms - each.created_at < age_ms]
        last: dict[int, str] = {}
        for each in young:
            last.setdefault((each.created_at - _MONDAY_MS) // length_ms, each.name)
        kept.update(last.values())
    return kept
