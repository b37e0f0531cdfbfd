"""`backup`, `verify` and `restore` as a person runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sidecar.cli import backup, restore, verify

ROOT = Path(__file__).parents[2]


def run(*words: object) -> "subprocess.CompletedProcess[str]":
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "sidecar", *map(str, words)],
        capture_output=True,
        encoding="utf-8",
        timeout=40,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def told(*words: object) -> Any:
    """The one line of JSON that a command prints."""
    done = run(*words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "my.db"
    save = 'workflow:={"id": "w1", "name": "then", "data": {}}'
    told("call", "workflows.save", save, "--database", path)
    return path


def names(database: Path) -> list[str]:
    found = told("call", "workflows.list", "--database", database)["items"]
    return [item["name"] for item in found]


def test_a_backup_is_made_looked_at_and_gone_back_to(database: Path) -> None:
    made = told("backup", "--label", "mine", "--database", database)
    changed = 'workflow:={"id": "w1", "name": "now", "data": {}}'
    told("call", "workflows.save", changed, "--database", database)

    assert told("verify", made["name"], "--database", database)["ok"]
    would = told("restore", made["name"], "--dry-run", "--database", database)
    assert (would["dry_run"], names(database)) == (True, ["now"])
    did = told("restore", made["name"], "--database", database)
    assert (did["dry_run"], names(database)) == (False, ["then"])


def test_a_path_is_looked_at_without_any_database(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIM_SIDECAR_DATABASE", str(tmp_path / "sim.db"))
    path = Path(told("backup", "--database", database)["path"])
    sound = run("verify", path)
    path.write_bytes(path.read_bytes()[:-1])
    cut = run("verify", path)

    assert (sound.returncode, cut.returncode) == (0, 1)
    assert json.loads(cut.stdout)["findings"][0]["kind"] == "truncated"
    assert not (tmp_path / "sim.db").exists()


def test_a_backup_is_told_to_be_of_this_database_wherever_it_lies(
    database: Path, tmp_path: Path
) -> None:
    path = told("backup", "--database", database)["path"]
    other = tmp_path / "other.db"
    told("call", "workflows.save", 'workflow:={"name":"n","data":{}}', "--database", other)

    own = told("verify", path, "--database", database)
    strange = told("verify", path, "--database", other)
    missing = told("verify", path, "--database", tmp_path / "missing.db")

    of_whom = [each["manifest"]["this_database"] for each in (own, strange, missing)]
    assert of_whom == [True, False, None]


def test_doctor_counts_the_backups_of_this_database(tmp_path: Path) -> None:
    for name in ("a", "b"):
        workflow = 'workflow:={"name":"n","data":{}}'
        told("call", "workflows.save", workflow, "--database", tmp_path / f"{name}.db")
    told("backup", "--database", tmp_path / "a.db")

    checks = {}
    for name in ("a", "b"):
        done = run("doctor", "--json", "--database", tmp_path / f"{name}.db")
        (checks[name],) = [each for each in json.loads(done.stdout) if each["name"] == "backups"]

    assert checks["a"]["state"] == "ok"
    assert (checks["b"]["state"], checks["b"]["detail"]) == (
        "warn",
        "none beside the database; 1 of other databases",
    )


@pytest.mark.parametrize("content", [b"", b"\xa5" * 9000], ids=["empty", "destroyed"])
def test_a_database_that_does_not_open_is_restored_all_the_same(
    database: Path, content: bytes
) -> None:
    made = told("backup", "--database", database)
    database.write_bytes(content)

    done = run("restore", made["name"], "--database", database)

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert database.with_name(result["kept_aside"]).read_bytes() == content
    assert "does not open" in done.stderr
    assert names(database) == ["then"]


def test_a_lost_database_is_restored_from_a_path(database: Path, tmp_path: Path) -> None:
    made = told("backup", "--database", database)
    database.unlink()

    result = told("restore", Path(made["path"]), "--database", database)

    assert (result["kept_aside"], result["seq"]) == (None, 3)
    assert names(database) == ["then"]
    assert told("call", "audit.verify", "--database", database)["status"] == "unsealed"
    assert not list(tmp_path.glob("*.incoming*"))


def test_a_refused_backup_is_told_in_words(database: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.zst"
    other.write_bytes(b"no backup")

    for content in (None, b""):
        if content is not None:
            database.write_bytes(content)
        done = run("restore", other, "--database", database)
        assert done.returncode == 1
        assert "no backup of this product" in done.stderr
        assert "backup_rejected" in done.stderr


def test_a_newer_or_foreign_database_is_not_replaced(database: Path, tmp_path: Path) -> None:
    made = told("backup", "--database", database)
    foreign = tmp_path / "foreign.db"
    foreign.write_bytes(b"my notes" * 1000)

    done = run("restore", Path(made["path"]), "--database", foreign)

    assert done.returncode == 4
    assert foreign.read_bytes() == b"my notes" * 1000


def test_what_came_of_it_is_told_in_plain_words() -> None:
    counts = {"workflows": 3, "runs": 7}
    made = {
        "path": "/b/x.db.zst", "database_bytes": 3 * 2**20, "size_bytes": 2**20,
        "counts": counts, "secrets": "none",
    }  # fmt: skip
    did = {
        "dry_run": False, "counts": counts, "secrets": "kept", "safety_backup": "y.db.zst",
        "findings": [{"kind": "body", "detail": "w1: The body is damaged."}],
    }  # fmt: skip
    wrong = {"ok": False, "findings": [{"kind": "truncated", "detail": "It is cut off."}]}

    assert backup.describe(made) == (
        "The backup was made and checked: /b/x.db.zst\n"
        "It holds a database of 3.0 MiB in 1.0 MiB: 3 workflows, without secrets."
    )
    assert restore.describe(did) == (
        "Restored: 3 workflows, 7 runs.\nProvider keys stay as they are.\n"
        "What was there before is kept as y.db.zst.\n  body: w1: The body is damaged."
    )
    assert verify.describe({"ok": True, "manifest": {"counts": counts}}) == (
        "The backup is sound: 3 workflows, 7 runs."
    )
    assert verify.describe(wrong) == "The backup is not sound:\n  truncated: It is cut off."
