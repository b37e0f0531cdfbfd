"""The supervisor for asyncio: callbacks run in the event loop."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable
from typing import Final, Self, Unpack, cast

from .asyncio_client import in_loop
from .asyncio_methods import AsyncClient
from .supervisor import State, Supervisor, SupervisorOptions
from .wire import CALL_TIMEOUT_S

CALLBACKS: Final = ("on_state", "on_event", "on_runs", "on_log", "on_notification", "on_stale")


class AsyncSupervisor:
    """Restarts a process after it has died; takes the options of Supervisor.

    The callbacks are plain functions that run in the event loop; `unlock` may be a coroutine.
    """

    def __init__(
        self,
        database: str | os.PathLike[str],
        *,
        unlock: Callable[[bool], Awaitable[str | None] | str | None] | None = None,
        **options: Unpack[SupervisorOptions],
    ) -> None:
        """Supervise a process for this database, from the event loop that runs now."""
        for name in CALLBACKS:
            if (callback := options.get(name)) is not None:
                options[name] = in_loop(cast(Callable[..., object], callback))
        self._loop = asyncio.get_running_loop()
        self._unlock = unlock
        asked = None if unlock is None else self._ask
        self._supervisor = Supervisor(database, unlock=asked, **options)
        self.client = AsyncClient(self._supervisor.client)

    async def __aenter__(self) -> Self:
        """Start the process."""
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        """End the process."""
        await self.stop()

    @property
    def state(self) -> State:
        """Return the state of the process."""
        return self._supervisor.state

    async def start(self) -> Self:
        """Start the process and wait until it serves; raise StartFailed when it does not."""
        await asyncio.to_thread(self._supervisor.start)
        return self

    async def stop(self) -> int | None:
        """End the process in order and return its exit code; it is not started again."""
        return await asyncio.to_thread(self._supervisor.stop)

    async def wait_ready(self, timeout: float = CALL_TIMEOUT_S) -> None:
        """Wait until a process serves; raise CrashLoop when there will be none."""
        await asyncio.to_thread(self._supervisor.wait_ready, timeout)

    def _ask(self, wrong: bool) -> str | None:  # noqa: FBT001 - as Supervisor calls it
        """Ask for the passphrase in the event loop; runs in a thread of the supervisor."""
        return asyncio.run_coroutine_threadsafe(self._passphrase(wrong), self._loop).result()

    async def _passphrase(self, wrong: bool) -> str | None:  # noqa: FBT001 - as Supervisor calls it
        """Ask for the passphrase."""
        answer = self._unlock(wrong) if self._unlock is not None else None
        return await answer if inspect.isawaitable(answer) else answer
