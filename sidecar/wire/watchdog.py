"""A thread that owns what a stuck handler could prevent.

It sees the end of input behind a handler that never returns, signals through the wake-up
descriptor (written in C, so even such a handler cannot hide them), the death of the parent, and
the end of the drain limit. The first tells the loop to stop and arms the limit; a second signal,
or the limit, ends the process here with exit code 9.

How the parent's death is seen: a pidfd on Linux, else a look every `limits.PARENT_CHECK_MS`.
PR_SET_PDEATHSIG is no alternative: it fires when the thread that spawned us ends.
"""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from sidecar import limits, log
from sidecar.errors import ExitCode

_FORCE_AFTER_MS = limits.DRAIN_LIMIT_MS + 500
"""When the process is ended by force: after the loop's own limit, so that it can go first."""


def _forced() -> None:
    log.flush(50)
    os._exit(ExitCode.FORCED)


class Watchdog:
    """Watches from its own thread; `stop(reason)` must be safe to call there."""

    def __init__(
        self,
        stop: Callable[[str], None],
        input_hung_up: Callable[[], None],
        parent_pid: int | None,
    ) -> None:
        """Watch `parent_pid`, or the parent seen now unless that is process 1."""
        self._stop = stop
        self._input_hung_up = input_hung_up
        self._beats = 0
        self._stuck_since: tuple[float, int] | None = None
        self._explicit = parent_pid is not None
        self._parent = parent_pid if parent_pid is not None else os.getppid()
        self._deadline: float | None = None
        self._signals = 0
        self._reader, self._writer = os.pipe()
        for descriptor in (self._reader, self._writer):
            os.set_blocking(descriptor, False)

    def beat(self) -> None:
        """The loop is alive; called at every turn of it."""
        self._beats += 1

    def hung_up(self) -> None:
        """Input has ended: from now on a loop that stands still is stuck. Safe from any thread."""
        self._input_hung_up()
        self._stuck_since = (time.monotonic(), self._beats)
        with suppress(OSError):
            os.write(self._writer, b"\0")

    def start(self, hangup_descriptor: int | None) -> None:
        """Take the signals over and begin to watch; call it on the main thread."""
        self._hangup = hangup_descriptor
        if sys.platform != "win32":
            signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in self._numbers():
            signal.signal(number, self._on_signal)
        watch = self._watch_windows if sys.platform == "win32" else self._watch
        threading.Thread(target=watch, name="watchdog", daemon=True).start()

    @staticmethod
    def _numbers() -> list[signal.Signals]:
        numbers = [signal.SIGTERM, signal.SIGINT]
        if sys.platform == "win32":
            numbers.append(signal.SIGBREAK)
        return numbers

    def _on_signal(self, number: int, _frame: object) -> None:
        """On POSIX the wake-up descriptor says all; Windows has this handler only."""
        if sys.platform == "win32":
            self._signalled(number)

    def _signalled(self, number: int) -> None:
        self._signals += 1
        if self._signals > 1:
            _forced()
        self.arm()
        self._stop(f"signal {signal.Signals(number).name}")

    def arm(self) -> None:
        """The end has begun: from now on the limit counts. Safe from any thread."""
        if self._deadline is None:
            self._deadline = time.monotonic() + _FORCE_AFTER_MS / 1000
            with suppress(OSError):
                os.write(self._writer, b"\0")

    # --- POSIX ----------------------------------------------------------------------------

    def _watch(self) -> None:
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        handle = self._open_parent()
        if handle is not None:
            poll.register(handle, select.POLLIN)
        if self._hangup is not None:
            poll.register(self._hangup, getattr(select, "POLLRDHUP", 0))
        while True:
            for descriptor, _events in poll.poll(self._timeout_ms(handle)):
                if descriptor == handle:
                    poll.unregister(handle)
                    self._parent_died()
                    continue
                if descriptor == self._hangup:
                    poll.unregister(descriptor)
                    self.hung_up()
                    continue
                with suppress(BlockingIOError):
                    for number in os.read(self._reader, 64):
                        if number:
                            self._signalled(number)
            if handle is None and self._parent and not self._parent_lives():
                self._parent_died()
            self._force_when_due()

    def _force_when_due(self) -> None:
        now = time.monotonic()
        if self._deadline is not None and now >= self._deadline:
            _forced()
        if self._stuck_since is not None and self._deadline is None:
            since, beats = self._stuck_since
            if beats != self._beats:
                self._stuck_since = (now, self._beats)
            elif now - since >= _FORCE_AFTER_MS / 1000:
                _forced()

    def _timeout_ms(self, handle: int | None) -> float | None:
        bounds = []
        if self._deadline is not None:
            bounds.append(max(0.0, (self._deadline - time.monotonic()) * 1000))
        elif self._stuck_since is not None:
            bounds.append(limits.PARENT_CHECK_MS)
        if handle is None and self._parent:
            bounds.append(limits.PARENT_CHECK_MS)
        return min(bounds) if bounds else None

    def _open_parent(self) -> int | None:
        """A handle that tells of the parent's death, None where there is none to be had."""
        if self._parent <= 1 and not self._explicit:
            self._parent = 0
            return None
        if sys.platform != "linux":
            return None
        try:
            handle = os.pidfd_open(self._parent)
        except ProcessLookupError:
            self._parent_died()
            return None
        except OSError:
            return None
        if not self._explicit and os.getppid() != self._parent:
            self._parent_died()
        return handle

    def _parent_lives(self) -> bool:
        if not self._explicit and os.getppid() != self._parent:
            return False
        try:
            os.kill(self._parent, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def _parent_died(self) -> None:
        log.warning("parent_died", pid=self._parent)
        self._parent = 0
        self.arm()
        self._stop("parent")

    # --- Windows --------------------------------------------------------------------------

    def _watch_windows(self) -> None:
        """Wait on the parent's process handle in slices, so that the limit is seen as well."""
        if sys.platform != "win32":
            return
        import ctypes  # noqa: PLC0415 - Windows only

        kernel = ctypes.windll.kernel32
        synchronize, signalled = 0x0010_0000, 0
        handle = kernel.OpenProcess(synchronize, False, self._parent)
        if not handle:
            self._parent = 0
        while True:
            if not self._parent:
                time.sleep(limits.PARENT_CHECK_MS / 1000)
            elif kernel.WaitForSingleObject(handle, limits.PARENT_CHECK_MS) == signalled:
                self._parent_died()
            self._force_when_due()
