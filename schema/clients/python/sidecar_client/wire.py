"""The process and its pipes, which send and receive whole lines."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, Self, cast

from .errors import CallTimeout, ConnectionLost

CALL_TIMEOUT_S = 30.0
"""Time without an answer or progress after which a call times out; `math.inf` waits for ever."""
CLOSE_TIMEOUT_S = 10.0
"""Time that the process has to end by itself; schema/recipes.md states it."""
END_TIMEOUT_S = 1.0
"""How long a thread or the operating system may take to notice the end of the process."""
STDERR_LINES = 200
"""Number of the last lines of stderr that are stored, to show why a process has ended."""
STDERR_LINE_BYTES = 65_536
"""Length at which a line of stderr is cut, so that a line without end does not fill memory."""


class Wire:
    """A child process and its pipes: sends and receives whole lines, and knows no JSON-RPC.

    It has three threads: one that writes, so that a process which does not read cannot block a
    caller longer than its timeout; one that reads, and splits at LF only (other line readers also
    split at characters that JSON strings may have); and one that reads stderr.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        on_line: Callable[[bytes], None] | None = None,
        on_log: Callable[[str], None] | None = None,
        on_end: Callable[[Wire], None] | None = None,
    ) -> None:
        """Start the process; without `on_line` its lines are stored for `next_line`."""
        pipe = subprocess.PIPE
        flags = 0
        if sys.platform == "win32":  # a host with windows must not flash a console
            flags = subprocess.CREATE_NO_WINDOW
        self.process = subprocess.Popen(
            list(argv), stdin=pipe, stdout=pipe, stderr=pipe, env=env, cwd=cwd, creationflags=flags
        )
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._to_write: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._stderr: deque[bytes] = deque(maxlen=STDERR_LINES)
        self._on_line = on_line or self._lines.put
        self._on_log = on_log
        self._on_end = on_end
        self.ended = False
        """Whether stdout has ended, so that nothing can be sent any more."""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._stderr_reader = threading.Thread(target=self._drain_stderr, daemon=True)

    def start(self) -> Self:
        """Start the threads that read and write."""
        self._stderr_reader.start()
        self._writer.start()
        self._reader.start()  # last: at the end of stdout it waits for the thread of stderr
        return self

    def send_line(self, line: bytes) -> None:
        """Send one line; its LF is added here."""
        self.send_bytes(line + b"\n")

    def send_bytes(self, data: bytes) -> None:
        """Send bytes unchanged; the bytes of two calls are never mixed."""
        if self.ended:
            raise self.lost()
        self._to_write.put(data)

    def next_line(self, timeout: float = CALL_TIMEOUT_S) -> bytes:
        """Return the next line without its LF; raise ConnectionLost after the last one."""
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            message = f"No line within {timeout} s."
            raise CallTimeout(message) from None
        if line is None:
            self._lines.put(None)
            raise self.lost()
        return line

    def lost(self, *, may_have_run: bool = False) -> ConnectionLost:
        """Return the exception that says how the process has ended."""
        code = self.process.poll()
        return ConnectionLost(code, self.stderr_tail(), may_have_run=may_have_run)

    def stderr_tail(self) -> str:
        """Return the last lines of stderr."""
        return b"".join(list(self._stderr)).decode(errors="replace")

    def is_reader(self) -> bool:
        """Return whether the caller runs in the reading thread, and must not wait for a line."""
        return threading.current_thread() is self._reader

    def wait_end(self) -> None:
        """Wait until stdout has ended and `on_end` was called."""
        self._reader.join()

    def close_stdin(self) -> None:
        """Close the stdin of the process when all that was sent is written."""
        self._to_write.put(None)

    def close(self, timeout: float = CLOSE_TIMEOUT_S) -> int | None:
        """End the process by closing its stdin, else by terminate, else by kill.

        A process that has closed its stdout sends no more answers, and gets little time.
        """
        if self.ended:
            timeout = min(timeout, END_TIMEOUT_S)
        steps = (
            (self.close_stdin, timeout),
            (self.process.terminate, END_TIMEOUT_S),
            (self.process.kill, END_TIMEOUT_S),
        )
        for stop, wait_s in steps:
            stop()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(wait_s)
                break
        for thread in (self._reader, self._writer, self._stderr_reader):
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join(END_TIMEOUT_S)
        return self.process.returncode

    def _read(self) -> None:
        """Forward the lines of stdout; runs in the reading thread."""
        with cast("IO[bytes]", self.process.stdout) as stdout:
            for line in stdout:
                if line.endswith(b"\n"):  # else the process has died within a line
                    self._on_line(line[:-1])
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(END_TIMEOUT_S)
        self._stderr_reader.join(END_TIMEOUT_S)
        self.ended = True
        self._lines.put(None)
        self._to_write.put(None)
        if self._on_end is not None:
            self._on_end(self)

    def _write(self) -> None:
        """Write the queued bytes to stdin; runs in the writing thread."""
        stdin = cast("IO[bytes]", self.process.stdin)
        with suppress(OSError):  # the reading thread sees the end of the process
            while (data := self._to_write.get()) is not None:
                stdin.write(data)
                stdin.flush()
        with suppress(OSError):
            stdin.close()

    def _drain_stderr(self) -> None:
        """Read stderr, store its last lines and forward each; runs in its own thread."""
        with cast("IO[bytes]", self.process.stderr) as stderr:
            while line := stderr.readline(STDERR_LINE_BYTES):
                self._stderr.append(line)
                if self._on_log is not None:
                    called_back(self._on_log, line.decode(errors="replace").rstrip("\r\n"))


def called_back(callback: Callable[..., object], *arguments: object) -> None:
    """Call a callback of the program; an exception must not stop the calling thread."""
    try:
        callback(*arguments)
    except Exception:  # noqa: BLE001 -- whatever the program raises
        traceback.print_exc()
