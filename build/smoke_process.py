"""A serving process under smoke.py, which speaks to it as any host does, with bounded waits."""

import json
import os
import queue
import subprocess
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

WAIT_S = 60.0
"""The bound of every wait, far beyond what a busy machine needs."""


class Served:
    """A process that serves a database; a thread reads each of its pipes."""

    def __init__(self, command: list[str], database: Path, variables: dict[str, str]) -> None:
        """Start the process and wait until it is ready."""
        self.process = subprocess.Popen(
            [*command, "serve", "--database", str(database), "--log-level", "debug"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=variables,
        )
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._log: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._number = 0
        for pipe, put in (
            (self.process.stdout, self._lines.put),
            (self.process.stderr, self._log.put),
        ):
            if pipe is None:
                raise RuntimeError("a process without pipes")
            threading.Thread(target=_read, args=(pipe, put), daemon=True).start()
        self.ready: dict[str, Any] = self.read_until(
            lambda one: one.get("method") == "system.ready"
        )["params"]

    def read_until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first message that is wanted; those before it are dropped."""
        while True:
            line = self._lines.get(timeout=WAIT_S)
            if not line:
                raise EOFError(f"ended with {self.process.wait()}: {self.rest_of_log()}")
            message = json.loads(line)
            if not isinstance(message, dict) or wanted(message):
                return message if isinstance(message, dict) else {"batch": message}

    def rest_of_log(self) -> str:
        """Return what the process wrote to stderr and was not read yet."""
        lines = []
        while not self._log.empty():
            lines.append(self._log.get().decode(errors="replace"))
        return "".join(lines)[-2000:]

    def wait_for_log(self, event: str) -> None:
        """Wait until the process writes that something happened."""
        while event.encode() not in self._log.get(timeout=WAIT_S):
            pass

    def send(self, line: bytes) -> None:
        """Send one line."""
        if self.process.stdin is None:
            raise RuntimeError("a process without pipes")
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method and return the whole answer, a result or an error."""
        self._number += 1
        number = self._number
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        self.send(json.dumps(request).encode())
        return self.read_until(lambda message: message.get("id") == number)

    def result(self, method: str, **params: Any) -> Any:
        """Call a method that must succeed and return its result."""
        answer = self.call(method, **params)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def end(self) -> int:
        """Close the input and return the exit code; a process that does not end is killed."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            return self.process.wait(WAIT_S)
        finally:
            self.process.kill()


def _read(pipe: IO[bytes], put: Callable[[bytes], None]) -> None:
    """Pass on every line, and an empty one at the end."""
    for line in pipe:
        put(line)
    put(b"")


def alive(pid: int) -> bool:
    """Return whether a process runs; one that ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(one) for one in (task / "children").read_text(encoding="ascii").split()]
    return found


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of change of every file of a folder, which change when it is written.

    Python itself keeps compiled modules in the folder of a wheel, where it may write.
    """
    return {
        str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in folder.rglob("*")
        if not path.is_dir() and path.parent.name != "__pycache__"
    }


def size_on_disk(paths: Iterable[Path]) -> int:
    """Return how many bytes of the disk files take."""
    return sum(path.lstat().st_blocks * 512 for path in paths) if os.name != "nt" else 0
