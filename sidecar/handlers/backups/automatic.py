"""The chore that backs up by itself: on the interval, when something has changed.

A failure is told once as `system.warning` and tried again at the next look; while it lasts, the
age of the newest backup is told as well. Afterwards those go that newer ones replace.
"""

from weakref import WeakKeyDictionary

from sidecar import limits, log
from sidecar.backups import directory
from sidecar.backups.create import create_if_changed
from sidecar.backups.directory import Backup
from sidecar.backups.retention import CHORE, delete_superfluous
from sidecar.catalog import chore
from sidecar.context import LongContext
from sidecar.errors import Cancelled, Maintenance, SidecarError
from sidecar.notifications import SystemWarning
from sidecar.store import meta, settings
from sidecar.store.connection import Store
from sidecar.store.sqlite_errors import as_wire_error, spoils_connection

_HOUR_MS = 3_600_000

_told: WeakKeyDictionary[Store, set[str]] = WeakKeyDictionary()
"""What was told of each database, until it is no longer so."""


@chore(CHORE, first_ms=limits.BACKUPS_FIRST_MS, every_ms=limits.BACKUPS_EVERY_MS)
def back_up_by_itself(ctx: LongContext) -> None:
    """Make a backup when one is due, and delete what is superfluous."""
    told = _told.setdefault(ctx.store, set())
    try:
        if _is_due(ctx):
            create_if_changed(ctx, "interval", {"by": "timer"})
        delete_superfluous(ctx)
    except (Cancelled, Maintenance):
        raise
    except Exception as fault:  # noqa: BLE001 - whatever it is, a person must hear of it
        _tell(ctx, told, fault)
        if spoils_connection(fault):
            ctx.store.reopen()
    else:
        told.clear()


def _own(ctx: LongContext) -> tuple[int, list[Backup]]:
    """The interval, 0 for none, and the backups of this database that time can be told by."""
    with ctx.reading() as db:
        interval_ms = settings.own(db, "backup_interval_hours") * _HOUR_MS
        found = directory.list_backups(directory.folder_of(db, ctx.store.path))
        own = directory.of_store(found, meta.store_id(db))
    latest_ms = ctx.clock.now_ms() + limits.CLOCK_JUMP_MS
    return interval_ms, [each for each in own if each.manifest.created_at <= latest_ms]


def _is_due(ctx: LongContext) -> bool:
    interval_ms, own = _own(ctx)
    if interval_ms == 0:
        return False
    return not own or ctx.clock.now_ms() - own[0].manifest.created_at >= interval_ms


def _tell(ctx: LongContext, told: set[str], fault: Exception) -> None:
    error = fault if isinstance(fault, SidecarError) else as_wire_error(fault)
    log.error("backup_failed", kind=type(fault).__name__)
    detail = error.message if error is not None else "Something went wrong inside; see the log."
    warnings = {"backup_failed": f"The backup failed: {detail}", **_age(ctx)}
    for slug, text in warnings.items():
        if slug not in told:
            told.add(slug)
            ctx.emit(SystemWarning(slug, text))


def _age(ctx: LongContext) -> dict[str, str]:
    """What to say of the newest backup, if it is old."""
    interval_ms, own = _own(ctx)
    if not own:
        return {"backup_old": "There is no backup of this database."}
    age_ms = ctx.clock.now_ms() - own[0].manifest.created_at
    if age_ms < limits.BACKUP_OLD_INTERVALS * interval_ms:
        return {}
    return {"backup_old": f"The newest backup is {age_ms // (24 * _HOUR_MS)} days old."}
