"""What the loop does for itself in a pause: it brings the search indexes up and empties the WAL.

Decides when, never how. A pause is `limits.UPKEEP_PAUSE_MS` without a write; a stream of writes
without one is interrupted after `limits.UPKEEP_MAX_CHANGES` for the headers, which every search
waits for. With nothing written there is no timer: an idle process sleeps.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sidecar import limits, log
from sidecar.clock import Clock
from sidecar.store.connection import Store
from sidecar.store.search import indexes
from sidecar.store.sqlite_errors import spoils_connection


class Upkeep:
    """Used by the loop's thread, between bursts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Begin as if something had been written: the last process may have left some."""
        self._store = store
        self._clock = clock
        self._changes = 0
        self._changes_done = 0
        self._due_ms: float | None = clock.monotonic_ms() + limits.UPKEEP_PAUSE_MS

    def wrote(self) -> None:
        """A transaction has been committed; call it with the store's lock held."""
        self._changes = self._store.total_changes()
        # A connection opened anew counts from nothing.
        self._changes_done = min(self._changes_done, self._changes)
        self.worked()

    def worked(self) -> None:
        """A long method has ended, which may have written."""
        self._due_ms = self._clock.monotonic_ms() + limits.UPKEEP_PAUSE_MS

    def timeout_ms(self) -> float | None:
        """How long the loop may sleep; None for ever."""
        if self._due_ms is None:
            return None
        return max(0.0, self._due_ms - self._clock.monotonic_ms())

    def wants_quiet(self) -> bool:
        """Whether something large is due as soon as no request waits."""
        return self._store.wal_pages >= limits.WAL_PAUSE_PAGES

    def run_when_due(self, *, idle: bool) -> None:
        """Do what is due, unless a long method is at work on the store: then after a pause.

        `idle` says that no request waits.
        """
        if self._store.damaged:
            self._due_ms = None
            return
        if self._store.lock.acquire(blocking=False):
            try:
                with self._bearing():
                    self._store.checkpoint_beyond(
                        limits.WAL_PAUSE_PAGES if idle else limits.WAL_MAX_PAGES
                    )
            finally:
                self._store.lock.release()
        if self._due_ms is None:
            return
        many = self._changes - self._changes_done >= limits.UPKEEP_MAX_CHANGES
        if not many and self._clock.monotonic_ms() < self._due_ms:
            return
        if not self._store.lock.acquire(blocking=False):
            self._due_ms = self._clock.monotonic_ms() + limits.UPKEEP_PAUSE_MS
            return
        try:
            due_ms, self._due_ms = self._due_ms, None
            with self._bearing():
                self._due_ms = self._follow(due_ms, many=many)
        finally:
            self._store.lock.release()

    def _follow(self, due_ms: float, *, many: bool) -> float | None:
        """One step of the indexes; when the next is due. One that fails waits for a write."""
        if many:
            more = indexes.update_headers_step(self._store)
        else:
            more = indexes.update_step(self._store)
        self._changes = self._store.total_changes()
        if many and more:
            return due_ms
        self._changes_done = self._changes
        if many:
            return due_ms
        return self._clock.monotonic_ms() + limits.UPKEEP_REST_MS if more else None

    @contextmanager
    def _bearing(self) -> Iterator[None]:
        """Whatever fails meanwhile is logged: nobody asked for it."""
        try:
            yield
        except Exception as fault:  # noqa: BLE001 - what was acknowledged is safe in the WAL
            log.warning("upkeep_failed", kind=type(fault).__name__)
            if spoils_connection(fault):
                self._store.reopen()
