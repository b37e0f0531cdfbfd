"""Requests in flight."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .contract import Progress
from .errors import CallTimeout, ClientError
from .wire import called_back

if TYPE_CHECKING:
    from .client import BaseClient

T = TypeVar("T")


class Pending(Generic[T]):
    """A request in flight; it settles once."""

    def __init__(
        self,
        client: BaseClient,
        request_id: int,
        method: str,
        *,
        timeout: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        on_settled: Callable[[], None] | None = None,
    ) -> None:
        """Make the request `request_id` of `client`."""
        self.id = request_id
        self.method = method
        self.batch = 0
        self.line_bytes = 0
        """The length of the line in which the request was sent."""
        self._client = client
        self._timeout = timeout
        self._on_progress = on_progress
        self._on_settled = on_settled
        self._active_at = time.monotonic()
        self._settled = threading.Event()
        self._answer: tuple[Any, ClientError | None] = (None, None)

    @property
    def done(self) -> bool:
        """Return whether the answer was received or the process has ended."""
        return self._settled.is_set()

    def result(self, timeout: float | None = None) -> T:
        """Wait for the result and return it; each `$/progress` starts the timeout again."""
        if self._client.in_callback():
            message = "A callback cannot wait for an answer: it runs in the thread that reads them."
            raise RuntimeError(message)
        while not self._settled.is_set():
            self._settled.wait(min(self.seconds_left(timeout), threading.TIMEOUT_MAX))
        value, error = self._answer
        if error is not None:
            raise error
        result: T = value
        return result

    def cancel(self) -> None:
        """Cancel the request; only long methods can be cancelled, and then raise Cancelled."""
        self._client.notify("$/cancelRequest", {"id": self.id})

    def seconds_left(self, timeout: float | None = None) -> float:
        """Return the time until the timeout; raise CallTimeout when it has passed."""
        given = self._timeout if timeout is None else timeout
        allowed = self._client.timeout if given is None else given
        left = self._active_at + allowed - time.monotonic()
        if left <= 0 and not self.done:
            message = f"{self.method}: no answer within {allowed} s."
            raise CallTimeout(message)
        return left

    def touch(self, progress: Progress | None = None) -> None:
        """Restart the timeout, because progress was received."""
        self._active_at = time.monotonic()
        if progress is not None and self._on_progress is not None:
            called_back(self._on_progress, progress)

    def settle(self, value: Any, error: ClientError | None = None) -> None:
        """Store the answer; called once, by the thread that removed the request from the list."""
        self._answer = (value, error)
        self._settled.set()
        if self._on_settled is not None:
            called_back(self._on_settled)
