"""Start an inspector as a person or a host does, and ask it as a page does, or as a stranger would.

Requests are written by hand where a browser or `http.client` would mend what is wrong with them.
"""

import http.client
import json
import os
import re
import select
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple, Self

from tests.process.child_process import ROOT, WAIT_S, environment, started

TOKEN = "X-Inspector-Token"


class Answer(NamedTuple):
    """An answer of HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as a value."""
        return json.loads(self.body)


class Inspector:
    """A running `sim-sidecar inspect --database`."""

    def __init__(self, *options: str | Path) -> None:
        """Start it, and read the address that it prints."""
        self.process = started()(
            [sys.executable, "-m", "sidecar", "inspect", *map(str, options)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=environment(),
        )
        try:
            self.greeting, address = self._read_lines()
            self.page = Page(address)
        except BaseException:
            self.process.kill()
            self.process.communicate()
            raise

    def _read_lines(self) -> tuple[str, str]:
        """Return the two lines that it prints."""
        assert self.process.stdout is not None
        found = b""
        while found.count(b"\n") < 2:
            assert select.select([self.process.stdout], [], [], WAIT_S)[0], found
            data = os.read(self.process.stdout.fileno(), 4096)
            assert data, (found, self.process.communicate()[1])
            found += data
        greeting, address = found.decode().splitlines()
        return greeting, address

    def __enter__(self) -> Self:
        """Return it; it is ended afterwards."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it as Ctrl-C does, and read that it has ended well."""
        code = self.end()
        assert code in (0, -15, -9), code

    def end(self) -> int:
        """Tell it to end; return its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=WAIT_S)
        return self.process.returncode


class Page:
    """The page at an address: it knows the token, and sends what a page sends."""

    def __init__(self, address: str) -> None:
        """Take the address apart."""
        found = re.fullmatch(r"http://(127\.0\.0\.1):(\d+)/#token=([\w-]{43})", address)
        assert found is not None, address
        self.address = address
        self.port, self.token = int(found[2]), found[3]
        self.origin = f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **headers: str) -> Answer:
        """Ask for something."""
        return self._ask("GET", path, None, {TOKEN: self.token, **headers})

    def post(self, path: str, value: object, **headers: str) -> Answer:
        """Send something."""
        own = {TOKEN: self.token, "Origin": self.origin, "Content-Type": "application/json"}
        return self._ask("POST", path, json.dumps(value).encode(), {**own, **headers})

    def call(self, method: str, **params: object) -> Any:
        """Call a method that must have a result."""
        answer = self.post("/api/call", {"method": method, "params": params})
        assert answer.status == 200, answer
        return answer.json["result"]

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def send_raw(self, text: str) -> bytes:
        """Send these bytes, and return everything that comes until the end."""
        with socket.create_connection(("127.0.0.1", self.port), WAIT_S) as connection:
            connection.sendall(text.encode("latin-1"))
            connection.shutdown(socket.SHUT_WR)
            found = b""
            while data := connection.recv(65536):
                found += data
            return found
