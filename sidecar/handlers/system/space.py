"""`system.purge` and `system.compact`, and the chore that purges after a delete."""

from typing import Annotated

from msgspec import Meta

from sidecar import limits, purging
from sidecar.backups.create import create_backup_if_changed
from sidecar.catalog import Params, Result, chore, method
from sidecar.context import LongContext
from sidecar.errors import PurgeBlocked, RecoveryRequired
from sidecar.notifications import SystemWarning
from sidecar.store.compact import rewrite_file
from sidecar.store.connection import Connection
from sidecar.values import Count

# --- system.purge -----------------------------------------------------------------------------


class SystemPurgeParams(Params, frozen=True):
    """This method takes no params."""


class SystemPurgeResult(Result, frozen=True):
    """The result of the purge."""

    purged: Annotated[
        bool,
        Meta(description="Nothing deleted before the call is left in the file or its log."),
    ]
    freed_bytes: Annotated[Count, Meta(description="Bytes by which the file has become smaller.")]
    pending: Annotated[
        bool, Meta(description="Something was deleted meanwhile, so that another purge is due.")
    ]


@method("system.purge", long=True, frees_space=True, errors=(PurgeBlocked,))
def purge(ctx: LongContext, params: SystemPurgeParams) -> SystemPurgeResult:
    """Overwrite deleted data wherever it is still stored, and return free space to the disk.

    A purge runs automatically two seconds after a delete; call this to know when it is done.
    """
    del params
    done = purging.run(ctx)
    return SystemPurgeResult(purged=True, freed_bytes=done.freed_bytes, pending=done.pending)


@chore(purging.CHORE)
def purge_deleted(ctx: LongContext) -> None:
    """Purge when something was deleted; while a reader prevents it, send a warning and retry."""
    if not purging.is_due(ctx):
        return
    try:
        purging.run(ctx)
    except PurgeBlocked as blocked:
        ctx.emit(SystemWarning("purge_blocked", blocked.message))
        ctx.session.schedule(purging.CHORE, limits.PURGE_RETRY_MS)


# --- system.compact ---------------------------------------------------------------------------


class SystemCompactParams(Params, frozen=True):
    """This method takes no params."""


class SystemCompactResult(Result, frozen=True):
    """The sizes of the file."""

    before_bytes: Annotated[Count, Meta(description="Size of the database file before.")]
    after_bytes: Annotated[Count, Meta(description="Size of the database file after.")]


@method("system.compact", long=True, replaces_file=True, errors=(RecoveryRequired,))
def compact(ctx: LongContext, params: SystemCompactParams) -> SystemCompactResult:
    """Replace the database file by a copy of itself without free space.

    It waits for other long requests, and refuses them, as `backups.restore` does. A backup is made
    first unless nothing has changed since the last one. From then until the end requests that need
    the database are answered `maintenance`; ping and cancel are served. When the process is killed,
    the old file or the new one is there, complete.
    """
    del params
    create_backup_if_changed(ctx, "compact")
    ctx.check_cancelled()

    def log(db: Connection, before_bytes: int, after_bytes: int) -> None:
        sizes = {"before_bytes": before_bytes, "after_bytes": after_bytes}
        ctx.audit_in(db, "compact", "database", **sizes)

    with ctx.store.exclusive():
        sizes = rewrite_file(ctx.store, ctx.clock, ctx.cancel_event.is_set, log)
        ctx.hold_lock_until_answered()
    return SystemCompactResult(*sizes)
