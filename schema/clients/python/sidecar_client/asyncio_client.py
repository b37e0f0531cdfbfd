"""The client for asyncio, which uses the same core; answers wake the event loop."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, Self, Unpack, cast

from .client import Options
from .contract import Notification, Progress, SystemReady
from .envelopes import Params
from .errors import CallTimeout, ConnectionLost
from .events import Events
from .methods import Client
from .wire import CALL_TIMEOUT_S, CLOSE_TIMEOUT_S

CALLBACKS: Final = ("on_log", "on_notification", "on_stale")


class AsyncEvents:
    """The notifications that the process has sent."""

    def __init__(self, events: Events) -> None:
        """Read from `events`, which must have no other reader."""
        self._events = events
        self._changed = asyncio.Event()
        events.on_change = in_loop(self._changed.set)

    async def get(self, timeout: float = CALL_TIMEOUT_S) -> Notification:
        """Remove and return the oldest one; raise ConnectionLost when there will be no more."""
        try:
            async with asyncio.timeout(None if timeout == math.inf else timeout):
                while True:
                    self._changed.clear()
                    with suppress(CallTimeout):
                        return self._events.get(0)
                    await self._changed.wait()
        except TimeoutError:
            message = f"No notification within {timeout} s."
            raise CallTimeout(message) from None

    async def __aiter__(self) -> AsyncIterator[Notification]:
        """Yield notifications until the process ends."""
        with suppress(ConnectionLost):
            while True:
                yield await self.get(math.inf)


class BaseAsyncClient:
    """A process and its requests, for one event loop; callbacks run in it."""

    def __init__(self, client: Client) -> None:
        """Call through `client`, in the event loop that runs now."""
        self.events = AsyncEvents(client.events)
        self._client = client
        self._add_methods()

    def _add_methods(self) -> None:
        """Add the methods; the generated class AsyncClient does."""

    @classmethod
    async def spawn(cls, argv: Sequence[str], **options: Unpack[Options]) -> Self:
        """Start a process, such as ["sim-sidecar", "serve", "--database", path]."""
        for name in CALLBACKS:
            if (callback := options.get(name)) is not None:
                options[name] = in_loop(cast(Callable[..., object], callback))
        starting = asyncio.ensure_future(asyncio.to_thread(Client.spawn, argv, **options))
        try:
            return cls(await asyncio.shield(starting))
        except asyncio.CancelledError:
            starting.add_done_callback(_close_unwanted)
            raise

    async def __aenter__(self) -> Self:
        """Return the client, which is closed at the end of the block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the process."""
        await self.close()

    @property
    def ready(self) -> SystemReady:
        """Return the params of `system.ready`, which the process has sent at its start."""
        return self._client.ready

    @property
    def last_seq(self) -> int | None:
        """Return the number of the newest audit entry that the program has received."""
        return self._client.last_seq

    async def call(
        self,
        method: str,
        params: Params | None = None,
        *,
        timeout: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Any:
        """Call a method and return its result; a task that is cancelled cancels the request."""
        settled = asyncio.Event()
        pending = self._client.start(
            method,
            params,
            timeout=timeout,
            on_progress=on_progress and in_loop(on_progress),
            on_settled=in_loop(settled.set),
        )
        try:
            while not pending.done:
                left = pending.seconds_left()
                with suppress(TimeoutError):
                    async with asyncio.timeout(None if left == math.inf else left):
                        await settled.wait()
        except (asyncio.CancelledError, CallTimeout):
            self._client.forget(pending)
            raise
        return pending.result()

    async def close(self, timeout: float = CLOSE_TIMEOUT_S) -> int | None:
        """End the process in order, or by force after the timeout, and return its exit code."""
        return await asyncio.to_thread(self._client.close, timeout)


def in_loop(callback: Callable[..., object]) -> Callable[..., None]:
    """Return a function that calls the callback in the current event loop, from any thread."""
    loop = asyncio.get_running_loop()

    def call_soon(*arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed and cannot take callbacks
            loop.call_soon_threadsafe(callback, *arguments)

    return call_soon


def _close_unwanted(starting: asyncio.Future[Client]) -> None:
    """End a process whose start was cancelled, as soon as it has started."""
    if not starting.cancelled() and starting.exception() is None:
        starting.result().close(0)
