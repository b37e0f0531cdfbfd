"""`system.purge` and `system.compact`, and the purge that comes by itself after a delete."""

from typing import Annotated

from msgspec import Meta

from sidecar import limits, purging
from sidecar.backups.create import create_if_changed
from sidecar.catalog import Params, Result, chore, method
from sidecar.context import LongContext
from sidecar.errors import (
    DatabaseDamaged,
    DatabaseFull,
    Maintenance,
    PurgeBlocked,
    ReadOnly,
    RecoveryRequired,
)
from sidecar.notifications import SystemWarning
from sidecar.store.compact import rewrite_file
from sidecar.store.connection import Connection
from sidecar.values import Count

# --- system.purge -----------------------------------------------------------------------------


class SystemPurgeParams(Params, frozen=True):
    """Nothing to choose."""


class SystemPurgeResult(Result, frozen=True):
    """What is left of what was deleted."""

    purged: Annotated[
        bool, Meta(description="Nothing deleted before the call is left in the file or its log.")
    ]
    freed_bytes: Annotated[Count, Meta(description="How much smaller the file is.")]
    pending: Annotated[
        bool, Meta(description="Something was deleted meanwhile: a purge is due again.")
    ]


@method("system.purge", long=True, frees_space=True, errors=(PurgeBlocked,))
def purge(ctx: LongContext, params: SystemPurgeParams) -> SystemPurgeResult:
    """Overwrite what was deleted wherever it still lies, and give free space back to the disk.

    It happens by itself two seconds after a delete; call it to know when it is done.
    """
    del params
    done = purging.run(ctx)
    return SystemPurgeResult(purged=True, freed_bytes=done.freed_bytes, pending=done.pending)


@chore(purging.CHORE, first_ms=limits.CHORES_FIRST_MS)
def purge_by_itself(ctx: LongContext) -> None:
    """Purge when something was deleted; when a reader is in the way, say so and try again."""
    if not purging.is_due(ctx):
        return
    try:
        purging.run(ctx)
    except PurgeBlocked as blocked:
        ctx.emit(SystemWarning(blocked.slug, blocked.message))
        ctx.session.schedule(purging.CHORE, limits.PURGE_RETRY_MS)


# --- system.compact ---------------------------------------------------------------------------


class SystemCompactParams(Params, frozen=True):
    """Nothing to choose."""


class SystemCompactResult(Result, frozen=True):
    """What it came to."""

    before_bytes: Annotated[Count, Meta(description="Size of the database file before.")]
    after_bytes: Annotated[Count, Meta(description="Size of the database file after.")]


@method(
    "system.compact",
    long=True,
    errors=(DatabaseDamaged, DatabaseFull, Maintenance, ReadOnly, RecoveryRequired),
)
def compact(ctx: LongContext, params: SystemCompactParams) -> SystemCompactResult:
    """Write the database anew, without gaps, and put it in the old one's place.

    A backup is made first unless nothing has changed since the last one. Then, until it is done,
    requests that need the database are answered `maintenance`; ping and cancel are served.
    Killed at any moment it leaves the old file or the new one, whole.
    """
    del params
    create_if_changed(ctx, "compact")
    ctx.check_cancelled()

    def log(db: Connection, before_bytes: int, after_bytes: int) -> None:
        sizes = {"before_bytes": before_bytes, "after_bytes": after_bytes}
        ctx.audit_in(db, "compact", "database", **sizes)

    with ctx.store.alone():
        sizes = rewrite_file(ctx.store, ctx.clock, ctx.cancel_event.is_set, log)
        ctx.hold_lock_until_answered()
    return SystemCompactResult(*sizes)
