"""Claims stdin and stdout for the protocol, and splits what is read into lines.

The process serves on private duplicates of both. Descriptor 0 is then the null device and
descriptor 1 is stderr, so that no print, library or child process can read or write messages.
Reading is `os.read` on the duplicate: a thread that waits in `sys.stdin.buffer` makes Python abort
at its exit.

`stdio_posix` and `stdio_threads` implement the `Channel` that is defined here.
"""

import codecs
import os
import sys
from collections.abc import Callable
from typing import ClassVar, Final, NamedTuple, Protocol

import msgspec

from sidecar import limits
from sidecar.wiping import wipe
from sidecar.wire.envelope import may_hold_secret


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

    def read(self) -> bytes | None:
        """Return what can be read now without blocking; None at the end of input."""

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

    A byte order mark before the first line is skipped: hosts on .NET and PowerShell write one.
    """

    def __init__(self, max_bytes: int = limits.LINE_MAX_BYTES) -> None:
        """Start without an unfinished line."""
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []
        self._held_bytes = 0
        self._skipping = False
        self._at_start = True

    def feed(self, data: bytes) -> list[bytes | None]:
        """Return the lines that `data` completes, without line ends; OVERSIZE for a long one."""
        lines: list[bytes | None] = [*data.split(b"\n")]
        tail = lines.pop() or b""
        if lines and (self._parts or self._skipping):
            lines[0] = self._complete(lines[0] or b"")
        if len(data) > self._max_bytes:
            lines = [line if len(line or b"") <= self._max_bytes else OVERSIZE for line in lines]
        if tail:
            self._hold(tail)
        if lines and self._at_start:
            lines[0] = self._without_mark(lines[0])
        return lines

    def finish(self) -> list[bytes | None]:
        """Return the last line if it has no line end; called at the end of input."""
        if not self._held_bytes and not self._skipping:
            return []
        line = self._complete(b"")
        return [self._without_mark(line) if self._at_start else line]

    def _without_mark(self, line: bytes | None) -> bytes | None:
        """Return the first line of all without a byte order mark."""
        self._at_start = False
        if line is None or not line.startswith(codecs.BOM_UTF8):
            return line
        rest = line.removeprefix(codecs.BOM_UTF8)
        if may_hold_secret(line):
            wipe(line)
        return rest

    def _hold(self, part: bytes) -> None:
        """Add a part of an unfinished line; forget a line that becomes too long."""
        if self._skipping:
            wipe(part)  # of a line that is too long to be decoded: it may hold anything
        if self._skipping or not part:
            return
        self._parts.append(part)
        self._held_bytes += len(part)
        if self._held_bytes > self._max_bytes:
            for each in self._parts:
                wipe(each)
            self._parts.clear()
            self._held_bytes = 0
            self._skipping = True

    def _complete(self, last: bytes) -> bytes | None:
        """Return the unfinished line with its last part."""
        self._hold(last)
        if self._skipping:
            self._skipping = False
            return OVERSIZE
        line = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        if len(self._parts) > 1 and may_hold_secret(line):
            for part in self._parts:
                wipe(part)
        self._parts.clear()
        self._held_bytes = 0
        return line
