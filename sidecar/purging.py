"""The purge, step by step, with room for requests between the steps: what `store.purge` owns.

Several capabilities want it done: the methods of the system, the chore after a delete, a backup
before it copies.
"""

from typing import NamedTuple

from sidecar.context import LongContext
from sidecar.errors import PurgeBlocked
from sidecar.store import purge as purging
from sidecar.store.search import index as search_index


class Purged(NamedTuple):
    """What is left of what was deleted."""

    freed_bytes: int
    pending: bool
    """Something was deleted meanwhile."""


def is_due(ctx: LongContext) -> bool:
    """Whether something was deleted since the last purge."""
    with ctx.reading() as db:
        return purging.asked(db) > 0


def purge(ctx: LongContext, *, quiet: bool = False) -> Purged:
    """The whole purge; `quiet` where it is a part of something with a progress of its own.

    Raises:
        PurgeBlocked: a reader holds an old state of the file; the wish for a purge stays.
    """

    def tell(done: int) -> None:
        if not quiet:
            ctx.progress("purge", done, phases, "phases")

    phases = len(purging.INDEXES) + 2
    with ctx.writing() as db:
        seen = purging.asked(db)
        before_bytes = purging.file_bytes(db)
    _index_all(ctx)
    for number, index in enumerate(purging.INDEXES):
        tell(number)
        with ctx.writing() as db:
            more = purging.begin_merge(db, index)
        while more:
            with ctx.writing() as db:
                more = purging.go_on_merging(db, index)
    with ctx.writing() as db:
        purging.renew_statistics(db)
    tell(phases - 2)
    give_back(ctx)
    tell(phases - 1)
    with ctx.store.lock:
        if not ctx.store.checkpoint():
            raise PurgeBlocked
        with ctx.writing() as db:
            pending = not purging.settle(db, seen) and purging.asked(db) > 0
            after_bytes = purging.file_bytes(db)
    tell(phases)
    return Purged(max(0, before_bytes - after_bytes), pending)


def _index_all(ctx: LongContext) -> None:
    """Let the indexes follow first: what they still hold of deleted text, they forget thereby."""
    for step in (search_index.follow_headers, search_index.follow_text):
        more = True
        while more:
            with ctx.writing() as db:
                more = step(db)


def give_back(ctx: LongContext) -> None:
    """Shrink the file by its free pages, a step at a time."""
    more = True
    while more:
        with ctx.writing() as db:
            more = purging.free_pages(db) > 0 and purging.give_back(db)
