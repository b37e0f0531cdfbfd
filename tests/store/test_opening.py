"""Opening the store at a path creates, imports or migrates the file, and closing marks it."""

import os
import stat
import sys
import time
from pathlib import Path

import apsw
import pytest

from sidecar import files
from sidecar.errors import NewerSchema, NotOurs, RecoveryRequired, StorageFailed
from sidecar.store import migrations, swap
from sidecar.store.migrations import EditedMigration
from sidecar.store.open_close import Opened, close_store, open_store
from tests.faults.power_loss_vfs import PowerVFS
from tests.promptness import assert_at_most
from tests.store.still_clock import SteadyClock, Stop, StopAfter, folder_hashes, names


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sim.db"


def opened_and_closed(path: Path) -> Opened:
    opened = open_store(path, SteadyClock())
    assert close_store(opened.store)
    return opened


def add_running_run(db: apsw.Connection) -> None:
    db.execute(
        "INSERT INTO workflows (rid, id, name, revision, content_sha256, size_bytes,"
        " stored_bytes, created_at, updated_at) VALUES (1, 'w', 'n', 1, x'', 0, 0, 1, 1)"
    )
    db.execute(
        "INSERT INTO runs (id, workflow, revision, status, started_at, seen_at)"
        " VALUES ('r', 1, 1, 'running', 100, 250)"
    )


def test_a_new_database_is_created_with_defaults(path: Path) -> None:
    opened = open_store(path, SteadyClock())

    assert opened == Opened(
        store=opened.store,
        schema_version=migrations.current_version(),
        migrated_from=None,
        runs_interrupted=0,
        interrupted_ids=[],
        created=True,
        unclean=False,
    )
    theme = opened.store.db.execute("SELECT value FROM settings WHERE key = 'theme'").get
    assert theme == '"system"'
    close_store(opened.store)


def test_a_closed_database_leaves_one_file_and_its_marker(path: Path) -> None:
    opened_and_closed(path)

    assert names(path.parent) == ["sim.db", "sim.db.known"]


def test_opened_again_nothing_is_created_or_reported(path: Path) -> None:
    opened_and_closed(path)

    opened = opened_and_closed(path)

    assert opened == Opened(
        store=opened.store,
        schema_version=migrations.current_version(),
        migrated_from=None,
        runs_interrupted=0,
        interrupted_ids=[],
        created=False,
        unclean=False,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_every_file_we_make_is_private(path: Path) -> None:
    old = os.umask(0)
    try:
        opened = open_store(path, SteadyClock())
        with opened.store.writing() as db:
            db.execute("UPDATE meta SET value = 1 WHERE key = 'purge_pending'")
        modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()}
        close_store(opened.store)
    finally:
        os.umask(old)

    assert modes == dict.fromkeys(("sim.db", "sim.db-wal", "sim.db-shm", "sim.db.known"), 0o600)


def test_a_killed_process_is_noticed(path: Path) -> None:
    first = open_store(path, SteadyClock())
    first.store.db.close()

    second = open_store(path, SteadyClock())
    second.store.damage_suspected = False  # as the check does that is then scheduled
    close_store(second.store)

    assert (second.unclean, opened_and_closed(path).unclean) == (True, False)


def test_a_new_file_is_marked_as_open_without_a_write_to_its_log(path: Path) -> None:
    name = f"first-start-{path.parent.name}"
    vfs = PowerVFS(name, lambda: None)
    opened = open_store(path, SteadyClock(), vfs=name)
    alone = path.with_name("alone.db")
    alone.write_bytes(vfs.disks[str(path)].durable)  # the file after a power loss

    assert (vfs.syncs, files.beside(path, "-wal").stat().st_size) == (0, 0)
    assert opened_and_closed(alone).unclean
    close_store(opened.store)
    vfs.unregister()


def test_a_lost_database_is_not_created_again(path: Path) -> None:
    opened_and_closed(path)
    path.unlink()
    before = folder_hashes(path.parent)

    with pytest.raises(RecoveryRequired):
        open_store(path, SteadyClock())

    assert folder_hashes(path.parent) == before


def test_an_interrupted_replacement_is_finished_first(path: Path) -> None:
    opened_and_closed(path)
    migrations.create(swap.staged_path(path), SteadyClock(), add_running_run)
    with pytest.raises(Stop):
        swap.replace(path, SteadyClock(), after_step=StopAfter("leftovers_synced"))

    assert opened_and_closed(path).runs_interrupted == 1


def test_a_killed_creation_starts_from_nothing(path: Path) -> None:
    swap.staged_path(path).write_bytes(b"half")

    opened_and_closed(path)

    assert names(path.parent) == ["sim.db", "sim.db.known"]


def test_an_edited_migration_is_found_out_and_nothing_stays_open(path: Path) -> None:
    opened_and_closed(path)
    db = apsw.Connection(str(path))
    db.execute("UPDATE migrations SET sha256 = 'other'")
    db.close()

    with pytest.raises(EditedMigration):
        open_store(path, SteadyClock())

    assert names(path.parent) == ["sim.db", "sim.db.known"]


def test_a_newer_database_is_refused_unchanged(path: Path) -> None:
    opened_and_closed(path)
    db = apsw.Connection(str(path))
    db.execute("PRAGMA user_version = 99").fetchall()
    db.close()
    before = folder_hashes(path.parent)

    with pytest.raises(NewerSchema):
        open_store(path, SteadyClock())

    assert folder_hashes(path.parent) == before


def test_a_foreign_file_is_refused_unchanged(path: Path) -> None:
    path.write_bytes(b"letter" * 1000)
    before = folder_hashes(path.parent)

    with pytest.raises(NotOurs):
        open_store(path, SteadyClock())

    assert folder_hashes(path.parent) == before


def test_failures_of_the_disk_are_wire_errors(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(StorageFailed):
        open_store(path, SteadyClock())

    assert names(path.parent) == []


def test_a_database_that_cannot_be_written_at_the_end_is_closed_all_the_same(path: Path) -> None:
    opened = open_store(path, SteadyClock())
    opened.store.db.execute("PRAGMA query_only = 1").fetchall()

    assert close_store(opened.store) is False

    assert opened_and_closed(path).unclean is True


def test_opening_is_quick(path: Path) -> None:
    """The bounds are five times what was measured, for a busy machine."""
    began = time.perf_counter()
    created = open_store(path, SteadyClock())
    creating_s = time.perf_counter() - began
    close_store(created.store)

    took_s = []
    for _ in range(5):
        began = time.perf_counter()
        store = open_store(path, SteadyClock()).store
        took_s.append(time.perf_counter() - began)
        close_store(store)

    assert_at_most(0.25, creating_s)
    assert_at_most(0.05, min(took_s))
