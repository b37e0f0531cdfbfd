"""The lower half of the Python client's hand-written part: errors, lines of a process, events.

build/client_python.py copies it, from the mark below on, into the one file of the client; it
therefore uses the standard library only. client_runtime.py uses it.
"""

from __future__ import annotations

import enum
import os
import queue
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any, ClassVar, NamedTuple, Self, cast

# --- inlined from here on ---
CALL_TIMEOUT_S = 30.0
"""Time without an answer or progress after which a call times out; `math.inf` waits for ever."""
CLOSE_TIMEOUT_S = 5.0
"""Time that the process has to end after its stdin is closed; it answers for 2 s at most."""
END_TIMEOUT_S = 1.0
"""How long a thread or the operating system may take to notice the end of the process."""
STDERR_LINES = 200
"""Last lines of stderr that are stored, to show why a process has ended."""
EVENTS_MAX = 10_000
"""Most notifications that are stored for a program that does not read them."""


class Unset(enum.Enum):
    """The type of UNSET, the value of a param that is not sent; None is sent as null."""

    UNSET = "unset"


UNSET = Unset.UNSET


class ClientError(Exception):
    """The base of all exceptions of the client."""


class SidecarTimeout(ClientError):
    """There was no answer and no progress in time. A write may have happened all the same."""


class SidecarGone(ClientError):
    """The process has ended; `exit_code` and the last lines of its stderr say why."""

    def __init__(self, exit_code: int | None, stderr_tail: str) -> None:
        """Store what is known of the end; `exit_code` is None while the process still runs."""
        self.exit_code = exit_code
        self.stderr_tail = stderr_tail
        last = stderr_tail.rstrip().rpartition("\n")[2]
        super().__init__(f"The process has ended with exit code {exit_code}: {last}")


class SidecarError(ClientError):
    """The process has answered with an error; each error code has a subclass."""

    CODE: ClassVar[int]
    SLUG: ClassVar[str]
    _by_code: ClassVar[dict[int, type[SidecarError]]] = {}

    def __init_subclass__(cls) -> None:
        """Register the subclass under its code."""
        SidecarError._by_code[cls.CODE] = cls

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        """Store the members of the JSON-RPC error."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.data: Mapping[str, Any] = data if isinstance(data, dict) else {}
        self.slug = str(self.data.get("slug", ""))
        self.retryable = bool(self.data.get("retryable", False))

    @staticmethod
    def of(error: Mapping[str, Any]) -> SidecarError:
        """Return the exception for a JSON-RPC error object."""
        code = error.get("code", 0)
        kind = SidecarError._by_code.get(code, SidecarError)
        return kind(code, str(error.get("message", "")), error.get("data"))


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
        on_end: Callable[[Wire], None] | None = None,
    ) -> None:
        """Start the process; without `on_line` its lines are stored for `next_line`."""
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            list(argv), stdin=pipe, stdout=pipe, stderr=pipe, env=env, cwd=cwd
        )
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._to_write: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._stderr: deque[bytes] = deque(maxlen=STDERR_LINES)
        self._on_line = on_line or self._lines.put
        self._on_end = on_end
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._stderr_reader = threading.Thread(target=self._drain_stderr, daemon=True)

    def start(self) -> Self:
        """Start to read and write."""
        self._stderr_reader.start()
        self._writer.start()
        self._reader.start()  # last: at the end of stdout it waits for the thread of stderr
        return self

    def send_line(self, line: bytes) -> None:
        """Send one line; its LF is added here."""
        self.send_bytes(line + b"\n")

    def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are; the bytes of two calls never mix."""
        if self._ended:
            raise self.gone()
        self._to_write.put(data)

    def next_line(self, timeout: float = CALL_TIMEOUT_S) -> bytes:
        """Return the next line without its LF; raise SidecarGone after the last one."""
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            message = f"No line within {timeout} s."
            raise SidecarTimeout(message) from None
        if line is None:
            self._lines.put(None)
            raise self.gone()
        return line

    def gone(self) -> SidecarGone:
        """Return the exception that says how the process has ended."""
        return SidecarGone(self.process.poll(), self.stderr_tail())

    def stderr_tail(self) -> str:
        """Return the last lines of stderr."""
        return b"".join(list(self._stderr)).decode(errors="replace")

    def is_reader(self) -> bool:
        """Return whether the caller runs in the reading thread, and must not wait for a line."""
        return threading.current_thread() is self._reader

    def close_stdin(self) -> None:
        """Close the stdin of the process when all that was sent is written."""
        self._to_write.put(None)

    def close(self, timeout: float = CLOSE_TIMEOUT_S) -> int | None:
        """End the process by closing its stdin, else by terminate, else by kill."""
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
        """Pass on the lines of stdout; runs in the reading thread."""
        with cast("IO[bytes]", self.process.stdout) as stdout:
            for line in stdout:
                if line.endswith(b"\n"):  # else the process has died within a line
                    self._on_line(line[:-1])
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(END_TIMEOUT_S)
        self._stderr_reader.join(END_TIMEOUT_S)
        self._ended = True
        self._lines.put(None)
        self._to_write.put(None)
        if self._on_end is not None:
            self._on_end(self)

    def _write(self) -> None:
        """Write what is sent to stdin; runs in the writing thread."""
        stdin = cast("IO[bytes]", self.process.stdin)
        with suppress(OSError):  # the reading thread sees the end of the process
            while (data := self._to_write.get()) is not None:
                stdin.write(data)
                stdin.flush()
        with suppress(OSError):
            stdin.close()

    def _drain_stderr(self) -> None:
        """Read stderr and store its last lines; runs in its own thread."""
        with cast("IO[bytes]", self.process.stderr) as stderr:
            self._stderr.extend(stderr)


class Notification(NamedTuple):
    """A notification as it was received."""

    method: str
    params: Any


class Events:
    """A queue of notifications; past EVENTS_MAX the oldest are dropped, and counted in `lost`."""

    def __init__(self) -> None:
        """Start with an empty queue."""
        self._waiting: deque[Notification] = deque()
        self._changed = threading.Condition()
        self._gone: SidecarGone | None = None
        self.lost = 0

    def get(self, timeout: float = CALL_TIMEOUT_S) -> Notification:
        """Remove and return the oldest; raise SidecarGone when there will be no more."""
        with self._changed:
            if not self._changed.wait_for(
                lambda: self._waiting or self._gone, min(timeout, threading.TIMEOUT_MAX)
            ):
                message = f"No notification within {timeout} s."
                raise SidecarTimeout(message)
            if self._gone is not None and not self._waiting:
                raise self._gone
            return self._waiting.popleft()

    def __iter__(self) -> Iterator[Notification]:
        """Yield notifications as they are received, until the process has ended."""
        with suppress(SidecarGone):
            while True:
                yield self.get(threading.TIMEOUT_MAX)

    def put(self, notification: Notification) -> None:
        """Add a notification; drop the oldest when the queue is full."""
        with self._changed:
            self._waiting.append(notification)
            if len(self._waiting) > EVENTS_MAX:
                self._waiting.popleft()
                self.lost += 1
            self._changed.notify()

    def set_gone(self, gone: SidecarGone | None) -> None:
        """Set that the process has ended, or with None that it has been started again."""
        with self._changed:
            self._gone = gone
            self._changed.notify_all()
