"""The migration of a legacy file: its steps, killed after each of them, or kept from running."""

import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from sidecar.errors import DatabaseBusy
from sidecar.store import migrations
from sidecar.store.legacy.migrate import migrate
from sidecar.store.legacy.recognise import is_legacy
from sidecar.store.open_close import close_store, open_store
from tests.store import legacy_files
from tests.store.still_clock import SteadyClock, Stop, StopAfter, names


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sim.db"


STEPS = [
    "copied",
    "built",
    "finished",
    "staged_synced",
    "plan_written",
    "-wal_removed",
    "-shm_removed",
    "-journal_removed",
    "leftovers_synced",
    "replaced",
    "replaced_synced",
    "plan_removed",
]


def test_the_steps_of_the_migration_are_these(path: Path) -> None:
    steps = StopAfter()

    migrate(legacy_files.build(path), SteadyClock(), after_step=steps)

    assert steps.passed == STEPS


@pytest.mark.parametrize("step", STEPS)
def test_stopped_at_any_step_the_next_start_finishes(path: Path, step: str) -> None:
    legacy_files.build(path)
    with pytest.raises(Stop):
        migrate(path, SteadyClock(), after_step=StopAfter(step))

    opened = open_store(path, SteadyClock())

    assert opened.schema_version == migrations.current_version()
    assert opened.store.db.execute("SELECT count(*) FROM runs").get == 3
    close_store(opened.store)
    assert names(path.parent) == ["sim.db", "sim.db.before-v1", "sim.db.known"]


KILLED = """
import os, signal, sys
from pathlib import Path
from sidecar.clock import SystemClock
from sidecar.store.legacy.migrate import migrate
def kill(step):
    if step == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
migrate(Path(sys.argv[1]), SystemClock(), lambda *told: kill(told[0]), after_step=kill)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 of POSIX")
@pytest.mark.parametrize("step", ["copy", "copied", "migrate", "built", "replaced"])
def test_really_killed_the_old_or_the_new_file_is_there(path: Path, step: str) -> None:
    legacy_files.build(path, wal=True)
    ended = subprocess.run([sys.executable, "-c", KILLED, str(path), step], check=False)
    assert ended.returncode == -signal.SIGKILL

    opened = open_store(path, SteadyClock())

    assert opened.store.db.execute("SELECT count(*) FROM workflows").get == 3
    close_store(opened.store)


def test_a_file_another_program_has_open_is_busy_and_stays(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sidecar.limits.BUSY_TIMEOUT_MS", 20)
    legacy_files.build(path, wal=True)
    writer = apsw.Connection(str(path))
    writer.execute("BEGIN IMMEDIATE")

    with pytest.raises(DatabaseBusy):
        open_store(path, SteadyClock())

    writer.execute("COMMIT")
    assert is_legacy(writer)
    writer.close()


def test_later_steps_follow_on_the_staged_file(path: Path) -> None:
    later = migrations.Step(2, "later", "CREATE TABLE later (x INTEGER) STRICT;")
    steps = [*migrations.shipped_steps()[:1], later]

    migrate(legacy_files.build(path), SteadyClock(), steps=steps)

    query = "SELECT details FROM access_log WHERE action = 'migrate' ORDER BY seq DESC LIMIT 1"
    db = apsw.Connection(str(path))
    assert (db.pragma("user_version"), db.execute(query).get) == (2, '{"from":1,"to":2}')
    db.close()
