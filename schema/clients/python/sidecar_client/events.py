"""The queue of notifications, for a program that reads them instead of using callbacks."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator

from .contract import Notification
from .errors import CallTimeout, ConnectionLost
from .wire import CALL_TIMEOUT_S

EVENTS_MAX = 10_000
"""Most notifications that are stored for a program that does not read them."""


class Events:
    """A queue of notifications; past EVENTS_MAX the oldest are dropped, and counted in `lost`."""

    def __init__(self) -> None:
        """Start with an empty queue."""
        self._waiting: deque[Notification] = deque()
        self._changed = threading.Condition()
        self._end: ConnectionLost | None = None
        self.lost = 0
        self.on_change: Callable[[], None] | None = None
        """Called after each change, in the thread that makes it."""

    def get(self, timeout: float = CALL_TIMEOUT_S) -> Notification:
        """Remove and return the oldest one; raise ConnectionLost when there will be no more."""
        with self._changed:
            if not self._changed.wait_for(
                lambda: self._waiting or self._end, min(timeout, threading.TIMEOUT_MAX)
            ):
                message = f"No notification within {timeout} s."
                raise CallTimeout(message)
            if self._end is not None and not self._waiting:
                raise self._end
            return self._waiting.popleft()

    def __iter__(self) -> Iterator[Notification]:
        """Yield notifications until the process ends."""
        try:
            while True:
                yield self.get(threading.TIMEOUT_MAX)
        except ConnectionLost:
            return

    def put(self, notification: Notification) -> None:
        """Add a notification; drop the oldest when there are too many."""
        with self._changed:
            if len(self._waiting) == EVENTS_MAX:
                self._waiting.popleft()
                self.lost += 1
            self._waiting.append(notification)
            self._tell()

    def set_end(self, end: ConnectionLost | None) -> None:
        """Record that the process has ended or, with None, was started again."""
        with self._changed:
            self._end = end
            self._tell()

    def _tell(self) -> None:
        """Wake the waiting threads."""
        self._changed.notify_all()
        if self.on_change is not None:
            self.on_change()
