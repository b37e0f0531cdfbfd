"""Swaps that are killed at every step leave the old database or the new one."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

from sidecar import files
from sidecar.errors import RecoveryRequired, StorageFailed
from sidecar.store import swap
from tests.store.still_clock import SteadyClock, Stop, StopAfter

STEPS = [
    "staged_synced",
    "plan_written",
    "old_kept",
    "-wal_removed",
    "-shm_removed",
    "-journal_removed",
    "leftovers_synced",
    "replaced",
    "replaced_synced",
    "plan_removed",
]

KILLED = """
import os, signal, sys
from pathlib import Path
from sidecar.clock import SystemClock
from sidecar.store import swap
def kill(step):
    if step == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
swap.replace(Path(sys.argv[1]), SystemClock(), keep="old.db", after_step=kill)
"""


def write(path: Path, value: str) -> None:
    db = apsw.Connection(str(path))
    db.execute("CREATE TABLE t (x)")
    db.execute("INSERT INTO t VALUES (?)", (value,))
    db.close()


def read(path: Path) -> str:
    db = apsw.Connection(str(path))
    try:
        return str(db.execute("SELECT x FROM t").get)
    finally:
        db.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Write an old database, and the staged one that is to replace it."""
    path = tmp_path / "sim.db"
    write(path, "old")
    write(swap.staged_path(path), "new")
    return path


def names(path: Path) -> set[str]:
    return {found.name for found in path.parent.iterdir()}


def test_the_new_file_is_in_place_and_the_old_one_kept(path: Path) -> None:
    steps = StopAfter()

    swap.replace(path, SteadyClock(), keep="old.db", after_step=steps)

    assert steps.passed == STEPS
    assert names(path) == {"sim.db", "old.db"}
    assert (read(path), read(path.with_name("old.db"))) == ("new", "old")


def test_without_a_name_the_old_file_is_not_kept(path: Path) -> None:
    swap.replace(path, SteadyClock())

    assert names(path) == {"sim.db"}
    assert read(path) == "new"


def test_nothing_is_overwritten_by_the_kept_file(path: Path) -> None:
    path.with_name("old.db").write_text("mine")

    with pytest.raises(FileExistsError):
        swap.replace(path, SteadyClock(), keep="old.db")

    assert read(path) == "old"


@pytest.mark.parametrize("step", STEPS)
def test_stopped_at_any_step_the_next_start_has_the_old_or_the_new_file(
    path: Path, step: str
) -> None:
    with pytest.raises(Stop):
        swap.replace(path, SteadyClock(), keep="old.db", after_step=StopAfter(step))

    swap.complete_interrupted(path, SteadyClock())

    planned = step != "staged_synced"
    assert read(path) == ("new" if planned else "old")
    assert names(path) == ({"sim.db", "old.db"} if planned else {"sim.db"})
    if planned:
        assert read(path.with_name("old.db")) == "old"


@pytest.mark.parametrize("first", STEPS[1:-1])
@pytest.mark.parametrize("second", STEPS[2:])
def test_stopped_again_while_finishing_it_is_finished_later(
    path: Path, first: str, second: str
) -> None:
    with pytest.raises(Stop):
        swap.replace(path, SteadyClock(), keep="old.db", after_step=StopAfter(first))
    with suppress(Stop):
        swap.complete_interrupted(path, SteadyClock(), StopAfter(second))

    swap.complete_interrupted(path, SteadyClock())

    assert names(path) == {"sim.db", "old.db"}
    assert (read(path), read(path.with_name("old.db"))) == ("new", "old")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 of POSIX")
@pytest.mark.parametrize("step", ["plan_written", "-wal_removed", "replaced"])
def test_a_real_kill_leaves_a_plan_that_is_finished(path: Path, step: str) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, str(path), step], check=False)
    assert ended.returncode == -signal.SIGKILL

    assert swap.complete_interrupted(path, SteadyClock()) is True

    assert (read(path), read(path.with_name("old.db"))) == ("new", "old")


def test_a_damaged_staged_file_is_given_up_for_the_old_one(path: Path) -> None:
    with pytest.raises(Stop):
        swap.replace(path, SteadyClock(), after_step=StopAfter("plan_written"))
    swap.staged_path(path).write_bytes(b"torn")

    assert swap.complete_interrupted(path, SteadyClock()) is False

    assert read(path) == "old"
    assert names(path) == {"sim.db"}


def test_a_damaged_staged_file_without_an_old_one_asks_for_recovery(path: Path) -> None:
    with pytest.raises(Stop):
        swap.replace(path, SteadyClock(), after_step=StopAfter("plan_written"))
    swap.staged_path(path).write_bytes(b"torn")
    path.unlink()
    before = names(path)

    with pytest.raises(RecoveryRequired):
        swap.complete_interrupted(path, SteadyClock())

    assert names(path) == before


def test_a_lost_staged_file_asks_for_recovery_and_changes_nothing(path: Path) -> None:
    with pytest.raises(Stop):
        swap.replace(path, SteadyClock(), after_step=StopAfter("plan_written"))
    swap.staged_path(path).unlink()

    with pytest.raises(RecoveryRequired):
        swap.complete_interrupted(path, SteadyClock())

    assert names(path) == {"sim.db", "sim.db.swap"}
    assert read(path) == "old"


@pytest.mark.parametrize(
    "plan",
    [
        b"torn",
        b"[]",
        json.dumps({"staged": "../x", "sha256": "", "keep": None}).encode(),
        json.dumps({"staged": "x", "sha256": "", "keep": "/etc/x"}).encode(),
        json.dumps({"staged": "", "sha256": "", "keep": None}).encode(),
        json.dumps({"staged": 5, "sha256": "", "keep": None}).encode(),
    ],
)
def test_a_plan_that_cannot_be_ours_is_not_followed(path: Path, plan: bytes) -> None:
    path.with_name("sim.db.swap").write_bytes(plan)

    with pytest.raises(RecoveryRequired):
        swap.complete_interrupted(path, SteadyClock())

    assert read(path) == "old"


def test_unfinished_work_without_a_plan_is_removed(path: Path) -> None:
    path.with_name("sim.db.staged-journal").touch()

    assert swap.complete_interrupted(path, SteadyClock()) is False

    assert names(path) == {"sim.db"}


def test_where_there_are_no_links_the_old_file_is_copied(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(_source: Path, _target: Path) -> None:
        raise OSError

    monkeypatch.setattr(os, "link", no_links)

    swap.replace(path, SteadyClock(), keep="old.db")

    assert (read(path), read(path.with_name("old.db"))) == ("new", "old")
    assert names(path) == {"sim.db", "old.db"}


def test_a_sharing_violation_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swap, "RETRY_SHARING", True)
    pauses: list[float] = []
    refusals = iter([PermissionError(), PermissionError()])

    def act() -> None:
        for refusal in refusals:
            raise refusal

    swap.retry_while_open_elsewhere(act, SteadyClock(), pauses.append)

    assert pauses == [swap.RETRY_PAUSE_S] * 2


def test_a_lasting_sharing_violation_ends_in_bounded_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(swap, "RETRY_SHARING", True)
    clock = SteadyClock()

    def act() -> None:
        raise PermissionError

    with pytest.raises(PermissionError):
        swap.retry_while_open_elsewhere(act, clock, lambda _seconds: None)

    assert clock.reads == 1 + swap.RETRY_LIMIT_MS // 1000


def test_a_staged_file_that_was_changed_after_it_was_finished_replaces_nothing(path: Path) -> None:
    finished = files.sha256_of(swap.staged_path(path))
    write(swap.staged_path(path).with_name("foreign"), "foreign")
    path.with_name("foreign").replace(swap.staged_path(path))

    with pytest.raises(StorageFailed):
        swap.replace(path, SteadyClock(), sha256=finished)

    assert read(path) == "old"
    assert names(path) == {"sim.db"}
