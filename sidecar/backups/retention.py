"""Which backups are deleted automatically, and deleting them.

These are always retained: backups that the user made, the newest three, the newest two that were
made before a restore, and the newest of each of the last three schema versions. Of the others the
last one of each hour is retained for a day, of each day for a week and of each week for four
weeks. The rest is deleted. While the retained backups take more bytes than allowed, the oldest
that is not always retained is deleted too.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple
from weakref import WeakSet

from sidecar import limits
from sidecar.backups import directory
from sidecar.context import LongContext
from sidecar.store import purge, settings
from sidecar.store.connection import Store
from sidecar.vocabularies import BackupReason

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_WEEK_MS: Final = 7 * _DAY_MS
_MONDAY_MS: Final = 4 * _DAY_MS
"""1970-01-05, the first Monday, on which the first week begins."""

_NEWEST: Final = 3
_BEFORE_RESTORES: Final = 2
_VERSIONS: Final = 3
_PERIODS: Final = ((_HOUR_MS, _DAY_MS), (_DAY_MS, 7 * _DAY_MS), (_WEEK_MS, 4 * _WEEK_MS))
"""Length of a period, and for how long the last backup of each such period is retained."""

_DATABASE_SHARE: Final = 4
_MIN_ALLOWED_BYTES: Final = 1024 * limits.MIB
"""Without a limit in the settings: so many times the database's size, at least so many bytes."""

CHORE: Final = "backups"
"""Name of the chore that makes backups automatically and deletes superfluous ones."""

_requested: WeakSet[Store] = WeakSet()
"""Databases of which a backup was made since superfluous backups were deleted last."""


class Candidate(NamedTuple):
    """The properties of a backup that decide whether it is deleted."""

    name: str
    created_at: int
    reason: BackupReason
    schema_version: int
    size_bytes: int


def request_retention(ctx: LongContext) -> None:
    """Schedule the chore that deletes superfluous backups; called after each new backup."""
    _requested.add(ctx.store)
    ctx.session.schedule(CHORE, limits.BACKUP_RETIRE_MS, at_latest=True)


def delete_superfluous(ctx: LongContext) -> None:
    """Delete superfluous backups of this database when one was made since the last time.

    Without a newer backup no other becomes superfluous, however old it is.
    """
    if ctx.store not in _requested:
        return
    _requested.discard(ctx.store)
    with ctx.reading() as db:
        folder = directory.folder_of(db, ctx.store.path)
        allowed_bytes = settings.number(db, "backup_keep_bytes")
        if allowed_bytes == 0:
            allowed_bytes = max(_MIN_ALLOWED_BYTES, _DATABASE_SHARE * purge.file_bytes(db))
        backups = directory.list_own(db, ctx.store.path)
    candidates = [
        Candidate(
            each.name,
            each.manifest.created_at,
            each.manifest.reason,
            each.manifest.schema_version,
            each.size_bytes,
        )
        for each in backups
    ]
    for name in plan(ctx.clock.now_ms(), candidates, allowed_bytes):
        (folder / name).unlink(missing_ok=True)


def plan(now_ms: int, candidates: Iterable[Candidate], allowed_bytes: int) -> list[str]:
    """Return the names of the backups to delete, oldest first.

    Nothing is deleted while the newest backup is dated more than a day ahead: the clock is wrong.
    """
    newest_first = sorted(candidates, key=lambda each: (each.created_at, each.name), reverse=True)
    if not newest_first or newest_first[0].created_at > now_ms + _DAY_MS:
        return []
    always = _always_retained(newest_first)
    retained = always | _last_of_periods(now_ms, newest_first)
    deleted = [each for each in newest_first if each.name not in retained]
    retained_bytes = sum(each.size_bytes for each in newest_first if each.name in retained)
    for each in reversed(newest_first):
        if retained_bytes <= allowed_bytes:
            break
        if each.name in retained - always:
            deleted.append(each)
            retained_bytes -= each.size_bytes
    return [each.name for each in sorted(deleted, key=lambda each: (each.created_at, each.name))]


def _always_retained(newest_first: list[Candidate]) -> set[str]:
    """Return the names of the backups that are retained whatever their age and size."""
    versions = sorted({each.schema_version for each in newest_first}, reverse=True)
    newest_of_versions = [
        next(each for each in newest_first if each.schema_version == version)
        for version in versions[:_VERSIONS]
    ]
    manual = [each for each in newest_first if each.reason == "manual"]
    restores = [each for each in newest_first if each.reason == "restore"]
    groups = (manual, newest_first[:_NEWEST], restores[:_BEFORE_RESTORES], newest_of_versions)
    return {each.name for group in groups for each in group}


def _last_of_periods(now_ms: int, newest_first: list[Candidate]) -> set[str]:
    """Return the names of the last backup of each hour, day and week that is recent enough."""
    retained: set[str] = set()
    for length_ms, age_ms in _PERIODS:
        last: dict[int, str] = {}
        for each in newest_first:
            if now_ms - each.created_at < age_ms:
                last.setdefault((each.created_at - _MONDAY_MS) // length_ms, each.name)
        retained.update(last.values())
    return retained
