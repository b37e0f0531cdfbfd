"""The channel for descriptors that cannot be polled: Windows pipes, files, terminals.

One thread reads and one writes; the loop waits for a condition variable. Both are daemon threads
that use `os.read` and `os.write`, so that they cannot delay the exit of Python. It works on every
system: POSIX systems use it when stdout is neither a socket nor a pipe that can be opened again.
"""

import errno
import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar

from sidecar import descriptors, limits
from sidecar.wiping import wipe
from sidecar.wire.envelope import NOTIFICATION_START
from sidecar.wire.stdio import Descriptors, Ready

_WAIT_SLICE_S = 0.5
"""Longest single wait: on Windows Ctrl+C has no effect before a wait for a lock ends."""

_LAST_PIECE_BYTES = 4096
"""Most bytes of one write at the end: a write to a pipe returns when the reader has room for all of
it, and only then is it seen to read."""


class ThreadedChannel:
    """Reads one descriptor and writes another, each in its own thread."""

    READS_IN_THREAD: ClassVar = True

    def __init__(self, claimed: Descriptors) -> None:
        """Own the two descriptors and start both threads."""
        self._reader, self._writer = claimed
        self._changed = threading.Condition()
        self._input: deque[bytes] = deque()
        self._input_bytes = 0
        self._input_ended = False
        self._output: deque[bytes] = deque()
        self._output_bytes = 0
        self._output_broken = False
        self._abandoned = False
        self._is_ending = False
        self._ended: Callable[[], None] | None = None
        self._woken = False
        self._closing = False
        for work in (self._read_input, self._write_output):
            threading.Thread(target=work, name=work.__name__, daemon=True).start()

    def _read_input(self) -> None:
        """Read until the end of input; runs in its own thread."""
        while not self._input_ended:
            try:
                data = descriptors.read(self._reader, limits.READ_CHUNK_BYTES)
            except OSError:
                data = b""
            with self._changed:
                while self._input_bytes > limits.READ_MAX_BYTES and not self._closing:
                    self._changed.wait()
                if data:
                    self._input.append(data)
                    self._input_bytes += len(data)
                else:
                    self._input_ended = True
                self._changed.notify_all()
                ended = self._ended if self._input_ended else None
            if ended is not None:
                ended()

    def _write_output(self) -> None:
        """Write what is queued until the channel is closed; runs in its own thread."""
        while True:
            with self._changed:
                while not self._output and not self._closing:
                    self._changed.wait()
                if not self._output:
                    return
                data = self._output[0]
            try:
                self._write_pieces(memoryview(data))
            except OSError:
                with self._changed:
                    self._output_broken = True
                    self._changed.notify_all()
                return
            with self._changed:
                self._output.popleft()
                self._woken |= self._is_ending
                self._changed.notify_all()

    def _write_pieces(self, data: memoryview) -> None:
        """Write all bytes; count what is written, so that a slow reader is seen to read.

        Raises:
            OSError: stdout cannot be written.
        """
        rest = data
        while rest:
            size_bytes = _LAST_PIECE_BYTES if self._is_ending else limits.READ_CHUNK_BYTES
            written_bytes = descriptors.write_some(self._writer, rest[:size_bytes])
            rest = rest[written_bytes:]
            with self._changed:
                self._output_bytes -= written_bytes
                self._changed.notify_all()

    def wait(self, timeout_ms: float | None, *, want_input: bool, want_output: bool) -> Ready:
        """Wait for the condition variable, in slices."""
        left_s = None if timeout_ms is None else timeout_ms / 1000
        with self._changed:
            while not self._is_ready(want_input=want_input, want_output=want_output):
                slice_s = _WAIT_SLICE_S if left_s is None else min(_WAIT_SLICE_S, left_s)
                self._changed.wait(slice_s)
                if left_s is not None:
                    left_s -= slice_s
                    if left_s <= 0:
                        break
            self._woken = False
            readable = bool(self._input) or self._input_ended
            return Ready(want_input and readable, self._output_broken and not self._abandoned)

    def lingers(self) -> bool:
        """Return False: a thread reads the input."""
        return False

    def _is_ready(self, *, want_input: bool, want_output: bool) -> bool:
        """Return whether a wait can end."""
        if self._woken or (self._output_broken and not self._abandoned):
            return True
        if want_input and (self._input or self._input_ended):
            return True
        return want_output and not self._abandoned and self._output_bytes < limits.READ_MAX_BYTES

    def read(self, room: memoryview) -> int | None:
        """Copy the oldest piece that the reading thread has read."""
        with self._changed:
            if not self._input:
                return None if self._input_ended else 0
            data = self._input.popleft()
            self._input_bytes -= len(data)
            self._changed.notify_all()
        room[: len(data)] = data
        wipe(data)  # whatever it holds: a piece can end within a word that would tell of a secret
        return len(data)

    def write(self, buffers: list[bytes | memoryview]) -> int:
        """Give bytes to the writing thread, while it has less than a pipe holds."""
        with self._changed:
            if self._output_broken:
                raise BrokenPipeError(errno.EPIPE, "stdout cannot be written")
            if self._output_bytes >= limits.READ_MAX_BYTES:
                return 0
            data = b"".join(buffers)
            self._output.append(data)
            self._output_bytes += len(data)
            self._changed.notify_all()
            return len(data)

    def unwritten_bytes(self) -> int:
        """Return what the writing thread still has; asked at the end, which it then wakes."""
        with self._changed:
            self._is_ending = True
            return 0 if self._output_broken else self._output_bytes

    def abandon_output(self) -> int:
        """Report no more that stdout is closed; return how many answers are not wholly written."""
        with self._changed:
            self._abandoned = True
            accepted = b"".join(self._output)
            written_bytes = len(accepted) - self._output_bytes
            line_start = accepted.rfind(b"\n", 0, written_bytes) + 1
            lines = accepted[line_start:].splitlines()
            return sum(not line.startswith(NOTIFICATION_START) for line in lines)

    def wake(self) -> None:
        """End a wait."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def watch_end(self, ended: Callable[[], None]) -> int | None:
        """Have `ended` called by the reading thread at the end of input."""
        with self._changed:
            self._ended = ended
            if not self._input_ended:
                return None
        ended()
        return None

    def close(self) -> None:
        """Close stdout; the loop has waited for what is to be written, and the threads may wait."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        with suppress(OSError):
            os.close(self._writer)
