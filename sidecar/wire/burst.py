"""A burst: the requests that waited at the same time, which share one transaction and one COMMIT.

Their answers are sent after the COMMIT. A burst takes the store's lock and begins the transaction
only when a request needs them, so that a burst of pings takes neither. The first request that
writes is undone by rolling the transaction back, as nothing else is in it; each further one has a
savepoint of its own, so that its failure undoes nothing else. When the whole transaction is lost,
as after some I/O errors, `failed_by` is the exception that ended it, and no request of the burst
counts as done.
"""

from collections.abc import Iterator
from time import perf_counter_ns

from sidecar import limits
from sidecar.catalog import Access
from sidecar.errors import DatabaseDamaged, SidecarError
from sidecar.store.connection import Store
from sidecar.store.sqlite_errors import OUT_OF_MEMORY, spoils_connection
from sidecar.wire.long_request import LongJob
from sidecar.wire.reply import BatchReply, Reply


def _may_have_misread(fault: Exception) -> bool:
    """Return whether a page that was read wrongly may be the cause of a failed request.

    Where memory is short the connection is kept: another one could not be opened.
    """
    if isinstance(fault, SidecarError):
        return isinstance(fault, DatabaseDamaged)
    return not isinstance(fault, OUT_OF_MEMORY)


class Burst:
    """One burst while it is served."""

    def __init__(self, store: Store) -> None:
        """Start without lock, transaction and replies."""
        self._store = store
        self._locked = False
        self._in_savepoint = False
        self._writes_first = False
        """Whether nothing but the request that is running has written in the transaction."""
        self._began_ns = perf_counter_ns()
        self.replies: list[Reply] = []
        self.long_jobs: list[tuple[LongJob, Reply]] = []
        self.served = 0
        self.served_bytes = 0
        self.batch: BatchReply | None = None
        """The batch that is being served."""
        self.failed_by: Exception | None = None
        self.wrote = False
        self.sensitive = False
        """Whether a line was served that holds a secret, or could not be decoded."""
        self.cache_suspect = False

    def is_full(self) -> bool:
        """Return whether the burst is to be committed now: by size, time or a long method."""
        return (
            self.served >= limits.BURST_MAX_REQUESTS
            or self.served_bytes >= limits.BURST_MAX_BYTES
            or self.failed_by is not None
            or bool(self.long_jobs)
            or perf_counter_ns() - self._began_ns >= limits.BURST_MAX_MS * 1_000_000
        )

    def enter(self, access: Access, *, frees_space: bool = False) -> None:
        """Take what a method needs: the store's lock, the transaction, after others a savepoint.

        A method with `frees_space` may write on a full disk.
        """
        if access == "none":
            return
        if not self._locked:
            self._store.acquire()
            self._locked = True
        if access == "write":
            if self.failed_by is not None:
                raise self.failed_by  # a batch goes on after its transaction is lost
            if self._store.disk_full:
                self._store.make_room(frees_space=frees_space)
            self._store.begin()
            self._writes_first = not self.wrote
            if self.wrote:
                self._store.begin_savepoint()
                self._in_savepoint = True
            self.wrote = True

    def leave(self) -> None:
        """Release the savepoint of a request that has succeeded."""
        self._writes_first = False
        if self._in_savepoint:
            self._store.release_savepoint()
            self._in_savepoint = False

    def undo(self, fault: Exception) -> None:
        """Undo what a failed request wrote; set `failed_by` when the whole transaction is lost.

        The transaction counts as lost, too, when the connection cannot be trusted any more: a
        COMMIT on it would acknowledge writes that may not be in the file.
        """
        if self._in_savepoint:
            self._in_savepoint = False
            try:
                intact = self._store.rollback_to_savepoint()
            except Exception as worse:  # noqa: BLE001 - the whole burst is uncertain then
                intact, fault = False, worse
            if not intact:
                self.failed_by = fault
        elif self._writes_first:
            self._writes_first = self.wrote = False
            self._store.rollback()
        elif self._locked and not self._store.transaction_is_intact():
            self.failed_by = fault
        if spoils_connection(fault):
            self.failed_by = fault
        elif self._locked and _may_have_misread(fault) and not self._store.damaged:
            # The page cache may have the wrong page; the other requests of the burst are right.
            self.cache_suspect = True

    def commit(self) -> None:
        """Commit the transaction, if there is one.

        Raises:
            Exception: the error of the driver; whether anything was written is unknown.
        """
        if self._locked:
            self._store.commit()

    def abandon(self) -> None:
        """Roll the transaction back."""
        if self._locked:
            self._store.rollback()

    def release(self) -> None:
        """Release the store's lock."""
        if self._locked:
            self._locked = False
            self._store.lock.release()

    def all_replies(self) -> Iterator[Reply]:
        """Yield every reply, for a batch those of its members."""
        for reply in self.replies:
            if isinstance(reply, BatchReply):
                yield from reply.members
            else:
                yield reply
