"""A child process driven line by line, timed from write to answer."""

import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from tests.bench.workload import line_json

_END_LIMIT_S = 120
"""Longest wait for the end of a process, which valgrind makes some fifty times slower."""


class Peer:
    """One process under measurement, spoken to on unbuffered pipes."""

    def __init__(self, command: list[str], **options: Any) -> None:
        """Spawn the command, with more options of `subprocess.Popen`; `spawned_at` is when."""
        self.spawned_at = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, **options
        )
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        self._stdin = self._process.stdin
        self._stdout = open(self._process.stdout.fileno(), "rb", 1 << 20, closefd=False)  # noqa: SIM115
        self._number = 0

    def line(self, method: str, params: object) -> bytes:
        """One request line."""
        self._number += 1
        return b'{"jsonrpc":"2.0","id":%d,"method":"%b","params":%b}\n' % (
            self._number,
            method.encode(),
            line_json(params),
        )

    def call(self, line: bytes) -> bytes:
        """Send one line and return its answer; notifications are passed over."""
        self.send(line)
        return self.answer()

    def send(self, data: bytes) -> None:
        """Write all of it."""
        view = memoryview(data)
        while view:
            view = view[self._stdin.write(view) :]

    def answer(self) -> bytes:
        """The next line that is no notification."""
        while True:
            line = self._stdout.readline()
            if not line:
                message = f"the process ended: {self._process.args!r}"
                raise RuntimeError(message)
            if not line.startswith(b'{"jsonrpc":"2.0","method":'):
                return line

    def timed(self, lines: list[bytes], *, pause_s: float = 0) -> list[float]:
        """Seconds from write to answer of each line, with a pause before each."""
        spent = []
        for line in lines:
            time.sleep(pause_s)
            began = time.perf_counter()
            answer = self.call(line)
            spent.append(time.perf_counter() - began)
            if b'"error":{' in answer[:80]:
                message = f"{line[:120]!r} -> {answer[:300]!r}"
                raise RuntimeError(message)
        return spent

    def pipelined(self, lines: list[bytes]) -> float:
        """Seconds a request when all lines are written at once."""
        began = time.perf_counter()
        sender = threading.Thread(target=self.send, args=(b"".join(lines),))
        sender.start()
        for _line in lines:
            self.answer()
        sender.join()
        return (time.perf_counter() - began) / len(lines)

    def resident_mb(self) -> float | None:
        """Resident memory, where the system tells."""
        status = Path(f"/proc/{self._process.pid}/status")
        if not status.exists():
            return None
        for row in status.read_text().splitlines():
            if row.startswith("VmRSS"):
                return int(row.split()[1]) / 1024
        return None

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def kill(self) -> None:
        """End the process by force; an answer that is waited for fails then."""
        self._process.kill()

    def close(self) -> None:
        """Close its stdin and wait, bounded."""
        self._stdin.close()
        self._process.wait(_END_LIMIT_S)
        self._stdout.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
