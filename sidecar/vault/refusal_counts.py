"""Counts refusals, so that a client that asks in a loop does not fill the audit log.

A client that asks again and again while secrets are locked would write 20 000 entries a second.
The first refusal of a kind gets an entry of its own; those like it within
`limits.REFUSALS_FOLDED_MS` are counted, and one entry says how many there were. The module
uses no database and no clock. It is used by the loop's thread and by workers.
"""

import threading
from typing import NamedTuple

from sidecar import limits


class Refusal(NamedTuple):
    """The kind of a refusal: refusals that are equal here are counted together."""

    resource: str
    method: str
    reason: str


class _Count:
    """How many refusals of one kind came since the last audit entry for that kind."""

    def __init__(self, logged_ms: float) -> None:
        self.logged_ms = logged_ms
        self.unlogged = 0


class RefusalCounts:
    """The counts of refusals by kind; a kind is dropped a second after its last entry."""

    def __init__(self) -> None:
        """Start without counts."""
        self._counts: dict[Refusal, _Count] = {}
        self._lock = threading.Lock()

    @property
    def has_counts(self) -> bool:
        """Whether `take_counts` would return anything."""
        with self._lock:
            return any(count.unlogged for count in self._counts.values())

    def count(self, refusal: Refusal, now_ms: float) -> bool:
        """Count a refusal for `take_counts`, unless it is the first of its kind within a second.

        Return whether it was counted; one that was not is to be logged at once.
        """
        with self._lock:
            count = self._counts.get(refusal)
            if count is None or not self._is_needed(count, now_ms):
                self._drop_unneeded(now_ms)
                if len(self._counts) < limits.REFUSALS_FOLDED_MAX:
                    self._counts[refusal] = _Count(now_ms)
                return False
            count.unlogged += 1
            return True

    def take_counts(self, now_ms: float) -> list[tuple[Refusal, int]]:
        """Return each counted kind and its number, for the caller to log; reset the counts."""
        with self._lock:
            taken = []
            for refusal, count in self._counts.items():
                if count.unlogged:
                    taken.append((refusal, count.unlogged))
                    count.logged_ms, count.unlogged = now_ms, 0
            self._drop_unneeded(now_ms)
            return taken

    @staticmethod
    def _is_needed(count: _Count, now_ms: float) -> bool:
        """Whether the kind has refusals to be logged, or had an entry within the last second."""
        return count.unlogged > 0 or now_ms - count.logged_ms < limits.REFUSALS_FOLDED_MS

    def _drop_unneeded(self, now_ms: float) -> None:
        self._counts = {
            refusal: count
            for refusal, count in self._counts.items()
            if self._is_needed(count, now_ms)
        }
