"""The serving child process that commands talk to, line by line over real pipes.

Commands do not open a database themselves, except `recover`, and `restore` where there is none: a
child takes the database's lock and runs the handlers as for any host. Where another process has the
lock, the child of a command that only reads serves one state of the file, beside it. Two threads
empty the child's pipes, so that neither side ever waits for the other and every wait here can have
an end, on Windows too. This module knows the protocol's envelope and no method.
"""

import json
import queue
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any, TypeVar

import msgspec

from sidecar import limits
from sidecar.clock import Countdown, SystemClock
from sidecar.errors import ExitCode
from sidecar.own_command import own_command, own_environment

T = TypeVar("T")

Notified = Callable[[str, dict[str, Any]], None]
"""Receives each notification's method and params, in the order they arrive."""

START_LIMIT_S = 60
"""Longest silence before `system.ready`; a slow start says so with `system.starting`."""
CLOSE_LIMIT_S = 10
"""Longest wait for the end: the child's own drain limit, and room for a busy machine."""
_STDERR_LINES = 50
_STDERR_LINE_BYTES = 64 * 1024
"""How much of the child's log is remembered; a longer line is cut, so that memory is bounded."""


class CallFailed(Exception):
    """The child answered with an error; `error` is the JSON-RPC error object."""

    def __init__(self, error: dict[str, Any]) -> None:
        """Keep the error object, and its message as the text."""
        super().__init__(error["message"])
        self.error = error


class ChildEnded(Exception):
    """The child ended without an answer; `reason` is its last log line, if it wrote one."""

    def __init__(self, code: int, reason: dict[str, Any]) -> None:
        """Keep the child's exit code and the reason, and the reason's message as the text."""
        super().__init__(reason.get("message", f"The process ended with code {code}."))
        self.code = code
        self.reason = reason

    @property
    def exit_code(self) -> int:
        """The exit code for a command that needed the child: the child's, but never success."""
        return self.code if self.code > 0 else ExitCode.INTERNAL


def _ignore(_name: str, _params: dict[str, Any]) -> None:
    """Ignore a notification."""


class _Message(msgspec.Struct):
    """A line of the child: an answer, or a notification with its method and params."""

    id: Any = None
    result: msgspec.Raw = msgspec.Raw()
    error: dict[str, Any] = {}
    method: str | None = None
    params: dict[str, Any] = {}


class Child:
    """One serving child process; only the thread that started it may use it."""

    def __init__(self, options: list[str], notified: Notified = _ignore) -> None:
        """Start `sim-sidecar serve` with these options and wait until it is ready.

        Raises:
            ChildEnded: the child refused to start, or said nothing for too long.
        """
        self._process = subprocess.Popen(  # noqa: S603 - this program itself
            own_command("serve", *options),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=own_environment(),
        )
        if not (self._process.stdin and self._process.stdout and self._process.stderr):
            raise RuntimeError("a child without pipes")
        self._stdin = self._process.stdin
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._log: deque[bytes] = deque(maxlen=_STDERR_LINES)
        self._threads = [
            threading.Thread(target=_read_lines, args=(pipe, most_bytes, put), daemon=True)
            for pipe, most_bytes, put in (
                (self._process.stdout, -1, self._lines.put),
                (self._process.stderr, _STDERR_LINE_BYTES, self._log.append),
            )
        ]
        for thread in self._threads:
            thread.start()
        self._notified = notified
        self._number = 0
        self.ready = self._wait_ready()

    def _wait_ready(self) -> dict[str, Any]:
        """Return the params of `system.ready`; a child that does not send it is killed."""
        try:
            while True:
                message = self._read(START_LIMIT_S)
                if message.method == "system.ready":
                    return message.params
        except BaseException:
            self.close(limit_s=0)
            raise

    def call(self, method: str, params: Any = None) -> Any:
        """Call a method and return its result; notifications that arrive first go to `notified`.

        Waits as long as the child lives, because only the method knows how long it takes.

        Raises:
            CallFailed: the child answered with an error.
            ChildEnded: the child ended without an answer.
        """
        return json.loads(self.call_raw(method, json.dumps(params or {}).encode()))

    def list_all(self, method: str) -> dict[str, Any]:
        """Call a method that lists, page after page; return the result of one page with all."""
        items: list[Any] = []
        cursor = None
        while True:
            page = self.call(method, {"limit": limits.PAGE_MAX, "cursor": cursor})
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return {**page, "items": items}

    def call_raw(self, method: str, params: bytes) -> bytes:
        """Call a method with params on one line of JSON; return its result byte for byte.

        Notifications and exceptions are those of `call`.
        """
        self._number += 1
        head = json.dumps({"jsonrpc": "2.0", "id": self._number, "method": method})
        try:
            self._stdin.write(head[:-1].encode() + b', "params": ' + params + b"}\n")
            self._stdin.flush()
        except OSError:  # a broken pipe; Windows calls it an invalid argument
            raise self._ended() from None
        while True:
            message = self._read()
            if message.id == self._number:
                break
        if message.error:
            raise CallFailed(message.error)
        return bytes(message.result)

    def settle(self) -> None:
        """Wait until `notified` has received every event of the calls made so far."""
        self.call("system.ping")

    def _read(self, limit_s: float | None = None) -> "_Message":
        """Read the next message; a notification also goes to `notified`."""
        line = self._lines.get() if limit_s is None else self._next_line(limit_s)
        if not line:
            raise self._ended()
        message = msgspec.json.decode(line, type=_Message)
        if message.method is not None:
            self._notified(message.method, message.params)
        return message

    def _next_line(self, limit_s: float) -> bytes:
        """Wait for the next line; time in which a person has stopped the command does not count.

        Raises:
            ChildEnded: the child wrote nothing in time.
        """
        limit = Countdown(SystemClock(), limit_s * 1000)
        while limit.left_ms() > 0:
            with suppress(queue.Empty):
                return self._lines.get(timeout=limit.wait_ms() / 1000)
        self._process.kill()
        reason = {"message": f"The process said nothing for {limit_s} seconds."}
        raise ChildEnded(ExitCode.FORCED, reason)

    def _ended(self) -> ChildEnded:
        """Wait for the child's end and return why it ended, by the last line of its log."""
        code = self.close()
        reason: dict[str, Any] = {}
        for line in filter(None, list(self._log)):
            try:
                found = json.loads(line)
            except ValueError:
                found = None
            reason = (
                found if isinstance(found, dict) else {"message": line.decode(errors="replace")}
            )
        return ChildEnded(code, reason)

    def close(self, limit_s: float = CLOSE_LIMIT_S) -> int:
        """Close the child's input, wait for its end, kill it if that takes too long.

        Returns its exit code.
        """
        try:
            self._stdin.close()
        except OSError:
            self._process.kill()  # what could not be flushed cannot be drained either
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join(CLOSE_LIMIT_S)
        return self._process.returncode


def _read_lines(pipe: IO[bytes], most_bytes: int, put: Callable[[bytes], None]) -> None:
    """Pass every line of a pipe to `put`, a long line in pieces, and b"" at the pipe's end."""
    with pipe:
        while line := pipe.readline(most_bytes):
            put(line)
    put(b"")


def run_with_child(
    options: list[str], body: Callable[[Child], T], notified: Notified = _ignore
) -> T:
    """Start a child that serves with these options, pass it to `body`, and end it.

    Returns what `body` returned.

    Raises:
        CallFailed: the child answered a call with an error.
        ChildEnded: the child did not start, or ended without an answer.
    """
    child = Child(options, notified)
    try:
        return body(child)
    finally:
        child.close()
