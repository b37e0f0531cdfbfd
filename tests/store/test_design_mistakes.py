"""Mistakes of the design document about files, migrations and times; each test names one."""

from pathlib import Path

import apsw
import pytest

from sidecar.errors import NewerSchema
from sidecar.store import migrations, swap, verified_copy
from sidecar.store.columns import Columns
from sidecar.store.connection import Store
from sidecar.store.legacy.migrate import migrate
from sidecar.store.migrations import Step
from sidecar.store.open_close import close_store, open_store
from sidecar.store.search import indexes
from sidecar.store.unserved_file import open_file, transaction
from tests.harness import index_all
from tests.promptness import within
from tests.store import legacy_files
from tests.store.legacy_files import SECONDS
from tests.store.still_clock import SteadyClock, folder_hashes, names


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sim.db"


def test_design_mistake_02_a_rebuilt_table_keeps_the_keys_the_search_index_hangs_on(
    path: Path,
) -> None:
    migrate(legacy_files.build(path), SteadyClock())
    with open_file(path) as db, transaction(db):
        indexes.follow_folding(db)
        index_all(db)
        table = str(db.execute("SELECT sql FROM sqlite_schema WHERE name = 'workflows'").get)
        columns = ", ".join(Columns(db, "workflows").names)
    rebuild = ";".join(
        (
            table.replace("CREATE TABLE workflows", "CREATE TABLE rebuilt"),
            f"INSERT INTO rebuilt ({columns})"  # noqa: S608 - names of our own
            f" SELECT {columns} FROM workflows ORDER BY id DESC",
            "DROP TABLE workflows",
            "ALTER TABLE rebuilt RENAME TO workflows",
        )
    )
    steps = [
        *migrations.shipped_steps(),
        Step(migrations.current_version() + 1, "rebuild", rebuild),
    ]

    migrations.upgrade(path, SteadyClock(), steps=steps)

    db = apsw.Connection(str(path))
    db.execute("VACUUM")
    found = db.execute(
        "SELECT id FROM workflows JOIN search_heads ON search_heads.rowid = rid"
        " WHERE search_heads MATCH 'alpha'"
    ).fetchall()
    assert found == [("w1",)]
    assert db.execute("SELECT count(*) FROM runs").get == 3
    db.close()


def test_design_mistake_03_times_are_milliseconds_and_durations_need_not_be_whole_seconds(
    path: Path,
) -> None:
    def fill(db: apsw.Connection) -> None:
        legacy_files.workflow(db, "w", legacy_files.packed({}))
        legacy_files.run(db, "r", "w", started_at=SECONDS + 0.25, completed_at=SECONDS + 1.0)

    migrate(legacy_files.build(path, fill=fill), SteadyClock())

    db = apsw.Connection(str(path))
    assert db.execute("SELECT duration_ms FROM runs").get == 750
    db.close()


def test_design_mistake_04_no_column_is_stored_that_is_never_read(path: Path) -> None:
    migrate(legacy_files.build(path, search_text="generated"), SteadyClock())

    db = apsw.Connection(str(path))
    columns = list(db.execute("SELECT name, hidden FROM pragma_table_xinfo('workflows')"))
    assert "search_text" not in {name for name, _hidden in columns}
    assert {hidden for _name, hidden in columns} == {0}
    db.close()


def test_design_mistake_08_an_unknown_newer_version_is_refused_and_untouched(path: Path) -> None:
    close_store(open_store(path, SteadyClock()).store)
    db = apsw.Connection(str(path))
    db.execute(f"PRAGMA user_version = {migrations.current_version() + 1}").fetchall()
    db.close()
    before = folder_hashes(path.parent)

    with pytest.raises(NewerSchema):
        open_store(path, SteadyClock())

    assert folder_hashes(path.parent) == before


def test_design_mistake_09_a_file_swapped_in_beside_an_old_wal_reads_as_the_new_one(
    path: Path,
) -> None:
    close_store(open_store(path, SteadyClock()).store)
    store = Store(path)
    with store.writing() as db:
        db.execute("UPDATE meta SET value = 'old' WHERE key = 'created_at'")
    wal = path.with_name("sim.db-wal").read_bytes()
    assert wal
    store.close()
    path.with_name("sim.db-wal").write_bytes(wal)

    steps = migrations.shipped_steps()
    with migrations.build_file(swap.staged_path(path), SteadyClock(), steps) as staged:
        staged.execute("UPDATE meta SET value = 'new' WHERE key = 'created_at'")
    swap.replace(path, SteadyClock())

    db = apsw.Connection(str(path))
    assert db.execute("SELECT value FROM meta WHERE key = 'created_at'").get == "new"
    assert db.pragma("integrity_check") == "ok"
    db.close()
    assert "sim.db-wal" not in names(path.parent)


def test_design_mistake_11_a_run_left_running_by_a_dead_process_is_closed_at_the_start(
    path: Path,
) -> None:
    legacy_files.build(path)

    opened = open_store(path, SteadyClock())

    assert opened.runs_interrupted == 1
    row = opened.store.db.execute(
        "SELECT status, error_message, completed_at = seen_at FROM runs WHERE id = 'r2'"
    ).fetchone()
    assert row == ("error", "interrupted", 1)
    close_store(opened.store)


def test_design_mistake_05_a_copy_is_one_statement_without_pauses(path: Path) -> None:
    """As designed, five pages and a pause of 100 ms, this copy would take 100 seconds."""
    source = apsw.Connection(str(path))
    source.execute("CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(20_000_000))").fetchall()
    statements: list[str] = []

    def note(_cursor: apsw.Cursor, sql: str, _values: object) -> bool:
        statements.append(sql)
        return True

    source.set_exec_trace(note)

    with within(20):
        verified_copy.write(source, path.with_name("copy.db"))

    assert [sql for sql in statements if "INTO" in sql] == ["VACUUM INTO ?"]
    source.close()


def test_design_mistake_06_no_hash_of_a_key_is_moved(path: Path) -> None:
    migrate(legacy_files.build(path), SteadyClock())

    db = apsw.Connection(str(path))
    columns = [row[1] for row in db.execute("PRAGMA table_info(legacy_secrets)")]
    kept = db.execute("SELECT count(*) FROM secrets").get
    db.close()
    assert columns == ["provider", "created_at", "updated_at"]
    assert kept == 0
