"""The watchdog: a thread that ends the process when the loop cannot, because a handler is stuck.

It watches for the end of input, for signals (Python writes them to a wake-up descriptor in C, so
that a handler which never returns does not hide them) and for the death of the parent process. Each
of these tells the loop to stop and sets a deadline. A second signal, or the deadline, ends the
process with exit code 9.

The death of the parent is seen through a pidfd on Linux, elsewhere by a check every
`limits.PARENT_CHECK_MS`. PR_SET_PDEATHSIG cannot be used: it fires when the thread that started the
process ends.
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
"""Time to the deadline: longer than the loop's own limit, so that the loop can end first."""


def _exit_forced() -> None:
    """End the process at once, with the exit code for a forced end."""
    log.flush(50)
    os._exit(ExitCode.FORCED)


class Watchdog:
    """Watches in its own thread, in which it calls `stop(reason)`."""

    def __init__(
        self,
        stop: Callable[[str], None],
        input_hung_up: Callable[[], None],
        parent_pid: int | None,
    ) -> None:
        """Watch the process `parent_pid`, by default the parent unless that is process 1."""
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
        """Note that the loop is not stuck; the loop calls it in each iteration."""
        self._beats += 1

    def input_ended(self) -> None:
        """Note the end of input: from now on a loop that does not move is stuck.

        May be called from any thread.
        """
        self._input_hung_up()
        self._stuck_since = (time.monotonic(), self._beats)
        with suppress(OSError):
            os.write(self._writer, b"\0")

    def start(self, hangup_descriptor: int | None) -> None:
        """Handle the signals and start to watch; called in the main thread."""
        self._hangup = hangup_descriptor
        if sys.platform != "win32":
            signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in self._signals_to_handle():
            signal.signal(number, self._on_signal)
        watch = self._watch_windows if sys.platform == "win32" else self._watch
        threading.Thread(target=watch, name="watchdog", daemon=True).start()

    @staticmethod
    def _signals_to_handle() -> list[signal.Signals]:
        """Return the signals that end the process in order."""
        numbers = [signal.SIGTERM, signal.SIGINT]
        if sys.platform == "win32":
            numbers.append(signal.SIGBREAK)
        return numbers

    def _on_signal(self, number: int, _frame: object) -> None:
        """Handle a signal on Windows; on POSIX the wake-up descriptor reports it."""
        if sys.platform == "win32":
            self._handle_signal(number)

    def _handle_signal(self, number: int) -> None:
        """Stop the loop at the first signal, end the process at the second."""
        self._signals += 1
        if self._signals > 1:
            _exit_forced()
        self.arm()
        self._stop(f"signal {signal.Signals(number).name}")

    def arm(self) -> None:
        """Set the deadline of the end if it is not set; may be called from any thread."""
        if self._deadline is None:
            self._deadline = time.monotonic() + _FORCE_AFTER_MS / 1000
            with suppress(OSError):
                os.write(self._writer, b"\0")

    # --- POSIX ----------------------------------------------------------------------------

    def _watch(self) -> None:
        """Watch for ever; runs in the thread on POSIX."""
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
                    self.input_ended()
                    continue
                with suppress(BlockingIOError):
                    for number in os.read(self._reader, 64):
                        if number:
                            self._handle_signal(number)
            if handle is None and self._parent and not self._parent_lives():
                self._parent_died()
            self._force_when_due()

    def _force_when_due(self) -> None:
        """End the process when the deadline has passed, or when input has ended and it is stuck."""
        now = time.monotonic()
        if self._deadline is not None and now >= self._deadline:
            _exit_forced()
        if self._stuck_since is not None and self._deadline is None:
            since, beats = self._stuck_since
            if beats != self._beats:
                self._stuck_since = (now, self._beats)
            elif now - since >= _FORCE_AFTER_MS / 1000:
                _exit_forced()

    def _timeout_ms(self, handle: int | None) -> float | None:
        """Return how long the thread may sleep before the next check; None without a bound."""
        bounds = []
        if self._deadline is not None:
            bounds.append(max(0.0, (self._deadline - time.monotonic()) * 1000))
        elif self._stuck_since is not None:
            bounds.append(limits.PARENT_CHECK_MS)
        if handle is None and self._parent:
            bounds.append(limits.PARENT_CHECK_MS)
        return min(bounds) if bounds else None

    def _open_parent(self) -> int | None:
        """Return a descriptor that reports the parent's death, or None when there is none."""
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
        """Return whether the watched process is alive."""
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
        """Stop the loop because the watched process has died."""
        log.warning("parent_died", pid=self._parent)
        self._parent = 0
        self.arm()
        self._stop("parent")

    # --- Windows --------------------------------------------------------------------------

    def _watch_windows(self) -> None:
        """Wait for the parent's process handle, in slices so that the deadline is checked too."""
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
