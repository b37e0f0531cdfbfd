"""Tests that the committed files are those that the generator writes now."""

import os
import subprocess
import sys
from pathlib import Path

import apsw

from sidecar.clock import SystemClock
from sidecar.store import migrations

ROOT = Path(__file__).resolve().parent.parent
SHAPE = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
IN_ORDER = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid"
TABLES = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow')"
OF_THE_FILE = {"meta", "audit_state", "migrations", "sqlite_schema"}
"""Tables whose rows differ from file to file: ids, keys and times."""


def test_no_generated_file_is_stale() -> None:
    command = [sys.executable, "build/generate.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_the_commented_schema_makes_the_tables_of_a_fresh_database(tmp_path: Path) -> None:
    path = tmp_path / "fresh.db"
    migrations.create(path, SystemClock(), lambda _db: None)
    fresh = apsw.Connection(str(path))
    described = apsw.Connection(":memory:")
    described.execute((ROOT / "schema" / "database.sql").read_text("utf-8")).fetchall()

    assert described.execute(SHAPE).fetchall() == fresh.execute(SHAPE).fetchall()
    fresh.close()
    described.close()


def test_a_new_file_is_the_same_as_one_that_took_the_migrations(tmp_path: Path) -> None:
    path = tmp_path / "fresh.db"
    migrations.create(path, SystemClock(), lambda _db: None)
    fresh = apsw.Connection(str(path))
    migrated = apsw.Connection(":memory:")
    for step in migrations.shipped_steps():
        migrations.apply(migrated, step, 0)
    names = [name for (name,) in migrated.execute(TABLES) if name not in OF_THE_FILE]

    assert fresh.pragma("user_version") == migrated.pragma("user_version")
    assert fresh.execute(IN_ORDER).fetchall() == migrated.execute(IN_ORDER).fetchall()
    assert "vault_state" in names
    for name in names:
        every_row = f"SELECT * FROM {name}"  # noqa: S608 - names of our own
        assert fresh.execute(every_row).fetchall() == migrated.execute(every_row).fetchall()
    fresh.close()
    migrated.close()


def test_the_python_client_needs_the_standard_library_alone() -> None:
    """The option -S omits site-packages, -P the current folder."""
    command = [sys.executable, "-P", "-S", "-c", "import sidecar_client.aio"]
    client = {**os.environ, "PYTHONPATH": str(ROOT / "schema" / "clients" / "python")}

    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env=client
    )

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
