"""What the loop does for itself in a pause: at present it brings the search indexes up.

Decides when, never how. A pause is `limits.UPKEEP_PAUSE_MS` without a write; a stream of writes
without one is interrupted after `limits.UPKEEP_MAX_CHANGES`, so that no search has to wait for
much. With nothing written there is no timer: an idle process sleeps.
"""

from sidecar import limits
from sidecar.clock import Clock
from sidecar.store import search_index
from sidecar.store.connection import Store


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
        self._changes = self._store.changes()
        self.worked()

    def worked(self) -> None:
        """A long method has ended, which may have written."""
        self._due_ms = self._clock.monotonic_ms() + limits.UPKEEP_PAUSE_MS

    def timeout_ms(self) -> float | None:
        """How long the loop may sleep; None for ever."""
        if self._due_ms is None:
            return None
        return max(0.0, self._due_ms - self._clock.monotonic_ms())

    def run_when_due(self) -> None:
        """Do what is due, unless a long method is at work on the store: then after a pause."""
        if self._due_ms is None:
            return
        many = self._changes - self._changes_done >= limits.UPKEEP_MAX_CHANGES
        if not many and self._clock.monotonic_ms() < self._due_ms:
            return
        if not self._store.lock.acquire(blocking=False):
            self._due_ms = self._clock.monotonic_ms() + limits.UPKEEP_PAUSE_MS
            return
        try:
            self._due_ms = None
            search_index.bring_up(self._store)
            self._changes = self._changes_done = self._store.changes()
        finally:
            self._store.lock.release()
