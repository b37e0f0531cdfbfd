"""With a full disk or a foreign lock requests fail in bounded time and reads still work."""

import random
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from sidecar import limits
from sidecar.store import ballast
from sidecar.store.open_close import open_store
from tests.faults.failing_vfs import FailingVFS, Plan
from tests.faults.small_disk import SmallDiskVFS
from tests.faults.store_work import faults_of
from tests.harness import ManualClock
from tests.process.child_process import Child, environment, request
from tests.promptness import assert_at_most
from tests.wire.loop_in_process import Served, answers, call

MIB = limits.MIB


def save(number: int, size_bytes: int = 200_000) -> dict[str, Any]:
    data = {"noise": random.Random(number).randbytes(size_bytes // 2).hex()}
    workflow = {"id": f"w{number}", "name": f"flow {number}", "data": data}
    return call(number, "workflows.save", workflow=workflow)


def slug(received: list[Any]) -> str:
    (answer,) = answers(received)
    return str(answer["error"]["data"]["slug"]) if "error" in answer else "ok"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDiskVFS]:
    vfs = SmallDiskVFS(f"small-{tmp_path.name}", tmp_path, 14 * MIB)
    yield vfs
    vfs.unregister()


@pytest.fixture
def served(tmp_path: Path, disk: SmallDiskVFS, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(limits, "BALLAST_BYTES", 4 * MIB)
    store = open_store(tmp_path / "sim.db", ManualClock(), vfs=f"small-{tmp_path.name}").store
    store.ballast.free_bytes = disk.free
    assert store.ballast.create()
    served = Served(store, ManualClock())
    yield served
    served.close()


def fill(served: Served) -> int:
    """Save until the disk is full and return how many were saved."""
    for number in range(1, 10_000):
        served.loop._upkeep.run_when_due(idle=True)
        if (answer := slug(served.send(save(number)))) != "ok":
            assert answer == "database_full"
            return number - 1
    raise AssertionError


def test_on_a_full_disk_reads_and_deletes_work_and_then_saves_again(
    served: Served, tmp_path: Path
) -> None:
    count = fill(served)
    assert count > 20

    assert slug(served.send(call(1, "workflows.list", limit=3))) == "ok"
    for number in range(1, count // 2):
        assert slug(served.send(call(number, "workflows.delete", id=f"w{number}"))) == "ok"
    assert slug(served.send(call(1, "system.purge"))) == "ok"

    assert slug(served.send(save(count + 1))) == "ok"
    assert ballast.Ballast(tmp_path / "sim.db").exists()
    assert faults_of(served.store.db) == []


def test_saves_do_not_use_the_space_that_is_reserved_for_deletes(served: Served) -> None:
    count = fill(served)

    for number in range(1, 20):
        deleted = slug(served.send(call(number, "workflows.delete", id=f"w{number}")))
        slug(served.send(save(count + number)))
        assert deleted == "ok"


def test_space_that_others_free_is_used(served: Served, disk: SmallDiskVFS) -> None:
    count = fill(served)
    assert slug(served.send(save(count + 1))) == "database_full"

    disk.capacity_bytes *= 2

    assert slug(served.send(save(count + 2))) == "ok"


@pytest.mark.parametrize("method", ["runs.prune", "workflows.delete"])
def test_on_a_full_disk_large_summaries_can_be_deleted(
    served: Served, disk: SmallDiskVFS, method: str
) -> None:
    """Deleting a hundred of them at once would need more space than is reserved for deletes."""
    disk.capacity_bytes *= 3
    served.send(call(1, "workflows.save", workflow={"id": "w", "name": "w", "data": {}}))
    noise = random.Random(5)
    answer = "ok"
    while answer == "ok":
        served.loop._upkeep.run_when_due(idle=True)
        served.send(call(2, "runs.start", workflow_id="w", id=f"r{noise.random()}"))
        (started,) = answers(served.send(call(3, "runs.list", limit=1)))
        run = started["result"]["items"][0]["id"]
        summary = noise.randbytes(250_000).hex()
        answer = slug(
            served.send(call(4, "runs.finish", id=run, status="success", summary=summary))
        )
    assert answer == "database_full"

    params = {"id": "w"} if method == "workflows.delete" else {"keep_last": 0}
    assert slug(served.send(call(5, method, **params))) == "ok"
    (left,) = answers(served.send(call(6, "system.stats")))
    assert left["result"]["runs"] <= 1


@pytest.mark.parametrize("logged", [True, False])
def test_on_a_full_disk_a_lock_locks_and_reports_it(
    served: Served, disk: SmallDiskVFS, *, logged: bool
) -> None:
    """A host that locks with the screen must not learn that the keys are still there."""
    served.send(call(1, "secrets.initialize", passphrase="open sesame"))
    if logged:
        # The disk is known to be full: the space reserved for deletes serves the entry too.
        fill(served)
        assert slug(served.send(call(4, "workflows.delete", id="w1"))) == "ok"
        assert slug(served.send(call(4, "settings.set", key="a", value=1))) == "database_full"
    else:
        disk.capacity_bytes = 0

    (answer,) = answers(served.send(call(2, "secrets.lock")))

    assert answer["result"]["state"] == "locked"
    assert served.loop._services.vault.keys is None
    (answer,) = answers(served.send(call(3, "secrets.status")))
    assert answer["result"]["state"] == "locked"
    sql = "SELECT count(*) FROM access_log WHERE action = 'vault_lock'"
    assert served.store.db.execute(sql).fetchone() == (int(logged),)


@pytest.mark.parametrize("fault", ["foreign lock", "damage", "maintenance"])
def test_a_lock_wipes_the_keys_whatever_prevents_writing_the_file(
    served: Served, tmp_path: Path, fault: str
) -> None:
    served.send(call(1, "secrets.initialize", passphrase="open sesame"))
    other = apsw.Connection(str(tmp_path / "sim.db"))
    if fault == "foreign lock":
        served.store.db.set_busy_timeout(0)
        other.execute("BEGIN IMMEDIATE")
    elif fault == "damage":
        served.store.damaged = True
    else:
        served.store.maintenance = True
        held = threading.Event()
        done = threading.Event()
        holder = threading.Thread(target=hold, args=(served.store.lock, held, done))
        holder.start()
        held.wait(60)

    (answer,) = answers(served.send(call(2, "secrets.lock")))

    assert served.loop._services.vault.keys is None
    if fault == "maintenance":
        assert answer["error"]["data"]["slug"] == "maintenance"
        done.set()
        holder.join(60)
        served.store.maintenance = False
        (answer,) = answers(served.send(call(3, "secrets.lock")))
    assert answer["result"]["state"] == "locked"
    other.close(True)


def hold(lock: Any, held: threading.Event, done: threading.Event) -> None:
    """Hold the lock, as a method with exclusive access does."""
    with lock:
        held.set()
        done.wait(30)


def test_on_a_full_disk_keys_backups_and_old_entries_can_be_deleted(served: Served) -> None:
    """These methods free space, so they may use what is reserved for deletes."""
    served.send(call(1, "secrets.initialize", passphrase="open sesame"))
    served.send(call(2, "secrets.set", provider="openai", value="sk-0123456789"))
    (made,) = answers(served.send(call(3, "backups.create")))
    fill(served)
    assert slug(served.send(call(4, "workflows.delete", id="w1"))) == "ok"
    assert slug(served.send(call(4, "settings.set", key="theme", value="dark"))) == "database_full"

    assert slug(served.send(call(4, "backups.delete", name=made["result"]["name"]))) == "ok"
    assert slug(served.send(call(5, "audit.prune", keep_last=1))) == "ok"
    assert slug(served.send(call(6, "secrets.delete", provider="openai"))) == "ok"


SMALL = ["unshare", "--user", "--map-root-user", "--mount"]


def can_mount(folder: Path) -> bool:
    """Return whether this user can mount a file system."""
    if shutil.which("unshare") is None:
        return False
    mount = [*SMALL, "mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    return subprocess.run(mount, check=False, capture_output=True).returncode == 0


def test_sqlite_09_a_really_full_disk_is_reported_and_read_from(tmp_path: Path) -> None:
    if not can_mount(tmp_path):
        pytest.skip("no file system of a given size can be made here")
    serve = [sys.executable, "-m", "sidecar", "serve", "--database", str(tmp_path / "sim.db")]
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(tmp_path)]
    script = f"{shlex.join(mount)} && exec {shlex.join(serve)}"
    child = Child([*SMALL, "sh", "-c", script], env=environment())
    try:
        child.wait_ready()
        number = 0
        while True:
            number += 1
            child.send(request("workflows.save", save(number)["params"], number))
            answer = child.answer()
            if "error" in answer:
                break
        assert answer["error"]["data"]["slug"] == "database_full"
        assert child.call("workflows.list", {"limit": 1})["result"]["items"]
    finally:
        child.close()


def test_a_reader_that_could_not_be_opened_does_not_block_exclusive_access(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a reader was once counted for ever, and no compaction was possible."""
    monkeypatch.setattr(limits, "ALONE_WAIT_MS", 100)
    vfs = FailingVFS(f"failing-{tmp_path.name}")
    store = open_store(tmp_path / "sim.db", ManualClock(), vfs=f"failing-{tmp_path.name}").store
    vfs.plan = Plan("lasting", 1)
    with pytest.raises(apsw.CantOpenError), store.reader():
        pass
    vfs.plan = None

    with store.exclusive():
        assert store.maintenance
    store.close()
    vfs.unregister()


LOCKER = """
import sys, apsw
db = apsw.Connection(sys.argv[1])
db.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


def test_sqlite_12_a_foreign_lock_is_busy_in_bounded_time_and_reads_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BUSY_TIMEOUT_MS", 200)
    path = tmp_path / "sim.db"
    served = Served(open_store(path, ManualClock()).store, ManualClock())
    locker = subprocess.Popen(
        [sys.executable, "-c", LOCKER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert locker.stdin is not None
    assert locker.stdout is not None
    locker.stdout.readline()

    began = time.monotonic()
    (answer,) = answers(served.send(save(1)))
    waited_s = time.monotonic() - began
    read = slug(served.send(call(2, "workflows.list")))
    locker.communicate()

    assert answer["error"]["data"] == {
        "slug": "database_busy", "retryable": True, "outcome": "not_applied",
    }  # fmt: skip
    assert waited_s > 0.15
    assert_at_most(2, waited_s)
    assert read == "ok"
    assert slug(served.send(save(1))) == "ok"
    served.close()
