"""Requests that were waiting together: one transaction, one COMMIT, then their answers.

Owns when the store's lock is taken and when its transaction begins, so that a burst of pings
takes neither. Each writing request has its own savepoint: its failure undoes it alone. When the
whole transaction is lost (SQLite ends it after some I/O errors), `lost` says by what, and no
request of the burst counts as done.
"""

from collections.abc import Iterator
from time import perf_counter_ns

from sidecar import limits
from sidecar.catalog import Access
from sidecar.errors import DatabaseDamaged, SidecarError
from sidecar.store.connection import Store
from sidecar.store.sqlite_errors import spoils_connection
from sidecar.wire.long_request import LongJob
from sidecar.wire.reply import BatchReply, Reply


def _may_have_misread(fault: Exception) -> bool:
    """Whether a page that was read wrongly may be behind it: a bad body, or what nobody foresaw."""
    return isinstance(fault, DatabaseDamaged) or not isinstance(fault, SidecarError)


class Burst:
    """The state of one group commit."""

    def __init__(self, store: Store) -> None:
        """Begin with nothing held."""
        self._store = store
        self._locked = False
        self._in_savepoint = False
        self._began_ns = perf_counter_ns()
        self.replies: list[Reply] = []
        self.long_jobs: list[tuple[LongJob, Reply]] = []
        self.served = 0
        self.served_bytes = 0
        self.lost: Exception | None = None
        self.wrote = False
        self.doubted = False

    def is_full(self) -> bool:
        """Whether it must be committed now: by count, bytes, time or a long method."""
        return (
            self.served >= limits.BURST_MAX_REQUESTS
            or self.served_bytes >= limits.BURST_MAX_BYTES
            or self.lost is not None
            or bool(self.long_jobs)
            or perf_counter_ns() - self._began_ns >= limits.BURST_MAX_MS * 1_000_000
        )

    def enter(self, access: Access, *, frees_space: bool = False) -> None:
        """Take what a method needs: the lock, the transaction, a savepoint.

        `frees_space` says that it makes room, which decides whether a full disk lets it write.
        """
        if access == "none":
            return
        if not self._locked:
            self._store.acquire()
            self._locked = True
        if access == "write":
            self._store.make_room(frees_space=frees_space)
            self._store.begin()
            self.wrote = True
            self._store.begin_savepoint()
            self._in_savepoint = True

    def leave(self) -> None:
        """Keep what the request did."""
        if self._in_savepoint:
            self._store.release_savepoint()
            self._in_savepoint = False

    def undo(self, fault: Exception) -> None:
        """Undo what the request did; marks the burst lost when all of it is gone.

        It is also lost when the connection may not be believed any more: a COMMIT on it would
        acknowledge what nobody can vouch for.
        """
        if self._in_savepoint:
            self._in_savepoint = False
            try:
                kept = self._store.rollback_to_savepoint()
            except Exception as worse:  # noqa: BLE001 - then nothing of the burst is certain
                kept, fault = False, worse
            if not kept:
                self.lost = fault
        elif self._locked and not self._store.transaction_is_intact():
            self.lost = fault
        if spoils_connection(fault):
            self.lost = fault
        elif self._locked and _may_have_misread(fault) and not self._store.damaged:
            # What was read wrongly may lie in the cache; the rest of the burst has no part in it.
            self.doubted = True

    def commit(self) -> bool:
        """Make everything durable; False when nothing was written.

        Raises:
            Exception: the driver's error; the outcome is unknown.
        """
        if not (self._locked and self._store.in_transaction):
            return False
        self._store.commit()
        return True

    def abandon(self) -> None:
        """Undo whatever is still open."""
        if self._locked:
            self._store.rollback()

    def release(self) -> None:
        """Give the lock back."""
        if self._locked:
            self._locked = False
            self._store.lock.release()

    def all_replies(self) -> Iterator[Reply]:
        """Every reply, those of batch members included."""
        for reply in self.replies:
            if isinstance(reply, BatchReply):
                yield from reply.members
            else:
                yield reply
