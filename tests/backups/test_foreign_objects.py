"""Tests that what other programs add to the database's schema makes no backup useless.

The second program is the sqlite3 module of Python, in a process of its own.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schema.clients.python.sidecar_client import Client
from sidecar.errors import DatabaseDamaged
from tests.harness import Bench
from tests.process.child_process import product
from tests.process.conftest import connect  # noqa: F401 - a fixture

FOREIGN = {
    "a view": ("CREATE VIEW late AS SELECT * FROM runs", ["view late"]),
    "a view of a table that is missing": ("CREATE VIEW bad AS SELECT * FROM gone", ["view bad"]),
    "an index": ("CREATE INDEX mine ON runs (completed_at)", ["index mine"]),
    "tables of a replicating tool": (
        "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER);"
        "INSERT INTO _litestream_seq VALUES (1, 2);"
        "CREATE TABLE _litestream_lock (id INTEGER)",
        ["table _litestream_lock", "table _litestream_seq"],
    ),
    "a table that counts its rows": (
        'CREATE TABLE "a ""b"" c" (id INTEGER PRIMARY KEY AUTOINCREMENT, x UNIQUE,'
        ' w REFERENCES workflows (rid)); INSERT INTO "a ""b"" c" (x) VALUES (1)',
        ['table a "b" c'],
    ),
    "a trigger that deletes workflows in the copy": (
        "CREATE TRIGGER evil AFTER UPDATE ON meta BEGIN DELETE FROM workflows; END;"
        "CREATE TRIGGER worse AFTER DELETE ON key_slots BEGIN DELETE FROM workflows; END",
        ["trigger evil", "trigger worse"],
    ),
    "a virtual table": ("CREATE VIRTUAL TABLE words USING fts5 (x)", ["table words"]),
    "a virtual table of a module that is missing": (
        "CREATE TABLE vectors_data (x); PRAGMA writable_schema = ON;"
        "INSERT INTO sqlite_schema VALUES ('table', 'vectors', 'vectors', 0,"
        " 'CREATE VIRTUAL TABLE vectors USING vec0 (x)')",
        ["table vectors"],
    ),
}


def run_sql(database: Path, sql: str) -> str:
    """Run statements in another process with the sqlite3 module; return the rows of the last."""
    code = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.executescript(sys.argv[2]);"
        "print(db.execute(sys.argv[3]).fetchall())"
    )
    argv = [sys.executable, "-c", code, str(database), sql, "SELECT name FROM sqlite_schema"]
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=120).stdout


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_database_with_foreign_objects_is_backed_up_and_restored_without_them(
    connect: Any,  # noqa: F811 - a fixture
    tmp_path: Path,
    kind: str,
) -> None:
    sql, names = FOREIGN[kind]
    database = tmp_path / "sim.db"
    client: Client = connect(product("--database", database, "--no-events"))
    client.call("workflows.save", {"workflow": {"id": "w", "name": "n", "data": {"a": 1}}})
    client.close()
    run_sql(database, sql)

    client = connect(product("--database", database, "--no-events"))
    # The trigger that deletes on every update of meta has acted in the served file: save again.
    client.call("workflows.save", {"workflow": {"id": "w", "name": "n", "data": {"a": 1}}})
    made = client.call("backups.create")
    checked = client.call("system.check")
    verified = client.call("backups.verify", {"name": made["name"]})
    restored = client.call("backups.restore", {"name": made["name"]})
    found = client.call("workflows.get", {"id": "w"})["workflow"]
    after = client.call("system.check", {"full": True})
    client.close()

    assert made["omitted"] == names
    assert [f["where"] for f in checked["findings"] if f["kind"] == "foreign"] == names
    assert (verified["ok"], restored["findings"], found["data"]) == (True, [], {"a": 1})
    assert after["ok"]
    rest = run_sql(database, "")
    assert not [name for name in names if f"'{name.split(' ', 1)[1]}'" in rest]


def test_foreign_objects_are_warned_of_once(bench: Bench) -> None:
    with bench.store.writing() as db:
        db.execute("CREATE VIEW late AS SELECT * FROM runs")

    bench.call("backups.create")
    bench.call("backups.create")

    warnings = [each for each in bench.told if getattr(each, "slug", None) == "foreign_objects"]
    assert len(warnings) == 1
    assert "view late" in str(warnings[0])


def test_a_database_whose_own_table_was_altered_is_not_backed_up_in_vain(bench: Bench) -> None:
    with bench.store.writing() as db:
        db.execute("ALTER TABLE settings ADD COLUMN more TEXT")

    bench.refused(DatabaseDamaged, "backups.create")

    assert bench.call("backups.list")["items"] == []
