"""The channel for pipes and sockets on POSIX: one poll for input, output and a wake-up pipe.

Writing never blocks. O_NONBLOCK is not set on an inherited descriptor, because other processes may
share it: a pipe is opened again through /proc (Linux), a socket is written to with MSG_DONTWAIT.
`stdio_threads` serves all other kinds of descriptors.
"""

import errno
import os
import select
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter_ns
from typing import Any, ClassVar

from sidecar import limits
from sidecar.wire.stdio import Descriptors, Ready

_IOV_MAX = 512
"""Buffers of one write: half of what POSIX systems allow, and enough for a burst."""

_HAS_SEVERAL_CPUS = (os.cpu_count() or 1) > 1
"""With a single processor, polling without sleep would keep the client from running."""


def open_without_blocking(writer: int) -> int | None:
    """Return a descriptor of the same stdout to which this channel can write without blocking.

    None where there is none: stdout is a file, or a pipe that cannot be opened again, because
    another user made it or /proc is not mounted.
    """
    mode = os.fstat(writer).st_mode
    if stat.S_ISSOCK(mode):
        return writer
    if not stat.S_ISFIFO(mode) or sys.platform != "linux":
        return None
    try:
        again = os.open(f"/proc/self/fd/{writer}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    os.close(writer)
    return again


class PosixChannel:
    """Reads one descriptor and writes another, in one thread."""

    READS_IN_THREAD: ClassVar = False

    def __init__(self, descriptors: Descriptors) -> None:
        """Own stdin and a stdout that never blocks; enlarge stdin's pipe where that is allowed."""
        self._reader, self._writer = descriptors
        self._socket: Any = None
        if stat.S_ISSOCK(os.fstat(descriptors.writer).st_mode):
            import socket  # noqa: PLC0415 - 6 ms that only a client with sockets (Node) needs

            self._socket = socket.socket(fileno=descriptors.writer)
            self._send_flags = socket.MSG_DONTWAIT | getattr(socket, "MSG_NOSIGNAL", 0)
        self._enlarge_pipe()
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_reader, False)
        os.set_blocking(self._wake_writer, False)
        self._poll = select.poll()
        self._poll.register(self._wake_reader, select.POLLIN)
        self._poll.register(self._reader, select.POLLIN)
        self._poll.register(self._writer, 0)
        self._more_input = select.poll()
        self._more_input.register(self._reader, select.POLLIN)
        self._input_wanted = True
        self._output_wanted = False
        self._is_output_polled = True
        self._poll_first = False

    def _enlarge_pipe(self) -> None:
        """Set the size of stdin's pipe, on Linux."""
        if sys.platform != "linux" or not stat.S_ISFIFO(os.fstat(self._reader).st_mode):
            return
        import fcntl  # noqa: PLC0415 - POSIX only, and only pipes need it

        with suppress(OSError):
            fcntl.fcntl(self._reader, fcntl.F_SETPIPE_SZ, limits.PIPE_BYTES)

    def wait(self, timeout_ms: float | None, *, want_input: bool, want_output: bool) -> Ready:
        """Wait in one poll; it also reports that stdout is closed while nothing is written."""
        if want_input != self._input_wanted:
            self._input_wanted = want_input
            if want_input:
                self._poll.register(self._reader, select.POLLIN)
            else:
                self._poll.unregister(self._reader)
        if want_output != self._output_wanted and self._is_output_polled:
            self._output_wanted = want_output
            self._poll.modify(self._writer, select.POLLOUT if want_output else 0)
        readable = closed = False
        # Input that is not wanted, or has ended, would be found each time, and no wait would sleep.
        if want_input and timeout_ms != 0 and self.lingers():
            timeout_ms = 0
        for descriptor, events in self._poll.poll(timeout_ms):
            if descriptor == self._reader:
                readable = True
            elif descriptor == self._writer:
                closed = bool(events & (select.POLLERR | select.POLLHUP | select.POLLNVAL))
            else:
                with suppress(BlockingIOError):
                    os.read(self._wake_reader, 4096)
        return Ready(readable, closed)

    def lingers(self) -> bool:
        """Return whether input comes soon after an answer, for which it is polled without sleep."""
        if not self._poll_first:
            return False
        self._poll_first = False
        until_ns = perf_counter_ns() + limits.LINGER_US * 1000
        while not self._more_input.poll(0):
            if perf_counter_ns() >= until_ns:
                return False
        return True

    def read(self, room: memoryview) -> int | None:
        """Read what is there; called when the poll found input."""
        try:
            return os.readv(self._reader, [room]) or None
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            return None

    def write(self, buffers: list[bytes | memoryview]) -> int:
        """Write as much as the pipe or the socket takes."""
        self._poll_first = _HAS_SEVERAL_CPUS
        try:
            if self._socket is not None:
                return int(self._socket.sendmsg(buffers[:_IOV_MAX], (), self._send_flags))
            return os.writev(self._writer, buffers[:_IOV_MAX])
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as fault:
            raise BrokenPipeError(errno.EPIPE, "stdout cannot be written") from fault

    def unwritten_bytes(self) -> int:
        """Return 0: the pipe or the socket has all that was accepted."""
        return 0

    def abandon_output(self) -> int:
        """Poll stdout no more: a closed one would end every wait at once."""
        if self._is_output_polled:
            self._poll.unregister(self._writer)
            self._is_output_polled = False
        return 0

    def wake(self) -> None:
        """Write a byte into the wake-up pipe, which ends the poll; a full pipe does so already."""
        with suppress(BlockingIOError, OSError):
            os.write(self._wake_writer, b"w")

    def watch_end(self, ended: Callable[[], None]) -> int | None:
        """Return the descriptor of stdin: the kernel reports the end of input on it."""
        del ended
        return self._reader

    def close(self) -> None:
        """Close every descriptor that this channel owns."""
        for descriptor in (self._reader, self._wake_reader, self._wake_writer):
            os.close(descriptor)
        if self._socket is not None:
            self._socket.close()
        else:
            os.close(self._writer)
