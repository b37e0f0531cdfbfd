"""Operation N fails, for every N, while a backup is verified or restored.

All connections of the process use the failing VFS here, also those to the file that is unpacked
beside the database. Afterwards the database is the old one or that of the backup, complete, and a
failing disk is never reported as a bad backup.
"""

import itertools
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sidecar.store.open_close import open_store
from tests.faults.failing_vfs import FailingVFS, Mode, Plan
from tests.faults.store_work import Message, Shell, State
from tests.faults.test_failing_operation import ALLOWED, LIED, Case
from tests.harness import ManualClock
from tests.wire.loop_in_process import Served, answers, call

CASES: list[tuple[str, Mode]] = [
    ("backups.verify", "once"),
    ("backups.verify", "short"),
    ("backups.restore", "once"),
    ("backups.restore", "lasting"),
    ("backups.restore", "full"),
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a backup, changed after the backup."""
    folder = tmp_path_factory.mktemp("prepared")
    served = Served(open_store(folder / "sim.db", ManualClock()).store, ManualClock())
    shell = Shell(7)
    for _ in range(20):
        served.send(*shell.requests())
    (answer,) = answers(served.send(call("b", "backups.create")))
    assert answer["result"]
    for _ in range(10):
        served.send(*shell.requests())
    served.close()
    return folder


@contextmanager
def serving(prepared: Path, folder: Path) -> Iterator[Case]:
    shutil.copytree(prepared, folder)
    vfs = FailingVFS(f"failing-{folder.name}", default=True)
    case = Case(folder / "sim.db", vfs, f"failing-{folder.name}")
    try:
        yield case
    finally:
        vfs.plan = None
        case.served.close()
        vfs.unregister()
        shutil.rmtree(folder)


def request(prepared: Path, method: str) -> Message:
    (backup,) = (prepared / "backups").iterdir()
    return call(1, method, name=backup.name)


def held(state: State) -> State:
    """Return the state without the log: a failed restore has logged the backup it made first."""
    return {**state, "audit": None}


def fail_one(case: Case, act: Message, plan: Plan, done: State) -> bool:
    """Run one case; return False when the act has fewer operations than that."""
    (answer,) = case.send([act], plan)
    case.vfs.plan = None
    if not plan.failed:
        return False
    if "error" in answer:
        allowed = ALLOWED | (LIED if plan.mode == "short" else set())
        assert answer["error"]["data"]["slug"] in allowed, answer
    elif act["method"] == "backups.verify":
        assert answer["result"]["ok"], answer
        assert answer["result"]["findings"] == []
    assert not case.served.store.damaged
    assert held(case.state()) in (held(case.before), held(done)), answer

    (again,) = answers(case.served.send(act))
    assert "result" in again, (answer, again)
    found = case.state()
    assert held(found) == held(done)
    assert found["audit"][: len(case.before["audit"])] == case.before["audit"]
    left = {path.name for path in case.path.parent.iterdir()}
    assert left <= {
        "sim.db",
        "sim.db-wal",
        "sim.db-shm",
        "sim.db.known",
        "sim.db.ballast",
        "backups",
    }
    return True


def sweep(prepared: Path, folder: Path, case: tuple[str, Mode], step: int) -> int:
    """Let every `step`th operation of an act fail, from a random one on; return how many."""
    method, mode = case
    act = request(prepared, method)
    with serving(prepared, folder / "done") as one:
        (answer,) = one.send([act])
        assert "result" in answer
        done = one.state()
    first = random.Random(f"{method} {mode}").randint(1, step)
    for cases, number in enumerate(itertools.count(first, step)):
        with serving(prepared, folder / f"{mode}-{number}") as one:
            if not fail_one(one, act, Plan(mode, number), done):
                return cases
    raise AssertionError


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_whichever_operation_fails_a_restore_leaves_the_old_database_or_the_new_one(
    prepared: Path, tmp_path: Path, case: tuple[str, Mode]
) -> None:
    assert sweep(prepared, tmp_path, case, 41) > 1


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_every_operation_of_a_restore_fails_once(
    prepared: Path, tmp_path: Path, case: tuple[str, Mode]
) -> None:
    assert sweep(prepared, tmp_path, case, 1) > 15
