"""A child process and a conversation with it, line by line, on any system.

A read that never ends is ended by the time-out of the test.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WITH_KEYCHAIN = "--with-keychain"
"""Not an option of `serve`: there is a keychain that ends with the process, whatever the system."""


class Talk:
    """The product serving one database."""

    def __init__(self, database: Path, *options: str) -> None:
        """Start it and take its first line."""
        module = "tests.scenarios.with_keychain" if WITH_KEYCHAIN in options else "sidecar"
        given = [option for option in options if option != WITH_KEYCHAIN]
        argv = [sys.executable, "-m", module, "serve", "--database", str(database), *given]
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self.ready = self.hear()
        self._asked = 0

    def say(self, line: bytes) -> None:
        """Send one line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def hear(self) -> Any:
        """The next line."""
        assert self.process.stdout is not None
        return json.loads(self.hear_bytes())

    def hear_bytes(self) -> bytes:
        """The next line as it came, without its end."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.endswith(b"\n"), self._stderr()
        return line[:-1]

    def _stderr(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def ask(self, method: str, params: object) -> Any:
        """Send a request; its answer, whatever is told before it left out."""
        self._asked += 1
        message = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
        self.say(json.dumps(message).encode())
        while (told := self.hear()).get("id") != self._asked:
            assert "method" in told, told
        return told


@contextmanager
def talk(database: Path, *options: str) -> Iterator[Talk]:
    """A conversation that leaves no process behind."""
    begun = Talk(database, *options)
    try:
        yield begun
    finally:
        if begun.process.poll() is None:
            begun.process.kill()
        for stream in (begun.process.stdin, begun.process.stdout, begun.process.stderr):
            if stream is not None:
                stream.close()
        begun.process.wait()
