"""The purge as an act of several steps, between which requests are served.

`store.purge` has the steps. A purge is requested by every method and chore that deletes text; it
is run by the chore `purge`, by `system.purge`, and before a backup copies the database.
"""

from typing import Final, NamedTuple

from sidecar import limits
from sidecar.context import Context, LongContext
from sidecar.errors import PurgeBlocked
from sidecar.store import purge
from sidecar.store.search import indexes

CHORE: Final = "purge"
"""Name of the chore that runs the purges requested."""

_PHASES: Final = len(indexes.INDEXES) + 2


class Purged(NamedTuple):
    """The result of a purge, and whether another one is due."""

    freed_bytes: int
    pending: bool
    """Whether something was deleted while the purge was running."""


def request(ctx: Context, *, soon: bool = True) -> None:
    """Note in the transaction under way that something was deleted, and schedule the purge.

    The purge starts two seconds after the last request. With `soon` false, as for what a chore
    has deleted, it starts an hour later, or when it was scheduled already.
    """
    purge.add_request(ctx.store.db)
    delay_ms = limits.PURGE_PAUSE_MS if soon else limits.PURGE_AFTER_PRUNE_MS
    ctx.session.schedule(CHORE, delay_ms, at_latest=not soon)


def is_due(ctx: LongContext) -> bool:
    """Return whether something was deleted since the last purge."""
    with ctx.reading() as db:
        return purge.count_requests(db) > 0


def run(ctx: LongContext, *, quiet: bool = False) -> Purged:
    """Purge the whole file; `quiet` when the caller reports progress of its own.

    Raises:
        PurgeBlocked: a reader holds an old state of the file; the request for a purge stays.
    """

    def report(done: int) -> None:
        if not quiet:
            ctx.progress("purge", done, _PHASES, "phases")

    with ctx.writing() as db:
        requests = purge.count_requests(db)
        before_bytes = purge.file_bytes(db)
    # What the indexes still hold of deleted text they forget when they are brought up to date.
    ctx.in_steps(indexes.index_some_headers)
    ctx.in_steps(indexes.index_some_texts)
    for number, index in enumerate(indexes.INDEXES):
        report(number)
        _merge(ctx, index)
    with ctx.writing() as db:
        purge.renew_statistics(db)
    report(_PHASES - 2)
    shrink_file(ctx)
    report(_PHASES - 1)
    with ctx.store.lock:
        if not ctx.store.checkpoint():
            raise PurgeBlocked
        with ctx.writing() as db:
            pending = not purge.clear_requests(db, requests)
            after_bytes = purge.file_bytes(db)
    report(_PHASES)
    return Purged(max(0, before_bytes - after_bytes), pending)


def _merge(ctx: LongContext, index: str) -> None:
    """Merge all segments of a search index into one, in steps."""
    with ctx.writing() as db:
        more = purge.begin_merge(db, index)
    if more:
        ctx.in_steps(lambda db: purge.continue_merge(db, index))


def shrink_file(ctx: LongContext) -> None:
    """Cut the free pages off the file, in steps."""
    ctx.in_steps(purge.cut_off_free_pages)
