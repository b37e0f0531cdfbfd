"""Upkeep: the work that the loop does between bursts, updating the search indexes and the WAL.

This module decides when, the store does it. The search indexes are updated after
`limits.UPKEEP_PAUSE_MS` without a write; then a short WAL is lengthened. When writes leave no such
pause the index of headers, which every search waits for, is updated after
`limits.UPKEEP_MAX_CHANGES` changes. The WAL is moved into the database (a checkpoint) when it is
large. When nothing was written there is no timer.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sidecar import limits, log
from sidecar.clock import Clock
from sidecar.store.connection import Store
from sidecar.store.sqlite_errors import spoils_connection


class Upkeep:
    """The upkeep of one store; used by the loop's thread between bursts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Start as after a write, because the process before may have left work undone."""
        self._store = store
        self._clock = clock
        self._changes = 0
        self._changes_done = 0
        self._due_ms: float | None = clock.monotonic_ms() + limits.UPKEEP_PAUSE_MS

    def note_write(self) -> None:
        """Note that a transaction is about to be committed; the caller has the store's lock."""
        self._changes = self._store.total_changes()
        # A new connection starts its count of changes at 0.
        self._changes_done = min(self._changes_done, self._changes)
        self.note_long_method()

    def note_long_method(self) -> None:
        """Note that a long method, which may have written, has ended."""
        self._due_ms = self._clock.monotonic_ms() + limits.UPKEEP_PAUSE_MS

    def timeout_ms(self) -> float | None:
        """Return how long the loop may sleep before the next upkeep; None without a bound."""
        if self._due_ms is None:
            return None
        return max(0.0, self._due_ms - self._clock.monotonic_ms())

    def checkpoint_is_due(self) -> bool:
        """Return whether the WAL is to be moved into the database when no request waits."""
        return self._store.wal_pages >= limits.WAL_PAUSE_PAGES

    def run_when_due(self, *, idle: bool) -> None:
        """Do what is due; `idle` says that no request waits.

        While a long method uses the store it is put off by another pause.
        """
        if self._store.damaged:
            self._due_ms = None
            return
        max_pages = limits.WAL_PAUSE_PAGES if idle else limits.WAL_MAX_PAGES
        if self._store.log_has_grown(max_pages) and self._store.lock.acquire(blocking=False):
            try:
                with self._logging_faults():
                    self._store.checkpoint_beyond(max_pages)
            finally:
                self._store.lock.release()
        if self._due_ms is None:
            if idle and self._store.wal.is_short:  # as after a purge
                self.note_long_method()
            return
        many = self._changes - self._changes_done >= limits.UPKEEP_MAX_CHANGES
        if not many and self._clock.monotonic_ms() < self._due_ms:
            return
        if not self._store.lock.acquire(blocking=False):
            self._due_ms = self._clock.monotonic_ms() + limits.UPKEEP_PAUSE_MS
            return
        try:
            due_ms, self._due_ms = self._due_ms, None
            with self._logging_faults():
                self._store.watch.restore_lock()
                self._due_ms = self._do_step(due_ms, many=many, idle=idle)
        finally:
            self._store.lock.release()

    def _do_step(self, due_ms: float, *, many: bool, idle: bool) -> float | None:
        """Update the search indexes by one step, or lengthen the WAL; return when the next is due.

        With `many` changes only the index of headers is updated. When nothing is left to index,
        a step lengthens the WAL.
        """
        from sidecar.store.search import indexes  # noqa: PLC0415 - after the first answers

        more = indexes.update_step(self._store, headers=many)
        self._changes = self._store.total_changes()
        if many and more:
            return due_ms
        self._changes_done = self._changes
        if many:
            return due_ms
        if idle and not more and self._store.wal.is_short:
            from sidecar.store import log_room  # noqa: PLC0415 - after the first answers

            log_room.lengthen(self._store)
            more = self._store.wal.is_short
        return self._clock.monotonic_ms() + limits.UPKEEP_REST_MS if more else None

    @contextmanager
    def _logging_faults(self) -> Iterator[None]:
        """Log the exceptions of a block instead of raising them: no request has caused it."""
        try:
            yield
        except Exception as fault:  # noqa: BLE001 - acknowledged writes are safe in the WAL
            log.warning("upkeep_failed", kind=type(fault).__name__)
            if spoils_connection(fault):
                self._store.reopen()
