"""Counts the calls of each method and measures how long they take, for system.stats.

Stores the newest durations of each method; percentiles are computed when they are asked for.
"""

from collections import deque

from sidecar import limits
from sidecar.context import MethodLatency


class _Samples:
    """The calls of one method."""

    __slots__ = ("calls", "errors", "spent_ns")

    def __init__(self) -> None:
        self.calls = 0
        self.errors = 0
        self.spent_ns: deque[int] = deque(maxlen=limits.LATENCY_SAMPLES)


class Latencies:
    """The calls of all methods since the start; written by the loop and by workers."""

    def __init__(self) -> None:
        """Start without a method."""
        self._methods: dict[str, _Samples] = {}

    def record(self, method: str, spent_ns: int, *, failed: bool) -> None:
        """Count a call and store its duration, for a long method from when its line was read."""
        samples = self._methods.get(method)
        if samples is None:
            samples = self._methods.setdefault(method, _Samples())
        samples.calls += 1
        samples.errors += failed
        samples.spent_ns.append(spent_ns)

    def table(self) -> list[MethodLatency]:
        """Return the figures of every method called so far, by name."""
        rows = []
        for method, samples in sorted(self._methods.items()):
            spent = sorted(samples.spent_ns)
            p50, p99 = (_rank(spent, share) // 1000 for share in (50, 99))
            rows.append(MethodLatency(method, samples.calls, samples.errors, p50, p99))
        return rows


def _rank(ordered: list[int], percent: int) -> int:
    """Return the percentile by nearest rank; 0 when there is no value."""
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else 0
