"""Reads and writes descriptors of any mode in whole, for threads that may wait.

A host that shares its pipe may have switched it to non-blocking mode, which belongs to the pipe
and not to one process. EAGAIN then means "later" and never the end, and a write takes a part.
Windows has no such mode for the pipes of a child process.
"""

import os
import sys
import time

if sys.platform != "win32":
    import select

_RETRY_S = 0.01
"""How long Windows waits before it tries again; no pipe there is known to need it."""


def _wait(descriptor: int, *, to_write: bool) -> None:
    """Wait until a descriptor in non-blocking mode can be read, or written."""
    if sys.platform == "win32":
        time.sleep(_RETRY_S)
        return
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT if to_write else select.POLLIN)
    poll.poll()


def read(descriptor: int, size_bytes: int) -> bytes:
    """Return what can be read, at least a byte; b"" at the end of input.

    Raises:
        OSError: the descriptor cannot be read.
    """
    while True:
        try:
            return os.read(descriptor, size_bytes)
        except BlockingIOError:
            _wait(descriptor, to_write=False)


def write_some(descriptor: int, data: bytes | memoryview) -> int:
    """Write as much as is taken, at least a byte; return how many bytes.

    Raises:
        OSError: the descriptor cannot be written.
    """
    while True:
        try:
            return os.write(descriptor, data)
        except BlockingIOError:
            _wait(descriptor, to_write=True)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all bytes, however few are taken at a time.

    Raises:
        OSError: the descriptor cannot be written.
    """
    rest = memoryview(data)
    while rest:
        rest = rest[write_some(descriptor, rest) :]
