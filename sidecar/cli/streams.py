"""The standard streams of a command: what is written arrives whole, or the command fails.

Python's own streams do not promise that. Where PYTHONUNBUFFERED is set a write may take only a
part, as on a disk that becomes full; and a pipe that its owner has switched to non-blocking mode
takes what fits and then fails, or delivers nothing although input is still to come.
"""

import io
import os
import sys
from typing import TYPE_CHECKING

from sidecar import descriptors

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class _Whole(io.RawIOBase):
    """A standard stream whose every write is complete and whose every read waits."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        """Return the descriptor; closing this object leaves it open."""
        return self._descriptor

    def isatty(self) -> bool:
        """Return whether the descriptor is a terminal."""
        return os.isatty(self._descriptor)

    def readable(self) -> bool:
        """Return whether this is stdin."""
        return self._descriptor == 0

    def writable(self) -> bool:
        """Return whether this is stdout or stderr."""
        return self._descriptor > 0

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read what is there, at least a byte; 0 bytes are the end."""
        into = memoryview(buffer).cast("B")
        data = descriptors.read(self._descriptor, len(into))
        into[: len(data)] = data
        return len(data)

    def write(self, data: "ReadableBuffer") -> int:
        """Write all of it."""
        rest = memoryview(data).cast("B")
        descriptors.write_all(self._descriptor, rest)
        return len(rest)


def make_whole() -> None:
    """Replace stdin, stdout and stderr of Python; streams that a test has replaced stay.

    A name in any script must not end a command where the locale cannot spell it, so such letters
    are written as escapes. A console of Windows stays too: its text does not go through bytes.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is not getattr(sys, f"__{name}__") or not isinstance(stream, io.TextIOWrapper):
            continue
        if sys.platform == "win32" and stream.isatty():
            continue
        raw = _Whole(descriptor)
        buffer = io.BufferedWriter(raw) if descriptor else io.BufferedReader(raw)
        errors = "backslashreplace" if descriptor else stream.errors
        whole = io.TextIOWrapper(
            buffer,
            encoding=stream.encoding,
            errors=errors,
            line_buffering=raw.isatty() or name == "stderr",
        )
        setattr(sys, name, whole)


def finish() -> None:
    """Write what is still in the buffers of stdout, and learn what its file system says of it.

    Raises:
        OSError: the output is not complete.
    """
    sys.stdout.flush()
    os.close(os.dup(1))  # a file on another machine is written when a descriptor of it is closed
