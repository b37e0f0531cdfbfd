"""A child process that serves a database, and the lines sent to it and received from it.

A read that never ends is ended by the timeout of the test.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.described_errors import assert_described
from tests.process.child_process import environment, started

ROOT = Path(__file__).resolve().parents[2]
WITH_KEYCHAIN = "--with-keychain"
"""An option of these tests, not of `serve`: gives the process a keychain of its own."""

LOST = "--lost"
"""Another one: has the process find that its database is missing."""


class Talk:
    """A process that serves one database."""

    def __init__(self, database: Path, *options: str) -> None:
        """Start the process and receive its first line."""
        self._database = database
        self.process = self._start(options)
        self.ready = self.receive()
        self._last_id = 0

    def _start(self, options: Sequence[str]) -> subprocess.Popen[bytes]:
        has_keychain = WITH_KEYCHAIN in options
        module = "tests.scenarios.with_keychain" if has_keychain else "sidecar"
        given = [option for option in options if option not in (WITH_KEYCHAIN, LOST)]
        if LOST in options:
            self._database.with_name(f"{self._database.name}.known").touch()
        start = subprocess.Popen if has_keychain else started()
        return start(
            [sys.executable, "-m", module, "serve", "--database", str(self._database), *given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=environment(),
        )

    def start_again(self, *options: str) -> None:
        """Start another process, the lines of which are all left to be received."""
        self.close()
        self.process = self._start(options)

    def close(self) -> None:
        """End the process, if it has not ended, and close its pipes."""
        if self.process.poll() is None:
            self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        self.process.wait()

    def send(self, line: bytes) -> None:
        """Send one line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def receive(self) -> Any:
        """Receive the next line and decode it."""
        assert self.process.stdout is not None
        received = json.loads(self.receive_bytes())
        for message in received if isinstance(received, list) else [received]:
            if "error" in message:
                assert_described(message["error"])
        return received

    def receive_bytes(self) -> bytes:
        """Receive the next line as bytes, without its line break."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.endswith(b"\n"), self._stderr()
        return line[:-1]

    def _stderr(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def receive_rest(self) -> bytes:
        """Receive what comes until the process has ended, which it must do with code 0."""
        assert self.process.stdout is not None
        rest = self.process.stdout.read()
        assert self.process.wait(60) == 0, self._stderr()
        return rest

    def request(self, method: str, params: object) -> Any:
        """Send a request and return its answer; notifications before it are ignored."""
        self._last_id += 1
        request = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}
        self.send(json.dumps(request).encode())
        while (message := self.receive()).get("id") != self._last_id:
            assert "method" in message, message
        return message


@contextmanager
def talk(database: Path, *options: str) -> Iterator[Talk]:
    """Yield a conversation, and end its process afterwards."""
    conversation = Talk(database, *options)
    try:
        yield conversation
    finally:
        conversation.close()
