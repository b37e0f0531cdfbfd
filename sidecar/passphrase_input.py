"""Reads a passphrase from an inherited descriptor, bounded in time and in bytes.

A host may write the line and not close the descriptor, or another process may hold a copy of it,
so that its end never comes. What is read is therefore one line, as other programs do that take a
passphrase so, and for a limited time.
"""

import os
import sys
from collections.abc import Callable
from threading import Thread

from sidecar import descriptors, limits
from sidecar.clock import Countdown, SystemClock
from sidecar.wiping import wipe

_MAX_BYTES = 4 * limits.PASSPHRASE_MAX_CHARS + 2
"""A longer line is cut; every method refuses it as too long."""


def _never() -> bool:
    """Say that the passphrase is still wanted."""
    return False


class _Line:
    """The line as far as it is read; a thread fills it, because a read may never return."""

    def __init__(self) -> None:
        self.buffer = bytearray(_MAX_BYTES)
        self.length = 0
        self.fault: OSError | None = None
        self.unwanted = False

    def read(self, descriptor: int) -> None:
        """Read to the end of the line or of the descriptor, and close it; runs in the thread."""
        try:
            if sys.platform == "win32":
                import msvcrt  # noqa: PLC0415 - exists on Windows only

                descriptor = msvcrt.open_osfhandle(descriptor, os.O_RDONLY)
            while self.length < _MAX_BYTES and b"\n" not in self.buffer:
                part = descriptors.read(descriptor, _MAX_BYTES - self.length)
                if not part:
                    break
                self.buffer[self.length : self.length + len(part)] = part
                self.length += len(part)
                wipe(part)
            os.close(descriptor)
        except OSError as fault:
            self.fault = fault
        if self.unwanted:
            wipe(self.buffer)

    def take(self) -> bytearray:
        """Return the line without its end, and wipe the rest."""
        end = self.buffer.find(b"\n")
        line = self.buffer[: self.length if end < 0 else end].rstrip(b"\r")
        wipe(self.buffer)
        return line


def read_passphrase(
    descriptor: int, limit_ms: int, unwanted: Callable[[], bool] = _never
) -> bytearray:
    """Return the first line of a descriptor (on Windows a handle); the caller wipes it.

    Gives up when `unwanted` says that there is no use in it any more.

    Raises:
        TimeoutError: there was no whole line in time.
        OSError: the descriptor cannot be read.
    """
    line = _Line()
    limit = Countdown(SystemClock(), limit_ms)
    thread = Thread(target=line.read, args=(descriptor,), name="passphrase", daemon=True)
    thread.start()
    while thread.is_alive() and limit.left_ms() > 0 and not unwanted():
        thread.join(limit.wait_ms() / 1000)
    if thread.is_alive():
        line.unwanted = True
        raise TimeoutError
    if line.fault is not None:
        raise line.fault
    return line.take()
