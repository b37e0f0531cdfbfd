"""A process that serves for days: what it holds after a thousand acts it held after the first."""

import gc
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sidecar import limits
from sidecar.clock import SystemClock
from sidecar.store.open_close import open_store
from tests.process.conftest import Spawn
from tests.process.wire import MIB, Message, product, resident_bytes
from tests.wire.kit import Served, answers, call

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

PASSPHRASE = "open sesame"
SERVING_THREADS = 3
"""The loop, the watchdog and the log."""

Ask = Callable[[str, Message], Message]


class Day:
    """What a shell does all day, so that after each round as much is there as before it."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.rng = random.Random(17)
        self.call("secrets.initialize", passphrase=PASSPHRASE)

    def call(self, method: str, **params: Any) -> Any:
        """The result of a request."""
        answer = self.ask(method, params)
        assert "result" in answer, (method, answer)
        return answer["result"]

    def refuse(self, method: str, **params: Any) -> None:
        """A request that goes wrong."""
        assert "error" in self.ask(method, params)

    def round(self) -> None:
        """Some of everything, right and wrong."""
        for number in range(8):
            text = self.rng.randbytes(3000).hex()
            data = {"nodes": [{"id": number, "text": text}]}
            self.call("workflows.save", workflow={"id": f"w{number}", "name": "n", "data": data})
            self.call("workflows.get", id=f"w{number}")
            run = self.call("runs.start", workflow_id=f"w{number}")["id"]
            self.call("runs.finish", id=run, status="success", summary=data)
        self.call("workflows.search", query="n")
        self.refuse("workflows.get", id="nobody")
        self.refuse("workflows.save", workflow={"id": "w", "name": 7})
        self.refuse("no.such.method")
        self.secrets()
        self.call("workflows.delete", id="w7")
        self.call("runs.prune", keep_last=0)
        self.call("system.stats")
        self.call("system.check")
        self.call("audit.list", limit=50)

    def secrets(self) -> None:
        """Keys set, read, resealed, locked and opened again."""
        self.call("secrets.set", provider="p", value="sk-0123456789")
        self.call("secrets.get", provider="p")
        self.call("secrets.rotate")
        self.call("secrets.lock")
        self.refuse("secrets.get", provider="p")
        self.call("secrets.unlock", passphrase=PASSPHRASE)
        self.call("audit.verify")

    def night(self) -> None:
        """What is done once a day."""
        name = self.call("backups.create")["name"]
        self.call("backups.verify", name=name)
        self.call("backups.restore", name=name, dry_run=True)
        self.call("backups.restore", name=name)
        self.call("system.compact")
        self.call("system.purge")
        for backup in self.call("backups.list")["items"]:
            self.call("backups.delete", name=backup["name"])


def objects_after(day: Day, rounds: int) -> int:
    """How many Python objects there are after so many rounds and a night."""
    for _ in range(rounds):
        day.round()
    day.night()
    gc.collect()
    return len(gc.get_objects())


def descriptors(process: int | str) -> list[str]:
    """What a process has open, by where it leads, without the numbers of pipes."""
    links = []
    for entry in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # the one by which a process looks at itself
            links.append(str(entry.readlink()).split(":[")[0])
    return sorted(links)


def test_no_object_and_no_file_is_held_longer_than_its_request(tmp_path: Path) -> None:
    served = Served(open_store(tmp_path / "sim.db", SystemClock()).store, SystemClock())
    day = Day(lambda method, params: dict(answers(served.send(call(1, method, **params)))[0]))
    objects_after(day, 2)
    before = objects_after(day, 2)
    open_before = descriptors("self") if sys.platform == "linux" else []

    after = objects_after(day, 6)

    assert after - before < 20
    if sys.platform == "linux":
        assert descriptors("self") == open_before
    served.close()


def live(day: Day, rounds: int, pid: int) -> int:
    """So many rounds, every fifth with a night; the least memory it took after one of them."""
    least_bytes = sys.maxsize
    for number in range(rounds):
        day.round()
        if number % 5 == 4:
            day.night()
            least_bytes = min(least_bytes, resident_bytes(pid))
    return least_bytes


@linux_only
@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_memory_descriptors_and_threads_stay_what_they_were(spawn: Spawn, database: Path) -> None:
    child = spawn(product("--database", database, "--no-events"))
    day = Day(child.call)
    live(day, 50, child.pid)
    before_bytes, file_bytes = live(day, 50, child.pid), database.stat().st_size
    open_before = descriptors(child.pid)

    after_bytes = live(day, 300, child.pid)

    # SQLite keeps pages of a file that grows by its audit log, up to its cache.
    grown_bytes = database.stat().st_size - file_bytes
    assert after_bytes - before_bytes < 2 * grown_bytes + 4 * MIB
    assert descriptors(child.pid) == open_before
    threads = sum(1 for _ in Path(f"/proc/{child.pid}/task").iterdir())
    assert threads <= SERVING_THREADS + limits.WORKER_THREADS
