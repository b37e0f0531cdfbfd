"""How often each method was called and how long it took, for system.stats.

Keeps the newest durations of each method and computes percentiles only when asked.
"""

from collections import deque

from sidecar import limits
from sidecar.context import MethodLatency


class _Samples:
    __slots__ = ("calls", "errors", "spent_ns")

    def __init__(self) -> None:
        self.calls = 0
        self.errors = 0
        self.spent_ns: deque[int] = deque(maxlen=limits.LATENCY_SAMPLES)


class Latencies:
    """Counts of one process's life; written by the loop and by workers."""

    def __init__(self) -> None:
        """Begin with no method called."""
        self._methods: dict[str, _Samples] = {}

    def record(self, method: str, spent_ns: int, *, failed: bool) -> None:
        """Count a call and keep its duration; of a long method, from when it was read."""
        samples = self._methods.get(method)
        if samples is None:
            samples = self._methods.setdefault(method, _Samples())
        samples.calls += 1
        samples.errors += failed
        samples.spent_ns.append(spent_ns)

    def table(self) -> list[MethodLatency]:
        """Every method called so far, by name."""
        rows = []
        for method, samples in sorted(self._methods.items()):
            spent = sorted(samples.spent_ns)
            p50, p99 = (_rank(spent, share) // 1000 for share in (50, 99))
            rows.append(MethodLatency(method, samples.calls, samples.errors, p50, p99))
        return rows


def _rank(ordered: list[int], percent: int) -> int:
    """The nearest-rank percentile; 0 of nothing."""
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else 0
