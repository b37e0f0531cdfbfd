"""Which refusals stand in the log one by one, and which are counted.

A client that asks again and again while secrets are locked would write 20 000 entries a second.
The first of a kind is logged at once; those like it within `limits.REFUSALS_FOLDED_MS` are counted,
and one entry says how many there were. Knows no row and no clock. Used by the loop's thread and by
workers.
"""

import threading
from typing import NamedTuple

from sidecar import limits


class Refusal(NamedTuple):
    """What is the same in two refusals that are folded."""

    resource: str
    method: str
    reason: str


class _Kind:
    """Refusals of one kind, since the last entry that told of them."""

    def __init__(self, told_ms: float) -> None:
        self.told_ms = told_ms
        self.untold = 0


class Refusals:
    """The refusals of the last second."""

    def __init__(self) -> None:
        """Begin without any."""
        self._kinds: dict[Refusal, _Kind] = {}
        self._lock = threading.Lock()

    @property
    def are_counted(self) -> bool:
        """Whether there is something for `take`."""
        with self._lock:
            return any(kind.untold for kind in self._kinds.values())

    def is_told(self, refusal: Refusal, now_ms: float) -> bool:
        """Whether it gets an entry of its own; otherwise it is counted for `take`."""
        with self._lock:
            kind = self._kinds.get(refusal)
            if kind is None or not (kind.untold or self._is_fresh(kind, now_ms)):
                self._forget(now_ms)
                if len(self._kinds) < limits.REFUSALS_FOLDED_MAX:
                    self._kinds[refusal] = _Kind(now_ms)
                return True
            kind.untold += 1
            return False

    def take(self, now_ms: float) -> list[tuple[Refusal, int]]:
        """What was counted and how often, which its taker tells: the counts begin anew."""
        with self._lock:
            taken = []
            for refusal, kind in self._kinds.items():
                if kind.untold:
                    taken.append((refusal, kind.untold))
                    kind.told_ms, kind.untold = now_ms, 0
            self._forget(now_ms)
            return taken

    @staticmethod
    def _is_fresh(kind: _Kind, now_ms: float) -> bool:
        return now_ms - kind.told_ms < limits.REFUSALS_FOLDED_MS

    def _forget(self, now_ms: float) -> None:
        """Forget kinds of which nothing is to be told."""
        self._kinds = {
            refusal: kind
            for refusal, kind in self._kinds.items()
            if kind.untold or self._is_fresh(kind, now_ms)
        }
