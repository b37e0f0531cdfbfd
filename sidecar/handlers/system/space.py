"""`system.purge` and `system.compact`, and the purge that comes by itself after a delete."""

from typing import Annotated

from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, Result, chore, method
from sidecar.context import LongContext
from sidecar.errors import DatabaseDamaged, DatabaseFull, Maintenance, PurgeBlocked
from sidecar.notifications import SystemWarning
from sidecar.store import compact as compaction
from sidecar.store import purge as purging
from sidecar.store import search_index
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


@method("system.purge", long=True, errors=(PurgeBlocked,))
def purge(ctx: LongContext, params: SystemPurgeParams) -> SystemPurgeResult:
    """Overwrite what was deleted wherever it still lies, and give free space back to the disk.

    It happens by itself two seconds after a delete; call it to know when it is done.
    """
    del params
    return _purge(ctx)


def _purge(ctx: LongContext) -> SystemPurgeResult:
    """The whole purge; its steps leave room for other requests.

    Raises:
        PurgeBlocked: a reader holds an old state of the file; the wish for a purge stays.
    """
    with ctx.writing() as db:
        seen = purging.asked(db)
        before_bytes = purging.file_bytes(db)
    _index_all(ctx)
    phases = len(purging.INDEXES) + 2
    for number, index in enumerate(purging.INDEXES):
        ctx.progress("purge", number, phases, "phases")
        with ctx.writing() as db:
            more = purging.begin_merge(db, index)
        while more:
            with ctx.writing() as db:
                more = purging.go_on_merging(db, index)
    with ctx.writing() as db:
        purging.renew_statistics(db)
    ctx.progress("purge", phases - 2, phases, "phases")
    give_back(ctx)
    ctx.progress("purge", phases - 1, phases, "phases")
    with ctx.store.lock:
        if not ctx.store.checkpoint():
            raise PurgeBlocked
        with ctx.writing() as db:
            pending = not purging.settle(db, seen) and purging.asked(db) > 0
            after_bytes = purging.file_bytes(db)
    ctx.progress("purge", phases, phases, "phases")
    freed_bytes = max(0, before_bytes - after_bytes)
    return SystemPurgeResult(purged=True, freed_bytes=freed_bytes, pending=pending)


def _index_all(ctx: LongContext) -> None:
    """Let the indexes follow first: what they still hold of deleted text, they forget thereby."""
    more = True
    while more:
        ctx.check_cancelled()
        with ctx.store.lock:
            more = search_index.bring_up_some(ctx.store)


def give_back(ctx: LongContext) -> None:
    """Shrink the file by its free pages, a step at a time."""
    more = True
    while more:
        with ctx.writing() as db:
            more = purging.free_pages(db) > 0 and purging.give_back(db)


@chore(purging.CHORE, first_ms=limits.CHORES_FIRST_MS)
def purge_by_itself(ctx: LongContext) -> None:
    """Purge when something was deleted; when a reader is in the way, say so and try again."""
    with ctx.reading() as db:
        due = purging.asked(db) > 0
    if not due:
        return
    try:
        _purge(ctx)
    except PurgeBlocked as blocked:
        ctx.emit(SystemWarning(blocked.slug, blocked.message))
        ctx.session.schedule(purging.CHORE, limits.PURGE_AGAIN_MS)


# --- system.compact ---------------------------------------------------------------------------


class SystemCompactParams(Params, frozen=True):
    """Nothing to choose."""


class SystemCompactResult(Result, frozen=True):
    """What it came to."""

    before_bytes: Annotated[Count, Meta(description="Size of the database file before.")]
    after_bytes: Annotated[Count, Meta(description="Size of the database file after.")]


@method("system.compact", long=True, errors=(DatabaseDamaged, DatabaseFull, Maintenance))
def compact(ctx: LongContext, params: SystemCompactParams) -> SystemCompactResult:
    """Write the database anew, without gaps, and put it in the old one's place.

    Meanwhile other requests that need the database are answered `maintenance`; ping and cancel
    are served. Killed at any moment it leaves the old file or the new one, whole.
    """
    del params
    ctx.check_cancelled()

    def log(db: Connection, before_bytes: int, after_bytes: int) -> None:
        sizes = {"before_bytes": before_bytes, "after_bytes": after_bytes}
        ctx.audit_in(db, "compact", "database", **sizes)

    with ctx.store.alone():
        sizes = compaction.compact(ctx.store, ctx.clock, ctx.cancel_event.is_set, log)
    return SystemCompactResult(*sizes)
