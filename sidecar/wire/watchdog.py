"""The watchdog: a thread that ends the process when the loop cannot, because a handler is stuck.

It watches for the end of input, for signals (Python writes them to a wake-up descriptor in C, so
that a handler which never returns does not hide them) and for the death of the parent process. Each
of these tells the loop to stop and sets a deadline. A second signal that comes later, the deadline,
or a loop that does not move for 2.5 s, ends the process with exit code 9. Time in which the whole
process is stopped does not count.
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
from sidecar.clock import Countdown, SystemClock
from sidecar.errors import ExitCode
from sidecar.vocabularies import ClosingReason
from sidecar.wire.parent import Parent

_STUCK_AFTER_MS = limits.DRAIN_LIMIT_MS + 500
"""Time after which a loop that does not move is stuck: a long method may end with it first."""

_FORCE_AFTER_MS = limits.END_LIMIT_MS + limits.END_STALL_MS + 500
"""Time to the deadline: longer than the loop's own limits, so that the loop can end first."""


def _exit_forced() -> None:
    """End the process at once, with the exit code for a forced end."""
    log.flush(50)
    os._exit(ExitCode.FORCED)


def _ending_signals() -> list[signal.Signals]:
    """Return the signals that end the process in order: all that would else end it by default.

    One that was ignored at the start stays so, as nohup does with SIGHUP; SIGTERM and SIGINT are
    handled even then, because shells start programs in the background so.
    """
    numbers = [signal.SIGTERM, signal.SIGINT]
    if sys.platform == "win32":
        return [*numbers, signal.SIGBREAK]
    more = (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM,
            signal.SIGXCPU)  # fmt: skip
    return numbers + [each for each in more if signal.getsignal(each) is not signal.SIG_IGN]


class Watchdog:
    """Watches in its own thread, in which it calls `stop(reason)`."""

    def __init__(
        self,
        stop: Callable[[ClosingReason], None],
        input_hung_up: Callable[[], None],
        parent: Parent,
    ) -> None:
        """Watch this parent, if it is one to watch."""
        self._stop = stop
        self._input_hung_up = input_hung_up
        self._beats = 0
        self._clock = SystemClock()
        self._stuck: tuple[Countdown, int] | None = None
        self._parent = parent
        self._parent_watched = parent.is_watched()
        self._deadline: Countdown | None = None
        self._signalled_ms: float | None = None
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
        self._expect_beats()

    def _expect_beats(self) -> None:
        """Watch from now on whether the loop moves."""
        self._stuck = (Countdown(self._clock, _STUCK_AFTER_MS), self._beats)
        with suppress(OSError):
            os.write(self._writer, b"\0")

    def start(self, hangup_descriptor: int | None) -> None:
        """Handle the signals and start to watch; called in the main thread."""
        self._hangup = hangup_descriptor
        if sys.platform != "win32":
            signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        numbers = _ending_signals()
        for number in numbers:
            signal.signal(number, self._on_signal)
        if sys.platform != "win32":
            # The thread that started this process may have blocked them: its mask is inherited.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
        watch = self._watch_windows if sys.platform == "win32" else self._watch
        threading.Thread(target=watch, name="watchdog", daemon=True).start()

    def _on_signal(self, number: int, _frame: object) -> None:
        """Handle a signal on Windows; on POSIX the wake-up descriptor reports it."""
        if sys.platform == "win32":
            self._handle_signal(number)

    def _read_signals(self) -> None:
        """Handle the signals that the wake-up descriptor reports; 0 only ends a wait."""
        with suppress(BlockingIOError):
            for number in filter(None, os.read(self._reader, 64)):
                self._handle_signal(number)

    def _handle_signal(self, number: int) -> None:
        """Stop the loop at the first signal, end the process at a later one."""
        now_ms = self._clock.monotonic_ms()
        if self._signalled_ms is not None:
            if now_ms - self._signalled_ms >= limits.SIGNAL_REPEAT_MS:
                _exit_forced()
            return
        self._signalled_ms = now_ms
        self.arm()
        log.info("signalled", signal=signal.Signals(number).name)
        self._stop("signal")

    def arm(self) -> None:
        """Set the deadline of the end if it is not set; may be called from any thread."""
        if self._deadline is None:
            self._deadline = Countdown(self._clock, _FORCE_AFTER_MS)
            self._expect_beats()

    # --- POSIX ----------------------------------------------------------------------------

    def _watch(self) -> None:
        """Watch for ever; runs in the thread on POSIX."""
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        handle = self._parent.open() if self._parent_watched else None
        if not self._parent.lives():  # asked after the handle is open, so that no death is missed
            self._parent_died()
        elif handle is not None:
            poll.register(handle, select.POLLIN)
        if self._hangup is not None:
            poll.register(self._hangup, getattr(select, "POLLRDHUP", 0))
        while True:
            polled = handle is None and self._parent_watched
            for descriptor, _events in poll.poll(self._timeout_ms(polled=polled)):
                if descriptor == handle:
                    poll.unregister(handle)
                    self._parent_died()
                    continue
                if descriptor == self._hangup:
                    poll.unregister(descriptor)
                    self.input_ended()
                    continue
                self._read_signals()
            if handle is None and self._parent_watched and not self._parent.lives():
                self._parent_died()
            self._force_when_due()

    def _force_when_due(self) -> None:
        """End the process when the deadline has passed, or when it is to end and is stuck."""
        if self._deadline is not None and self._deadline.left_ms() <= 0:
            _exit_forced()
        if self._stuck is not None:
            limit, beats = self._stuck
            if beats != self._beats:
                self._stuck = (Countdown(self._clock, _STUCK_AFTER_MS), self._beats)
            elif limit.left_ms() <= 0:
                _exit_forced()

    def _timeout_ms(self, *, polled: bool) -> float | None:
        """Return how long the thread may sleep before the next check; None without a bound.

        `polled` says that the death of the parent is checked and not reported.
        """
        if self._stuck is not None:
            return limits.COUNTED_LOOK_MS
        return limits.PARENT_CHECK_MS if polled else None

    def _parent_died(self) -> None:
        """Stop the loop because the watched process has died."""
        log.warning("parent_died", pid=self._parent.pid)
        self._parent_watched = False
        self.arm()
        self._stop("parent")

    # --- Windows --------------------------------------------------------------------------

    def _watch_windows(self) -> None:
        """Wait for the parent's process handle, in slices so that the deadline is checked too."""
        if sys.platform != "win32":
            return
        import ctypes  # noqa: PLC0415 - Windows only

        kernel = ctypes.windll.kernel32
        signalled = 0
        handle, lives = self._parent.open_windows(kernel)
        if not lives:
            self._parent_died()
        while True:
            wait_ms = int(self._timeout_ms(polled=True) or 0)
            if not handle or not self._parent_watched:
                time.sleep(wait_ms / 1000)
            elif kernel.WaitForSingleObject(handle, wait_ms) == signalled:
                self._parent_died()
            self._force_when_due()
