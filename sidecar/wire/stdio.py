"""Claims stdin and stdout for the protocol, and splits what is read into lines.

The process serves on private duplicates of both. Descriptor 0 is then the null device and
descriptor 1 is stderr, so that no print, library or child process can read or write messages.
Reading is `os.read` or `os.readv` on the duplicate: a thread that waits in `sys.stdin.buffer` makes
Python abort at its exit.

`stdio_posix` and `stdio_threads` implement the `Channel` that is defined here.
"""

import codecs
import os
import sys
from collections.abc import Callable
from typing import ClassVar, Final, NamedTuple, Protocol

import msgspec

from sidecar import limits


class Descriptors(NamedTuple):
    """The private duplicates of stdin and stdout."""

    reader: int
    writer: int


class Ready(msgspec.Struct, frozen=True):
    """The result of a wait."""

    readable: bool
    output_closed: bool


class Channel(Protocol):
    """Reads and writes bytes, and waits until one of them is possible; used by one thread."""

    READS_IN_THREAD: ClassVar[bool]
    """Whether delivered bytes may not be seen yet by a wait that does not sleep."""

    def wait(self, timeout_ms: float | None, *, want_input: bool, want_output: bool) -> Ready:
        """Wait until bytes can be read or written, `wake` was called or the time has passed."""

    def lingers(self) -> bool:
        """Return whether input comes within `limits.LINGER_US` after an answer; never sleeps."""

    def read(self, room: memoryview) -> int | None:
        """Read without blocking what is there and fits; return its size, None at the end of input.

        `room` has room for `limits.READ_CHUNK_BYTES`.
        """

    def write(self, buffers: list[bytes | memoryview]) -> int:
        """Write what can be written now without blocking; return the number of bytes.

        Raises:
            BrokenPipeError: the reader has closed its end.
        """

    def unwritten_bytes(self) -> int:
        """Return how many bytes that `write` has accepted are not written yet."""

    def abandon_output(self) -> int:
        """Report no more that stdout is closed; return the number of answers not written."""

    def wake(self) -> None:
        """End a wait; may be called from any thread."""

    def watch_end(self, ended: Callable[[], None]) -> int | None:
        """Return a descriptor that can be polled for the end of input while nothing reads it.

        None when there is none; then `ended` is called from a thread at the end of input.
        """

    def close(self) -> None:
        """Close the descriptors."""


def claim() -> Descriptors:
    """Return private duplicates of stdin and stdout, and replace the two descriptors."""
    if os.name == "nt":
        _set_binary_mode()
    null = os.open(os.devnull, os.O_RDWR)
    while null <= 2:  # noqa: PLR2004 - it has the number of a standard stream that was closed
        null = os.open(os.devnull, os.O_RDWR)
    # Child processes do not inherit what os.dup makes.
    reader, writer = os.dup(0), os.dup(1)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    sys.stdout = sys.stderr
    return Descriptors(reader, writer)


def _set_binary_mode() -> None:
    r"""Switch both streams to binary, so that Windows does not write `\\r\\n` for `\\n`."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - exists on Windows only

        msvcrt.setmode(0, os.O_BINARY)
        msvcrt.setmode(1, os.O_BINARY)


OVERSIZE: Final = None
"""What the list of lines has for a line that was longer than `limits.LINE_MAX_BYTES`."""


class LineReader:
    """Splits what is read into lines; stores the bytes of one unfinished line at most.

    Each line is copied out of the buffer, and its place is overwritten with zeros at once: nothing
    has to be searched for secrets. A byte order mark before the first line is skipped: hosts on
    .NET and PowerShell write one.
    """

    def __init__(self, max_bytes: int = limits.LINE_MAX_BYTES) -> None:
        """Start without an unfinished line."""
        self._max_bytes = max_bytes
        self._buffer = bytearray(2 * limits.READ_CHUNK_BYTES)
        self._view = memoryview(self._buffer)
        self._held_bytes = 0
        """Size of the unfinished line in the buffer, which begins with it."""
        self._parts: list[memoryview] = []
        """The unfinished line's parts before that one, in buffers that were too small for it."""
        self._parts_bytes = 0
        self._skipping = False
        self._at_start = True

    def room(self) -> memoryview:
        """Return where to read the next bytes into; it has room for limits.READ_CHUNK_BYTES."""
        if not self._held_bytes:
            return self._view
        if len(self._view) - self._held_bytes < limits.READ_CHUNK_BYTES:
            self._set_aside()
        return self._view[self._held_bytes :]

    def take(self, size_bytes: int) -> list[bytes | None]:
        """Return the lines that the bytes just read into the room complete, without line ends.

        OVERSIZE takes the place of a line that is too long.
        """
        buffer, view = self._buffer, self._view
        begin, end = 0, self._held_bytes + size_bytes
        lines: list[bytes | None] = []
        at = buffer.find(b"\n", self._held_bytes, end)
        while at >= 0:
            if self._parts or self._skipping or self._at_start:
                lines.append(self._complete(view[:at]))
            else:
                lines.append(bytes(view[begin:at]) if at - begin <= self._max_bytes else OVERSIZE)
            begin = at + 1
            at = buffer.find(b"\n", begin, end) if begin < end else -1
        held_bytes = end - begin
        if self._skipping or (held_bytes and self._parts_bytes + held_bytes > self._max_bytes):
            self._skipping, held_bytes = True, 0
            self._forget_parts()
        elif held_bytes and begin:
            view[:held_bytes] = view[begin:end]
        view[held_bytes:end] = bytes(end - held_bytes)
        self._held_bytes = held_bytes
        if end == len(view) < limits.READ_MAX_BYTES:
            self._set_aside()
        return lines

    def finish(self) -> list[bytes | None]:
        """Return the last line if it has no line end; called at the end of input."""
        if not (self._held_bytes or self._parts or self._skipping):
            return []
        self.room()[:1] = b"\n"
        return self.take(1)

    def _complete(self, last: memoryview) -> bytes | None:
        """Return the unfinished line with its last part."""
        parts = [*self._parts, last]
        mark_bytes = len(codecs.BOM_UTF8)
        if self._at_start and bytes(parts[0][:mark_bytes]) == codecs.BOM_UTF8:
            parts[0] = parts[0][mark_bytes:]
        fits = not self._skipping and self._parts_bytes + len(last) <= self._max_bytes
        line = b"".join(parts) if fits else OVERSIZE
        self._at_start = self._skipping = False
        self._forget_parts()
        return line

    def _set_aside(self) -> None:
        """Continue in a buffer for a whole pipe; what this one has becomes a part of its line."""
        if self._held_bytes:
            self._parts.append(self._view[: self._held_bytes])
            self._parts_bytes += self._held_bytes
        self._held_bytes = 0
        self._buffer = bytearray(limits.READ_MAX_BYTES)
        self._view = memoryview(self._buffer)

    def _forget_parts(self) -> None:
        """Overwrite the parts of a line and forget them."""
        for part in self._parts:
            part[:] = bytes(len(part))
        self._parts.clear()
        self._parts_bytes = 0
