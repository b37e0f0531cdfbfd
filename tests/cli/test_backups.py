"""`backup`, `verify` and `restore` as a person runs them."""

import json
import shutil
from pathlib import Path

import pytest

from sidecar.cli import backup, restore, verify
from tests.cli.commands import result_of, run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database with one workflow, called "then"."""
    path = tmp_path_factory.mktemp("made") / "my.db"
    save = 'workflow:={"id": "w1", "name": "then", "data": {}}'
    result_of("call", "workflows.save", save, "--database", path)
    return path


@pytest.fixture
def database(made: Path, tmp_path: Path) -> Path:
    """Copy that database for one test; return the path of the copy."""
    for each in made.parent.iterdir():  # also the file that says that it is known
        shutil.copyfile(each, tmp_path / each.name)
    return tmp_path / made.name


def names(database: Path) -> list[str]:
    """Return the names of all workflows in a database."""
    found = result_of("call", "workflows.list", "--database", database)["items"]
    return [item["name"] for item in found]


def test_a_backup_is_made_verified_and_restored(database: Path) -> None:
    made = result_of("backup", "--label", "mine", "--database", database)
    changed = 'workflow:={"id": "w1", "name": "now", "data": {}}'
    result_of("call", "workflows.save", changed, "--database", database)

    assert result_of("verify", made["name"], "--database", database)["ok"]
    dry = result_of("restore", made["name"], "--dry-run", "--database", database)
    assert (dry["dry_run"], names(database)) == (True, ["now"])
    real = result_of("restore", made["name"], "--database", database)
    assert (real["dry_run"], names(database)) == (False, ["then"])


def test_a_backup_named_by_path_is_verified_without_a_database(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIM_SIDECAR_DATABASE", str(tmp_path / "sim.db"))
    path = Path(result_of("backup", "--database", database)["path"])
    sound = run("verify", path)
    path.write_bytes(path.read_bytes()[:-1])
    cut = run("verify", path)

    assert (sound.returncode, cut.returncode) == (0, 1)
    assert json.loads(cut.stdout)["findings"][0]["kind"] == "truncated"
    assert not (tmp_path / "sim.db").exists()


@pytest.mark.parametrize("served", ["my.db", "deleted", "never.db"])
def test_backups_are_listed_newest_first_also_without_a_database(
    database: Path, served: str
) -> None:
    made = [result_of("backup", "--database", database)["name"] for _ in range(2)]
    named = database if served == "deleted" else database.with_name(served)
    if served == "deleted":
        database.unlink()

    done = run("backups", "--database", named)
    listed = json.loads(done.stdout)

    assert [each["name"] for each in listed["items"]] == made[::-1]
    own = True if served == "my.db" else None
    assert [each["this_database"] for each in listed["items"]] == [own, own]
    assert named.exists() == (served == "my.db")
    assert ("Its default folder is listed." in done.stderr) == (served == "never.db")


def test_verify_says_whether_a_backup_is_of_this_database(database: Path, tmp_path: Path) -> None:
    path = result_of("backup", "--database", database)["path"]
    other = tmp_path / "other.db"
    result_of("call", "workflows.save", 'workflow:={"name":"n","data":{}}', "--database", other)

    own = result_of("verify", path, "--database", database)
    strange = result_of("verify", path, "--database", other)
    missing = result_of("verify", path, "--database", tmp_path / "missing.db")

    marks = [each["backup"]["this_database"] for each in (own, strange, missing)]
    assert marks == [True, False, None]


def test_doctor_counts_the_backups_of_this_database(tmp_path: Path) -> None:
    for name in ("a", "b"):
        workflow = 'workflow:={"name":"n","data":{}}'
        result_of("call", "workflows.save", workflow, "--database", tmp_path / f"{name}.db")
    result_of("backup", "--database", tmp_path / "a.db")

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
def test_a_database_that_does_not_open_is_restored(database: Path, content: bytes) -> None:
    made = result_of("backup", "--database", database)
    database.write_bytes(content)

    done = run("restore", made["name"], "--database", database)

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert database.with_name(result["kept_aside"]).read_bytes() == content
    assert names(database) == ["then"]


def test_a_missing_database_is_restored_from_a_path(database: Path, tmp_path: Path) -> None:
    made = result_of("backup", "--database", database)
    database.unlink()

    result = result_of("restore", Path(made["path"]), "--database", database)

    assert (result["kept_aside"], result["seq"]) == (None, 3)
    assert names(database) == ["then"]
    assert result_of("call", "audit.verify", "--database", database)["status"] == "unsealed"
    assert not list(tmp_path.glob("*.scratch"))


def test_a_refused_backup_is_explained(database: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.zst"
    other.write_bytes(b"no backup")

    for content in (None, b""):
        if content is not None:
            database.write_bytes(content)
        done = run("restore", other, "--database", database)
        assert done.returncode == 1
        assert "not a backup of this product" in done.stderr
        assert "backup_rejected" in done.stderr


def test_a_foreign_database_is_not_replaced(database: Path, tmp_path: Path) -> None:
    made = result_of("backup", "--database", database)
    foreign = tmp_path / "foreign.db"
    foreign.write_bytes(b"my notes" * 1000)

    done = run("restore", Path(made["path"]), "--database", foreign)

    assert done.returncode == 4
    assert foreign.read_bytes() == b"my notes" * 1000


def test_results_of_backup_commands_are_described_in_plain_words() -> None:
    counts = {"workflows": 3, "runs": 7}
    made = {
        "path": "/b/x.db.zst", "database_bytes": 3 * 2**20, "size_bytes": 2**20,
        "counts": counts, "secrets": "none",
    }  # fmt: skip
    real = {
        "dry_run": False, "counts": counts, "restored_secrets": "kept", "safety_backup": "y.db.zst",
        "findings": [{"kind": "body", "detail": "w1: The body is damaged."}],
    }  # fmt: skip
    wrong = {"ok": False, "findings": [{"kind": "truncated", "detail": "It is cut off."}]}

    assert backup.describe(made) == (
        "The backup was made and checked: /b/x.db.zst\n"
        "It holds a database of 3.0 MiB in 1.0 MiB: 3 workflows, without secrets."
    )
    assert restore.describe(real) == (
        "Restored: 3 workflows, 7 runs.\nProvider keys stay as they are.\n"
        "The replaced database is kept as y.db.zst.\n  body: w1: The body is damaged."
    )
    assert verify.describe({"ok": True, "backup": {"counts": counts}}) == (
        "The backup is sound: 3 workflows, 7 runs."
    )
    assert verify.describe(wrong) == "The backup is not sound:\n  truncated: It is cut off."
