"""Runs the command of a host and passes what both say on, byte for byte, while it is recorded.

The host sees what it would see of the command itself: its output, the end of it, its exit code or
the signal that ended it; stderr is inherited, and so are the descriptors that the host hands down.
When one of them stops reading or writing, the other one sees that too.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sidecar import descriptors
from sidecar.inspector.frames import LineRecorder
from sidecar.limits import inspector as limits

_PASSED_ON = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")


class _Signals:
    """Passes signals on to a process, also those that came before it was started."""

    def __init__(self) -> None:
        """Handle the signals that end processes, and those whose meaning is a program's own."""
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        for name in _PASSED_ON:
            number = getattr(signal, name, None)
            if number is not None:
                with suppress(OSError, ValueError):
                    signal.signal(number, self._came)

    def pass_to(self, process: "subprocess.Popen[bytes]") -> None:
        """Pass all signals on to this process from now on."""
        self._process = process
        for number in self._early:
            self._came(number, None)

    def _came(self, number: int, _frame: Any) -> None:
        """Send a signal on, or keep it until there is a process."""
        if self._process is None:
            self._early.append(number)
            return
        with suppress(OSError):
            self._process.send_signal(number)


class Relay:
    """The command, between our stdin and our stdout."""

    def __init__(self, command: list[str], to: LineRecorder, came: LineRecorder) -> None:
        """Start the command.

        Raises:
            OSError: it cannot be started.
        """
        signals = _Signals()
        alone: dict[str, Any] = {} if sys.platform == "win32" else {"process_group": 0}
        # A group of its own: a signal of the terminal then comes once, from us.
        self._process = subprocess.Popen(  # noqa: S603 - the command of the person
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, close_fds=False,
            **alone,
        )  # fmt: skip
        signals.pass_to(self._process)
        if not (self._process.stdin and self._process.stdout):
            raise RuntimeError("a child without pipes")
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._to, self._came = to, came

    def run(self) -> int:
        """Pass on until the command has ended; return its exit code, negative for a signal."""
        threading.Thread(target=self._pass_input, daemon=True).start()
        output = threading.Thread(target=self._pass_output, daemon=True)
        output.start()
        code = self._process.wait()
        output.join()
        return code

    def _pass_input(self) -> None:
        """Pass stdin on until it ends, or until the command takes no more."""
        self._pass(0, self._stdin.fileno(), self._to)
        with suppress(OSError):
            self._stdin.close()
        # A host that still writes gets a broken pipe, as it would from the command.
        _replace_by_null(0)

    def _pass_output(self) -> None:
        """Pass the command's output on until it ends, or until the host reads no more."""
        self._pass(self._stdout.fileno(), 1, self._came)
        with suppress(OSError):
            self._stdout.close()
        _replace_by_null(1)

    @staticmethod
    def _pass(source: int, target: int, recorder: LineRecorder) -> None:
        """Pass bytes from a descriptor to another one until either end is gone."""
        with suppress(OSError):
            while data := descriptors.read(source, limits.RELAY_BYTES):
                # Recorded first: an answer must not be seen before its request, nor a request
                # before what it follows. A fault in that must not keep the bytes back.
                with suppress(Exception):
                    recorder.feed(data)
                descriptors.write_all(target, data)
        recorder.finish()


def _replace_by_null(descriptor: int) -> None:
    """Close a standard stream without leaving its number free."""
    with suppress(OSError):
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, descriptor)
        os.close(null)


def end_as(code: int, finish: Callable[[], None]) -> None:
    """End this process as the command has ended: with its exit code, or by the same signal."""
    finish()
    if code < 0 and sys.platform != "win32":
        number = -code
        with suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.pause()
    os._exit(code & 0xFF if sys.platform != "win32" else code)
