"""A sidecar that the inspector starts for itself; several threads may call it at once.

The inspector calls it over stdin and stdout, like any host. The last lines of its log are kept for
the error message when it ends.
"""

import itertools
import json
import subprocess
import threading
from collections import deque
from typing import IO

import msgspec

from sidecar.inspector.frames import Frames
from sidecar.limits import inspector as limits
from sidecar.own_command import own_command, own_environment

_LOG_LINES = 20


class Ended(Exception):
    """The sidecar has ended, or did not start; the text of the exception says why."""

    def __init__(self, code: int | None, message: str) -> None:
        """Store the exit code, None when it is unknown."""
        super().__init__(message)
        self.code = code


class Answer(msgspec.Struct):
    """The answer to a call: its result or its error, byte for byte; the other member is empty."""

    id: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    method: str | None = None


class _Waiting:
    """A call whose answer is awaited."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.answer: Answer | None = None


class Served:
    """One serving process of the inspector."""

    def __init__(self, options: list[str], frames: Frames | None) -> None:
        """Start `sim-sidecar serve` with these options and wait until it is ready.

        Raises:
            Ended: the sidecar did not start.
        """
        self._frames = frames
        self._numbers = itertools.count(1)
        self._waiting: dict[bytes, _Waiting] = {}
        self._writes = threading.Lock()
        self._is_ready = threading.Event()
        self._is_over = threading.Event()
        self._log: deque[bytes] = deque(maxlen=_LOG_LINES)
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
        self._threads = [
            threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._keep_log, args=(self._process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self._is_ready.wait(limits.START_LIMIT_S)
        if not self._is_ready.is_set() or self._is_over.is_set():
            raise self._end()

    def call(self, method: str, params: bytes) -> Answer:
        """Call a method with params as JSON, and return its answer.

        Raises:
            Ended: the process ended without an answer, or did not answer in time.
        """
        number = str(next(self._numbers)).encode()
        name = json.dumps(method).encode()
        line = b'{"jsonrpc":"2.0","id":%b,"method":%b,"params":%b}' % (number, name, params)
        waiting = self._waiting[number] = _Waiting()
        if self._frames is not None:
            self._frames.record("to", line)
        try:
            with self._writes:
                self._stdin.write(line + b"\n")
                self._stdin.flush()
        except (OSError, ValueError):
            waiting.came.set()
        if self._is_over.is_set():  # the process ended before the call was added to `_waiting`
            waiting.came.set()
        waiting.came.wait(limits.CALL_LIMIT_S)
        self._waiting.pop(number, None)
        if waiting.answer is None:
            text = f"The sidecar has ended without an answer. {self._last_words()}".rstrip()
            raise Ended(self._process.poll(), text)
        return waiting.answer

    def _read(self, stdout: IO[bytes]) -> None:
        """Pass each answer to the call that waits for it."""
        with stdout:
            for line in stdout:
                if self._frames is not None:
                    self._frames.record("from", line.rstrip(b"\n"))
                answer = msgspec.json.decode(line, type=Answer)
                if answer.method == "system.ready":
                    self._is_ready.set()
                waiting = self._waiting.get(bytes(answer.id))
                if waiting is not None and answer.method is None:
                    waiting.answer = answer
                    waiting.came.set()
        self._is_over.set()
        self._is_ready.set()
        for waiting in list(self._waiting.values()):
            waiting.came.set()

    def _keep_log(self, stderr: IO[bytes]) -> None:
        """Keep the last lines of the log, which come on stderr."""
        with stderr:
            while line := stderr.readline(limits.RELAY_BYTES):
                self._log.append(line)

    def _last_words(self) -> str:
        """Return the message of the last line of the log that has one."""
        for line in reversed(self._log):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            message = found.get("message") if isinstance(found, dict) else None
            if isinstance(message, str):
                return message
        return ""

    def _end(self) -> Ended:
        """End the process; return the exception that says why it did not start."""
        self.close()
        code = self._process.returncode
        return Ended(code, self._last_words() or f"The sidecar ended with code {code}.")

    @property
    def has_ended(self) -> bool:
        """Whether the process has stopped answering."""
        return self._is_over.is_set()

    def close(self) -> None:
        """Close the process's stdin and wait for its end; kill it if that takes too long."""
        with self._writes:
            try:
                self._stdin.close()
            except OSError:
                self._process.kill()
        try:
            self._process.wait(limits.END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join(limits.END_LIMIT_S)
