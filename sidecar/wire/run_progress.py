"""Limits notifications of the progress of runs: at most one per run and second, the newest.

The first progress is sent at once. What follows within a second is held, and only the newest of it
is sent when the second is over, so that the last state is never missed. A run that ends or is
deleted takes what is held of it along.
"""

from collections.abc import Callable

from sidecar import limits
from sidecar.clock import Clock
from sidecar.context import Emitted
from sidecar.notifications import RunsChanged


class RunProgress:
    """The runs whose progress was sent within the last second; used by the loop's thread."""

    def __init__(self, clock: Clock, send: Callable[[Emitted], None]) -> None:
        """Begin with none; `send` queues one notification."""
        self._clock = clock
        self._send = send
        self._told: dict[str, tuple[float, Emitted | None]] = {}
        """The time of the last progress of each run, and the held progress; oldest first."""

    def holds(self, changed: RunsChanged, emitted: Emitted) -> bool:
        """Take note of a change to a run; return whether it is held back instead of sent."""
        if changed.change != "progress":
            self._told.pop(changed.id, None)
            return False
        now_ms = self._clock.monotonic_ms()
        told = self._told.get(changed.id)
        if told is not None and now_ms - told[0] < limits.RUN_PROGRESS_INTERVAL_MS:
            self._told[changed.id] = (told[0], emitted)
            return True
        self._told.pop(changed.id, None)  # to come last
        self._told[changed.id] = (now_ms, None)
        return False

    def timeout_ms(self) -> float | None:
        """Return how long it takes until something is due; None when nothing is noted."""
        for told_ms, _held in self._told.values():
            due_ms = told_ms + limits.RUN_PROGRESS_INTERVAL_MS
            return max(0.0, due_ms - self._clock.monotonic_ms())
        return None

    def send_due(self) -> None:
        """Send what was held for a second, and forget runs of which nothing is held."""
        if not self._told:
            return
        now_ms = self._clock.monotonic_ms()
        for run_id, (told_ms, held) in list(self._told.items()):
            if now_ms - told_ms < limits.RUN_PROGRESS_INTERVAL_MS:
                return
            del self._told[run_id]
            if held is not None:
                self._send(held)
                self._told[run_id] = (now_ms, None)

    def forget(self) -> None:
        """Forget all runs and what is held of them."""
        self._told.clear()
