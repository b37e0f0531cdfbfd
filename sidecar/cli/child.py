"""A serving child process for the commands: spawned over real pipes, spoken to line by line.

Commands never open a database themselves: they take its lock and run its handlers the way any
host does. Knows the protocol's envelope and no method.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

Notified = Callable[[str, dict[str, Any]], None]


class CallFailed(Exception):
    """The child answered with an error; `error` is the JSON-RPC error object."""

    def __init__(self, error: dict[str, Any]) -> None:
        """Keep the error object."""
        super().__init__(error["message"])
        self.error = error


class ChildEnded(Exception):
    """The child ended; `code` is its exit code, `reason` its last log line if it wrote one."""

    def __init__(self, code: int, reason: dict[str, Any]) -> None:
        """Keep both."""
        super().__init__(reason.get("message", f"the process ended with code {code}"))
        self.code = code
        self.reason = reason


def _ignore(_name: str, _params: dict[str, Any]) -> None:
    """Notifications nobody asked for."""


class Child:
    """One child process, used by one thread."""

    def __init__(self, options: list[str], notified: Notified = _ignore) -> None:
        """Spawn `sim-sidecar serve` with these options and wait until it is ready.

        Raises:
            ChildEnded: it refused to start.
        """
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and package
            [sys.executable, "-m", "sidecar", "serve", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("a child without pipes")
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._notified = notified
        self._number = 0
        self.ready: dict[str, Any] = {}
        while not self.ready:
            message = self._read()
            if message.get("method") == "system.ready":
                self.ready = message["params"]

    def call(self, method: str, params: Any = None) -> Any:
        """Call a method and return its result; notifications on the way are handed over.

        Raises:
            CallFailed: the answer is an error.
            ChildEnded: there is no answer.
        """
        self._number += 1
        request = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params or {}}
        try:
            self._stdin.write(json.dumps(request).encode() + b"\n")
            self._stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None
        while True:
            message = self._read()
            if message.get("id") == self._number:
                break
        if "error" in message:
            raise CallFailed(message["error"])
        return message["result"]

    def settle(self) -> None:
        """Wait until every event of the calls so far has been handed over."""
        self.call("system.ping")

    def _read(self) -> dict[str, Any]:
        line = self._stdout.readline()
        if not line:
            raise self._ended()
        message: dict[str, Any] = json.loads(line)
        if "method" in message:
            self._notified(message["method"], message["params"])
        return message

    def _ended(self) -> ChildEnded:
        _out, err = self._process.communicate(timeout=10)
        reason: dict[str, Any] = {}
        for line in err.decode(errors="replace").splitlines():
            try:
                reason = json.loads(line)
            except ValueError:
                reason = {"message": line}
        return ChildEnded(self._process.returncode, reason)

    def close(self) -> int:
        """Close its input, take what it still says, and wait; killed if it does not end."""
        try:
            self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        return self._process.returncode
