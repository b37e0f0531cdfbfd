"""The chore that makes automatic backups and deletes the backups that they make superfluous.

A failure is reported by a `system.warning`, once until a backup succeeds again, and the chore
tries again the next time it runs. While it fails, a newest backup that is old is reported too.
"""

from weakref import WeakKeyDictionary

from sidecar import limits, log
from sidecar.backups.create import create_backup_if_due, interval_and_age
from sidecar.backups.retention import CHORE, delete_superfluous
from sidecar.catalog import chore
from sidecar.context import LongContext
from sidecar.errors import Cancelled, Maintenance, SidecarError
from sidecar.notifications import SystemWarning
from sidecar.store.connection import Store
from sidecar.store.sqlite_errors import as_wire_error, spoils_connection
from sidecar.vocabularies import WarningSlug

_DAY_MS = 86_400_000

_sent: WeakKeyDictionary[Store, set[WarningSlug]] = WeakKeyDictionary()
"""The warnings sent about each database since its last success."""


@chore(CHORE)
def back_up(ctx: LongContext) -> None:
    """Make a backup when one is due, and delete superfluous ones."""
    sent = _sent.setdefault(ctx.store, set())
    try:
        create_backup_if_due(ctx)
        delete_superfluous(ctx)
    except (Cancelled, Maintenance):
        raise
    except Exception as fault:  # noqa: BLE001 - the user must learn of every failure
        _warn(ctx, sent, fault)
        if spoils_connection(fault):
            ctx.store.reopen()
    else:
        sent.clear()


def _warn(ctx: LongContext, sent: set[WarningSlug], fault: Exception) -> None:
    """Send a warning about the failure and one about an old newest backup, unless already sent."""
    error = fault if isinstance(fault, SidecarError) else as_wire_error(fault)
    log.error("backup_failed", kind=type(fault).__name__)
    detail = error.message if error is not None else "There was an internal error; see the log."
    warnings: dict[WarningSlug, str | None] = {
        "backup_failed": f"The backup failed: {detail}",
        "backup_old": _describe_age(ctx),
    }
    for slug, text in warnings.items():
        if text is not None and slug not in sent:
            sent.add(slug)
            ctx.emit(SystemWarning(slug, text))


def _describe_age(ctx: LongContext) -> str | None:
    """Return a sentence about the newest backup when it is missing or old."""
    interval_ms, age_ms = interval_and_age(ctx)
    if age_ms is None:
        return "There is no backup of this database."
    if age_ms < limits.BACKUP_OLD_INTERVALS * interval_ms:
        return None
    return f"The newest backup is {age_ms // _DAY_MS} days old."
