"""Tests that a process which serves for days does not grow."""

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
from tests.process.child_process import MIB, Message, product, resident_bytes
from tests.process.conftest import Spawn
from tests.wire.loop_in_process import Served, answers, call

pytestmark = pytest.mark.usefixtures("usual_limits")

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

PASSPHRASE = "open sesame"
SERVING_THREADS = 3
"""The threads of an idle process: the loop, the watchdog and the log."""

Ask = Callable[[str, Message], Message]


class Day:
    """The requests of a day; after each round there are as many objects as before."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.rng = random.Random(17)
        self.call("secrets.initialize", passphrase=PASSPHRASE)

    def call(self, method: str, **params: Any) -> Any:
        """Send a request and return its result."""
        answer = self.ask(method, params)
        assert "result" in answer, (method, answer)
        return answer["result"]

    def refuse(self, method: str, **params: Any) -> None:
        """Send a request that must fail."""
        assert "error" in self.ask(method, params)

    def round(self) -> None:
        """Send requests of all kinds, right and wrong ones."""
        for number in range(8):
            text = self.rng.randbytes(3000).hex()
            data = {"nodes": [{"id": number, "text": text}]}
            self.call("workflows.save", workflow={"id": f"w{number}", "name": "n", "data": data})
            self.call("workflows.get", id=f"w{number}")
            run = self.call("runs.start", workflow_id=f"w{number}")["run"]["id"]
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
        """Set, read, rotate, lock and unlock secrets."""
        self.call("secrets.set", provider="p", value="sk-0123456789")
        self.call("secrets.get", provider="p")
        self.call("secrets.rotate")
        self.call("secrets.lock")
        self.refuse("secrets.get", provider="p")
        self.call("secrets.unlock", passphrase=PASSPHRASE)
        self.call("audit.verify")

    def night(self) -> None:
        """Do what is done once a day."""
        name = self.call("backups.create")["name"]
        self.call("backups.verify", name=name)
        self.call("backups.restore", name=name, dry_run=True)
        self.call("backups.restore", name=name)
        self.call("system.compact")
        self.call("system.purge")
        for backup in self.call("backups.list")["items"]:
            self.call("backups.delete", name=backup["name"])


def objects_after(day: Day, rounds: int) -> int:
    """Return the number of Python objects after some rounds and a night."""
    for _ in range(rounds):
        day.round()
    day.night()
    gc.collect()
    return len(gc.get_objects())


def descriptors(process: int | str) -> list[str]:
    """Return what the descriptors of a process are, without the numbers of pipes."""
    links = []
    for entry in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # the descriptor of the listing itself
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
    """Do some rounds, a night after every fifth; return the least memory after one of them."""
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

    # The file grows by its audit log, and SQLite's page cache with it, up to its limit.
    grown_bytes = database.stat().st_size - file_bytes
    assert after_bytes - before_bytes < 2 * grown_bytes + 4 * MIB
    assert descriptors(child.pid) == open_before
    threads = sum(1 for _ in Path(f"/proc/{child.pid}/task").iterdir())
    assert threads <= SERVING_THREADS + limits.WORKER_THREADS
