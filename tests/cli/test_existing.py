"""Commands that only read make no database: a mistyped name must not look like an empty one."""

import json
from pathlib import Path

import pytest

from sidecar.handlers.backups.verify_restore import BackupsRestoreResult
from tests.cli.commands import run

READING = [
    ("search", "invoice"),
    ("history", "a"),
    ("diff", "a"),
    ("runs",),
    ("stats",),
    ("audit", "list"),
    ("audit", "verify"),
    ("secrets", "status"),
    ("secrets", "list"),
    ("backup",),
    ("verify", "sim_backup_20260318_123000.db.zst"),
    ("call", "workflows.list"),
    ("call", "backups.list"),
]


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_a_command_that_reads_makes_no_database(tmp_path: Path, words: tuple[str, ...]) -> None:
    missing = tmp_path / "folder" / "typo.db"
    done = run(*words, "--database", missing)

    assert (done.returncode, done.stdout) == (10, "")
    assert str(missing) in done.stderr
    assert "hint: " in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("backup", ["sim_backup_20260318_123000.db.zst", "nowhere/x.zst", "{no}"])
def test_a_restore_without_a_valid_backup_makes_no_database(tmp_path: Path, backup: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    no_backup = tmp_path / "no.zst"
    no_backup.write_bytes(b"none")
    # A mere name is looked up beside the database, in the same way with and without --dry-run.
    for options in ((), ("--dry-run",)) if "{" in backup else ((),):
        name = backup.format(no=no_backup)
        done = run("restore", name, *options, "--database", folder / "typo.db")

        assert (done.returncode, done.stdout) == (1, "")
        assert list(folder.iterdir()) == []


def test_a_dry_run_of_a_sound_backup_makes_no_database_and_the_restore_does(
    tmp_path: Path,
) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new" / "new.db"
    run("call", "workflows.save", 'workflow:={"name":"n","data":{}}', "--database", old)
    path = json.loads(run("backup", "--database", old).stdout)["path"]
    new.parent.mkdir()
    dry = run("restore", path, "--dry-run", "--database", new)

    assert (dry.returncode, list(new.parent.iterdir())) == (0, [])
    done = run("restore", path, "--database", new)
    assert done.returncode == 0
    members = [*BackupsRestoreResult.__struct_fields__]
    assert [*json.loads(dry.stdout)] == [*json.loads(done.stdout)] == members
    assert json.loads(run("stats", "--database", new).stdout)["workflows"] == 1


def test_a_backup_of_an_ephemeral_database_is_refused() -> None:
    done = run("backup", "--ephemeral")

    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing to back up" in done.stderr


def test_an_empty_file_is_no_database_and_stays_empty(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()
    done = run("stats", "--database", empty)

    assert (done.returncode, list(tmp_path.iterdir()), empty.stat().st_size) == (10, [empty], 0)


def test_a_database_that_was_deleted_is_reported_as_missing(tmp_path: Path) -> None:
    database = tmp_path / "sim.db"
    assert run("call", "system.ping", "--database", database).returncode == 0
    database.unlink()
    done = run("stats", "--database", database)

    assert done.returncode == 6


def test_a_database_that_is_there_is_read(tmp_path: Path) -> None:
    database = tmp_path / "sim.db"
    assert run("call", "system.ping", "--database", database).returncode == 0
    done = run("stats", "--database", database)

    assert (done.returncode, json.loads(done.stdout)["workflows"]) == (0, 0)


def test_a_command_that_reads_accepts_an_ephemeral_database(tmp_path: Path) -> None:
    done = run("stats", "--ephemeral", cwd=tmp_path)

    assert (done.returncode, json.loads(done.stdout)["workflows"]) == (0, 0)


def test_serving_an_existing_database_ends_where_there_is_none(tmp_path: Path) -> None:
    done = run("serve", "--existing", "--database", tmp_path / "no.db")

    (line,) = done.stderr.splitlines()
    entry = json.loads(line)
    assert (done.returncode, entry["slug"], entry["exit_code"]) == (10, "no_database", 10)
    assert list(tmp_path.iterdir()) == []
