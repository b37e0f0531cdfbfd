"""Descriptors: claims stdin and stdout for the protocol, and cuts bytes into bounded lines.

Serving goes through private duplicates. fd 0 is then the null device and fd 1 is stderr, so a
stray print, a library or a child process cannot touch the wire. Reading is `os.read` on the
duplicate: a thread parked in `sys.stdin.buffer` aborts the interpreter's exit.

The two halves that move bytes, `stdio_posix` and `stdio_threads`, share the `Channel` here.
"""

import os
import sys
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from sidecar import limits
from sidecar.wiping import wipe


class Descriptors(NamedTuple):
    """The private duplicates of stdin and stdout."""

    reader: int
    writer: int


class Ready(NamedTuple):
    """What a wait ended with."""

    readable: bool
    output_closed: bool


class Channel(Protocol):
    """Bytes in, bytes out, and one place to wait for either; used by one thread."""

    def wait(self, timeout_ms: float | None, *, want_input: bool, want_output: bool) -> Ready:
        """Return when input is there, output can move, `wake` was called or time is up."""

    def read(self) -> bytes | None:
        """What can be read now without blocking; empty bytes when nothing, None at the end."""

    def write(self, buffers: list[bytes | memoryview]) -> int:
        """Write what can be written now without blocking; returns the bytes taken.

        Raises:
            BrokenPipeError: nobody will ever read it.
        """

    def wake(self) -> None:
        """End the wait from any thread."""

    def watch_end(self, ended: Callable[[], None]) -> int | None:
        """Help to see the end of input while nobody reads.

        Returns a descriptor whose hang-up can be polled for, or None when `ended` will be
        called from a thread instead.
        """

    def close(self) -> None:
        """Give the descriptors back."""


def claim() -> Descriptors:
    """Take fd 0 and fd 1 for the protocol, and point them where they can do no harm."""
    if os.name == "nt":
        _set_binary_mode()
    null = os.open(os.devnull, os.O_RDWR)
    while null <= 2:  # noqa: PLR2004 - a standard descriptor was not open: the null device is it
        null = os.open(os.devnull, os.O_RDWR)
    # os.dup makes duplicates that no child process inherits.
    reader, writer = os.dup(0), os.dup(1)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    sys.stdout = sys.stderr
    return Descriptors(reader, writer)


def _set_binary_mode() -> None:
    r"""Keep Windows from turning `\\n` into `\\r\\n`."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - exists on Windows only

        msvcrt.setmode(0, os.O_BINARY)
        msvcrt.setmode(1, os.O_BINARY)


_PEEK_BYTES: Final = 200
"""How far into a line, from both ends, a method's name is looked for before it is decoded."""


def is_sensitive(line: bytes) -> bool:
    """Whether the line may be a request of secrets, whose bytes are wiped behind it."""
    return b'"secrets.' in line[:_PEEK_BYTES] or b'"secrets.' in line[-_PEEK_BYTES:]


OVERSIZE: Final = None
"""Stands in the list of lines for one that was longer than `limits.LINE_MAX_BYTES`."""


class LineReader:
    """Cuts what was read into lines; holds at most one line's worth of bytes."""

    def __init__(self, max_bytes: int = limits.LINE_MAX_BYTES) -> None:
        """Start between lines."""
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []
        self._held_bytes = 0
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """The lines that `data` completes, without their ends; OVERSIZE for one too long."""
        head, *rest = data.split(b"\n")
        if not rest:
            self._hold(head)
            return []
        lines: list[bytes | None] = [self._complete(head)]
        tail = rest.pop()
        lines.extend(line if len(line) <= self._max_bytes else OVERSIZE for line in rest)
        self._hold(tail)
        return lines

    def finish(self) -> list[bytes | None]:
        """At the end of input: the last line if it had no end."""
        if not self._held_bytes and not self._skipping:
            return []
        return [self._complete(b"")]

    def _hold(self, part: bytes) -> None:
        if self._skipping or not part:
            return
        self._parts.append(part)
        self._held_bytes += len(part)
        if self._held_bytes > self._max_bytes:
            self._parts.clear()
            self._held_bytes = 0
            self._skipping = True

    def _complete(self, last: bytes) -> bytes | None:
        self._hold(last)
        if self._skipping:
            self._skipping = False
            return OVERSIZE
        line = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        if len(self._parts) > 1 and is_sensitive(line):
            for part in self._parts:
                wipe(part)
        self._parts.clear()
        self._held_bytes = 0
        return line
