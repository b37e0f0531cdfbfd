"""Runs the command of a host, and forwards and records the bytes of both sides unchanged.

The host sees the same as from the command itself: its output, the end of the output, and its exit
code or the signal that ended it. The command inherits stderr and the host's other descriptors.
When one side stops reading or writing, the other side sees that too.
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
from sidecar.own_command import others_environment

_PASSED_ON = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")


class _Signals:
    """Forwards signals to a process, also those that arrived before it was started."""

    def __init__(self) -> None:
        """Handle the signals that end processes, and those that a program may define."""
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        for name in _PASSED_ON:
            number = getattr(signal, name, None)
            if number is not None:
                with suppress(OSError, ValueError):
                    signal.signal(number, self._came)

    def pass_to(self, process: "subprocess.Popen[bytes]") -> None:
        """Forward all signals to this process from now on."""
        self._process = process
        for number in self._early:
            self._came(number, None)

    def _came(self, number: int, _frame: Any) -> None:
        """Forward a signal, or keep it until there is a process."""
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
        # A process group of its own: a signal from the terminal then arrives once, from here.
        self._process = subprocess.Popen(  # noqa: S603 - the command that the user gave
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, close_fds=False,
            env=others_environment(), **alone,
        )  # fmt: skip
        signals.pass_to(self._process)
        if not (self._process.stdin and self._process.stdout):
            raise RuntimeError("a child without pipes")
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._to, self._came = to, came

    def run(self) -> int:
        """Forward until the command has ended; return its exit code, negative for a signal."""
        threading.Thread(target=self._pass_input, daemon=True).start()
        output = threading.Thread(target=self._pass_output, daemon=True)
        output.start()
        code = self._process.wait()
        output.join()
        return code

    def _pass_input(self) -> None:
        """Forward stdin until it ends, or until the command stops reading."""
        self._pass(0, self._stdin.fileno(), self._to)
        with suppress(OSError):
            self._stdin.close()
        # A host that still writes gets a broken pipe, as it would from the command.
        _replace_by_null(0)

    def _pass_output(self) -> None:
        """Forward the command's output until it ends, or until the host stops reading."""
        self._pass(self._stdout.fileno(), 1, self._came)
        with suppress(OSError):
            self._stdout.close()
        _replace_by_null(1)

    @staticmethod
    def _pass(source: int, target: int, recorder: LineRecorder) -> None:
        """Forward bytes from one descriptor to another until either is closed."""
        with suppress(OSError):
            while data := descriptors.read(source, limits.RELAY_BYTES):
                # Record before forwarding: otherwise an answer could be recorded before its
                # request. An error in the recording must not stop the bytes.
                with suppress(Exception):
                    recorder.feed(data)
                descriptors.write_all(target, data)
        recorder.finish()


def _replace_by_null(descriptor: int) -> None:
    """Replace a standard stream by the null device, so that its number is not reused."""
    with suppress(OSError):
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, descriptor)
        os.close(null)


def end_as(code: int, finish: Callable[[], None]) -> None:
    """End this process as the command ended: with the same exit code, or by the same signal."""
    finish()
    if code < 0 and sys.platform != "win32":
        number = -code
        with suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.pause()
    os._exit(code & 0xFF if sys.platform != "win32" else code)
