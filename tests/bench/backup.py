"""`python -m tests.bench.backup`: a backup of a large database under a stream of small saves.

Prints how fast the backup is, checks and read-back included, and how long a small save takes
before and while it is made. The promises: 60 MB of database a second on two cores, and 20 ms for
99 of 100 saves.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from sidecar.cli.child import Child, ChildEnded

_ITEMS = 20
_BATCH_BYTES = 20_000


def _fill(child: Child, database: Path, size_mb: int) -> None:
    """Save workflows that hardly compress, as packed bodies do, until the file is so large."""
    chance = random.Random(1)
    words = [f"word{number}" for number in range(3000)]
    number = 0
    while database.stat().st_size < size_mb * 1e6:
        items = []
        for _item in range(_ITEMS):
            number += 1
            node = {"type": chance.choice(words), "text": " ".join(chance.choices(words, k=30))}
            noise = chance.randbytes(_BATCH_BYTES // 2).hex()
            name = " ".join(chance.choices(words, k=4))
            data = {"nodes": [node] * 5, "noise": noise}
            items.append({"workflow": {"id": f"w{number}", "name": name, "data": data}})
        child.call("workflows.save_many", {"items": items})


class _Saves(threading.Thread):
    """Saves a small workflow again and again, and notes how long each takes."""

    def __init__(self, child: "_Both") -> None:
        super().__init__()
        self._child = child
        self.taken_ms: list[float] = []
        self.stop = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.stop.wait(0.005):
            number += 1
            workflow = {"id": "small", "name": "small", "data": {"n": number, "t": time.time()}}
            begun = time.perf_counter()
            self._child.save(workflow)
            self.taken_ms.append((time.perf_counter() - begun) * 1000)


class _Both(Child):
    """A child that two threads speak to: one waits for a backup, the other saves."""

    def __init__(self, database: Path) -> None:
        self.answers: dict[Any, threading.Event] = {}
        self.results: dict[Any, Any] = {}
        super().__init__(["--database", str(database), "--no-events"])

    def listen(self) -> None:
        """Hand every answer to who waits for it, until the child ends."""
        while True:
            try:
                message = self._read()
            except ChildEnded:
                return
            if message.id is not None:
                self.results[message.id] = json.loads(message.result)
                self.answers[message.id].set()

    def ask(self, request_id: str, method: str, params: dict[str, Any]) -> Any:
        """Send a request and wait for its answer."""
        self.answers[request_id] = threading.Event()
        request = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        self._stdin.write(json.dumps(request).encode() + b"\n")
        self._stdin.flush()
        self.answers[request_id].wait()
        return self.results.pop(request_id)

    def save(self, workflow: dict[str, Any]) -> None:
        """Save one workflow."""
        self.ask("save", "workflows.save", {"workflow": workflow})


def _show(name: str, taken_ms: list[float]) -> None:
    ordered = sorted(taken_ms)
    p99 = ordered[int(len(ordered) * 0.99)]
    middle = statistics.median(ordered)
    sys.stdout.write(
        f"{name:16}{len(ordered):6} saves   p50 {middle:7.2f} ms   p99 {p99:7.2f} ms"
        f"   max {ordered[-1]:7.2f} ms\n"
    )


def _timed_saves(child: _Both, act: Callable[[], Any]) -> tuple[Any, list[float]]:
    """Save while something is done; what came of it, and how long the saves took."""
    saves = _Saves(child)
    saves.start()
    result = act()
    saves.stop.set()
    saves.join()
    return result, saves.taken_ms


def main() -> int:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.backup", description=__doc__)
    parser.add_argument("--mb", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "bench.db"
        child = _Both(database)
        _fill(child, database, given.mb)
        child.call("system.purge")
        threading.Thread(target=child.listen, daemon=True).start()
        _show("without", _timed_saves(child, partial(time.sleep, 5))[1])
        for _round in range(given.rounds):
            made, taken_ms = _timed_saves(child, partial(child.ask, "b", "backups.create", {}))
            rate = made["database_bytes"] / 1e6 / (made["duration_ms"] / 1000)
            sys.stdout.write(
                f"{made['database_bytes'] / 1e6:.0f} MB in {made['duration_ms']} ms:"
                f" {rate:.0f} MB/s, {made['size_bytes'] / 1e6:.0f} MB packed\n"
            )
            _show("during a backup", taken_ms)
            child.ask("delete", "backups.delete", {"name": made["name"]})
        child.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
