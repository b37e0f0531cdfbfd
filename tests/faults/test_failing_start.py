"""Operation N fails while a file is created, opened or migrated: the next start has all rows."""

import itertools
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from sidecar.errors import ExitCode, SidecarError
from sidecar.store import migrations
from sidecar.store.migrations import Step
from sidecar.store.open_close import close_store, open_store
from tests.faults.failing_vfs import FailingVFS, Mode, Plan
from tests.faults.store_work import Shell, State, faults_of, state_of
from tests.harness import ManualClock
from tests.store import legacy_files
from tests.wire.loop_in_process import Served

SHIPPED = migrations.shipped_steps()
REBUILD = """
CREATE TABLE runs_new (rid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, workflow INTEGER NOT NULL
REFERENCES workflows (rid), status TEXT, tokens_used INTEGER, extra INTEGER) STRICT;
INSERT INTO runs_new SELECT rid, id, workflow, status, tokens_used, 7 FROM runs;
DROP TABLE runs;
ALTER TABLE runs_new RENAME TO runs;
"""
MORE = "CREATE TABLE more (x INTEGER) STRICT; INSERT INTO more VALUES (1);"
STEPS = [
    *SHIPPED,
    Step(len(SHIPPED) + 1, "rebuilt", REBUILD),
    Step(len(SHIPPED) + 2, "more", MORE),
]

Act = Callable[[Path, str | None], object]


def start(path: Path, vfs: str | None) -> None:
    close_store(open_store(path, ManualClock(), vfs=vfs).store)


def migrate(path: Path, vfs: str | None) -> None:
    migrations.upgrade(path, ManualClock(), steps=STEPS, vfs=vfs)


def make_new(_path: Path) -> None:
    """Make no file."""


def make_legacy(path: Path) -> None:
    legacy_files.build(path, wal=True)


def make_used(path: Path) -> None:
    """Make a file of this version as a killed process leaves it, with a WAL not moved yet."""
    used = path.with_name("used")
    used.mkdir()
    served = Served(open_store(used / "sim.db", ManualClock()).store, ManualClock())
    shell = Shell(8)
    for _ in range(30):
        served.send(*shell.requests())
    for suffix in ("", "-wal"):
        shutil.copy(used / f"sim.db{suffix}", path.with_name(f"sim.db{suffix}"))
    served.close()
    shutil.rmtree(used)


ACTS: dict[str, tuple[Callable[[Path], None], Act]] = {
    "make": (make_new, start),
    "start": (make_used, start),
    "migrate": (make_used, migrate),
    "import": (make_legacy, start),
}
CASES: list[tuple[str, Mode]] = [
    (act, mode) for act in ACTS for mode in ("once", "lasting", "full")
]


def content(path: Path) -> tuple[int, State]:
    """Return version and rows of a file, which must have no faults."""
    db = apsw.Connection(str(path))
    try:
        assert faults_of(db) == []
        return int(db.pragma("user_version")), state_of(db)
    finally:
        db.close()


def fail(path: Path, do: Act, plan: Plan) -> None:
    """Run a start while an operation fails; only a migration step may raise a driver's error."""
    name = f"start-{path.parent.name}"
    vfs = FailingVFS(name)
    vfs.plan = plan
    try:
        do(path, name)
    except SidecarError as refused:
        assert refused.exit_code is ExitCode.STORAGE
    except apsw.Error:
        assert do is migrate
    finally:
        vfs.plan = None
        vfs.unregister()


def sweep(folder: Path, case: tuple[str, Mode], step: int) -> int:
    """Let every `step`th operation of an act fail, from a random one on; return how many."""
    act, mode = case
    make, do = ACTS[act]
    source, whole = folder / "source", folder / "whole"
    source.mkdir()
    make(source / "sim.db")
    shutil.copytree(source, whole)
    do(whole / "sim.db", None)
    wanted = content(whole / "sim.db")
    first = random.Random(f"{act} {mode}").randint(1, step)
    for cases, number in enumerate(itertools.count(first, step)):
        work = folder / f"{act}-{mode}-{number}"
        shutil.copytree(source, work)
        plan = Plan(mode, number)
        fail(work / "sim.db", do, plan)
        do(work / "sim.db", None)
        assert content(work / "sim.db") == wanted, number
        shutil.rmtree(work)
        if not plan.failed:
            return cases
    raise AssertionError


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_whichever_operation_of_a_start_fails_the_next_start_has_everything(
    tmp_path: Path, case: tuple[str, Mode]
) -> None:
    assert sweep(tmp_path, case, 61) > 0


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_every_operation_of_a_start_fails_once(tmp_path: Path, case: tuple[str, Mode]) -> None:
    assert sweep(tmp_path, case, 1) > 15
