"""Migrations from one version of the tables to the next, and new files."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from sidecar.errors import DatabaseDamaged, NewerSchema
from sidecar.folding import VERSION
from sidecar.limits import APPLICATION_ID
from sidecar.store import migrations
from sidecar.store.audit.verify import verify_chain
from sidecar.store.migrations import EditedMigration, MigrationFailed, Step
from tests.store.still_clock import NOW_MS, SteadyClock, Stop, folder_hashes, names

FIRST = migrations.shipped_steps()[0]
REBUILD = """
CREATE TABLE workflows_new (rid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, extra INTEGER)
STRICT;
INSERT INTO workflows_new (rid, id) SELECT rid, id FROM workflows;
DROP TABLE workflows;
ALTER TABLE workflows_new RENAME TO workflows;
"""
SECOND = Step(2, "rebuilt", REBUILD)
THIRD = Step(3, "more", "CREATE TABLE more (x INTEGER) STRICT; INSERT INTO more VALUES (1);")


def no_rows(_db: apsw.Connection) -> None:
    """Create a file with its first rows only."""


def one_workflow(db: apsw.Connection) -> None:
    db.execute(
        "INSERT INTO workflows (rid, id, name, revision, content_sha256, size_bytes,"
        " stored_bytes, created_at, updated_at) VALUES (40, 'w', 'n', 1, x'', 0, 0, 1, 1)"
    )
    db.execute(
        "INSERT INTO runs (id, workflow, revision, status, started_at, seen_at)"
        " VALUES ('r', 40, 1, 'success', 1, 1)"
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Create a file of version 1 with a workflow and its run."""
    path = tmp_path / "sim.db"
    migrations.create(path, SteadyClock(), one_workflow, steps=[FIRST])
    return path


def asked(path: Path, query: str) -> list[tuple[object, ...]]:
    db = apsw.Connection(str(path))
    try:
        return list(db.execute(query))
    finally:
        db.close()


def state(path: Path) -> tuple[object, object, object]:
    """Read the version, the workflows and the runs of a file."""
    return (
        asked(path, "PRAGMA user_version")[0][0],
        asked(path, "SELECT rid, id FROM workflows"),
        asked(path, "SELECT id, workflow FROM runs"),
    )


def rows_at(version: int) -> tuple[object, object, object]:
    return version, [(40, "w")], [("r", 40)]


def test_a_new_file_is_ours_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "sim.db"
    old = os.umask(0)
    try:
        migrations.create(path, SteadyClock(), no_rows)
    finally:
        os.umask(old)

    assert names(tmp_path) == ["sim.db"]
    db = apsw.Connection(str(path))
    pragmas = ("auto_vacuum", "application_id", "user_version", "journal_mode", "quick_check")
    version = migrations.current_version()
    assert [db.pragma(name) for name in pragmas] == [2, APPLICATION_ID, version, "wal", "ok"]
    assert dict(db.execute("SELECT key, value FROM meta")) == {
        "store_id": bytes(range(16)),
        "epoch": 1,
        "created_at": NOW_MS,
        "clean_end": 1,
        "purge_pending": 0,
        "folding": VERSION.encode(),
    }
    assert list(db.execute("SELECT version, name, sha256, applied_at FROM migrations")) == [
        (step.version, step.name, step.sha256, NOW_MS) for step in migrations.shipped_steps()
    ]
    assert verify_chain(db, None, lambda _done, _total: None).status == "unsealed"
    db.close()
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_new_file_whose_making_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(_db: apsw.Connection) -> None:
        raise Stop

    with pytest.raises(Stop):
        migrations.create(tmp_path / "sim.db", SteadyClock(), fail)

    assert names(tmp_path) == []


def test_shipped_steps_are_numbered_without_gaps() -> None:
    versions = [step.version for step in migrations.shipped_steps()]

    assert versions == list(range(1, migrations.current_version() + 1))


def test_a_current_file_is_left_alone(path: Path) -> None:
    before = folder_hashes(path.parent)

    assert migrations.upgrade(path, SteadyClock(), steps=[FIRST]) is None

    assert folder_hashes(path.parent) == before


def test_steps_are_taken_in_order_and_told(path: Path) -> None:
    reported: list[tuple[str, int, int]] = []

    found = migrations.upgrade(
        path,
        SteadyClock(),
        lambda *progress: reported.append(progress),
        steps=[FIRST, SECOND, THIRD],
    )

    assert found == 1
    assert reported == [
        ("check", 0, 1),
        ("copy", 0, 1),
        ("migrate", 0, 2),
        ("migrate", 1, 2),
        ("migrate", 2, 2),
    ]
    assert asked(path, "SELECT version, name FROM migrations ORDER BY version") == [
        (1, "initial"),
        (2, "rebuilt"),
        (3, "more"),
    ]
    assert asked(path, "SELECT action, resource, details FROM access_log ORDER BY seq") == [
        ("migrate", "database", '{"from":1,"to":2}'),
        ("migrate", "database", '{"from":2,"to":3}'),
    ]


def test_a_rebuild_keeps_child_rows_and_keys(path: Path) -> None:
    migrations.upgrade(path, SteadyClock(), steps=[FIRST, SECOND])

    assert state(path) == rows_at(2)


def test_the_copy_before_a_migration_is_the_old_file_and_private(path: Path) -> None:
    migrations.upgrade(path, SteadyClock(), steps=[FIRST, SECOND])

    copy = path.with_name("sim.db.before-v2")
    assert state(copy) == rows_at(1)
    if sys.platform != "win32":
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_the_earlier_copy_goes_when_a_later_migration_has_succeeded(path: Path) -> None:
    migrations.upgrade(path, SteadyClock(), steps=[FIRST, SECOND])
    mine = path.with_name("sim.db.before-vacation")
    mine.touch()

    migrations.upgrade(path, SteadyClock(), steps=[FIRST, SECOND, THIRD])

    assert names(path.parent) == ["sim.db", "sim.db.before-v3", mine.name]


def test_the_earlier_copy_stays_when_a_later_migration_fails(path: Path) -> None:
    migrations.upgrade(path, SteadyClock(), steps=[FIRST, SECOND])
    failing = Step(3, "failing", "DELETE FROM runs;")

    with pytest.raises(MigrationFailed):
        migrations.upgrade(path, SteadyClock(), steps=[FIRST, SECOND, failing])

    assert state(path.with_name("sim.db.before-v2")) == rows_at(1)
    assert state(path) == rows_at(2)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM runs;",
        "DROP TABLE runs;",
        "UPDATE runs SET workflow = 41;",
        "CREATE TABLE half (x); SELECT no_such_function();",
        "CREATE TABLE half (x); COMMIT;",
    ],
)
def test_a_step_that_loses_something_is_undone(path: Path, sql: str) -> None:
    faults = (MigrationFailed, apsw.SQLError)

    with pytest.raises(faults):
        migrations.upgrade(path, SteadyClock(), steps=[FIRST, Step(2, "bad", sql)])

    assert state(path) == rows_at(1)


def test_a_step_may_lose_rows_of_tables_it_names(path: Path) -> None:
    step = Step(2, "forget", "DELETE FROM runs;", shrinks=frozenset({"runs"}))

    migrations.upgrade(path, SteadyClock(), steps=[FIRST, step])

    assert state(path) == (2, [(40, "w")], [])


def test_an_edited_step_is_found_out(path: Path) -> None:
    edited = FIRST._replace(sql=FIRST.sql + "-- edited")
    before = folder_hashes(path.parent)

    with pytest.raises(EditedMigration):
        migrations.upgrade(path, SteadyClock(), steps=[edited, SECOND])

    assert folder_hashes(path.parent) == before


def test_a_newer_file_is_refused_unchanged(path: Path) -> None:
    migrations.upgrade(path, SteadyClock(), steps=[FIRST, SECOND])
    before = folder_hashes(path.parent)

    with pytest.raises(NewerSchema):
        migrations.upgrade(path, SteadyClock(), steps=[FIRST])

    assert folder_hashes(path.parent) == before


def test_a_damaged_file_is_not_migrated(path: Path) -> None:
    root = asked(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'runs'")[0][0]
    assert isinstance(root, int)
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 4096)

    with pytest.raises(DatabaseDamaged):
        migrations.upgrade(path, SteadyClock(), steps=[FIRST, SECOND])

    assert names(path.parent) == ["sim.db"]


def stop_at(number: int) -> Callable[[str, int, int], None]:
    statements = 0

    def on_progress(_phase: str, _done: int, _total: int) -> None:
        nonlocal statements
        statements += 1
        if statements == number:
            raise Stop

    return on_progress


@pytest.mark.parametrize(("number", "version"), [(1, 1), (2, 1), (3, 1), (4, 2), (5, 3)])
def test_stopped_between_steps_the_rest_follows_at_the_next_start(
    path: Path, number: int, version: int
) -> None:
    steps = [FIRST, SECOND, THIRD]
    with pytest.raises(Stop):
        migrations.upgrade(path, SteadyClock(), stop_at(number), steps=steps)
    assert state(path) == rows_at(version)

    migrations.upgrade(path, SteadyClock(), steps=steps)

    assert state(path) == rows_at(3)


KILLED = """
import os, signal, sys
from contextlib import contextmanager
from pathlib import Path
import apsw
from sidecar.clock import SystemClock
from sidecar.folding import VERSION
from sidecar.store import migrations
from sidecar.store.migrations import Step
at, statements = int(sys.argv[2]), 0
def trace(_cursor, _sql, _bindings):
    global statements
    statements += 1
    if statements == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return True
@contextmanager
def open_file(path, opened=migrations.open_file, **options):
    with opened(path, **options) as db:
        db.exec_trace = trace
        yield db
migrations.open_file = open_file
steps = [migrations.shipped_steps()[0], Step(2, "rebuilt", sys.argv[3])]
migrations.upgrade(Path(sys.argv[1]), SystemClock(), steps=steps)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 of POSIX")
@pytest.mark.parametrize("statement", [3, 35, 60, 68, 72, 108, 112, 118])
def test_a_real_kill_at_a_statement_leaves_the_old_or_the_new_version(
    path: Path, statement: int
) -> None:
    kill_at(path, statement)


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 of POSIX")
def test_a_real_kill_at_any_statement_leaves_the_old_or_the_new_version(tmp_path: Path) -> None:
    for statement in range(1, 130):
        path = tmp_path / f"at-{statement}" / "sim.db"
        path.parent.mkdir()
        migrations.create(path, SteadyClock(), one_workflow, steps=[FIRST])
        kill_at(path, statement)


def kill_at(path: Path, statement: int) -> None:
    """A process is killed at its Nth statement, and this one migrates the file afterwards."""
    command = [sys.executable, "-c", KILLED, str(path), str(statement), REBUILD]
    ended = subprocess.run(command, check=False, capture_output=True)
    assert ended.returncode in (-signal.SIGKILL, 0), ended.stderr

    assert state(path) in (rows_at(1), rows_at(2))
    migrations.upgrade(path, SteadyClock(), steps=[FIRST, SECOND])
    assert state(path) == rows_at(2)
