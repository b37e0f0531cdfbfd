"""Tests of the rescue: a process whose database is missing, cut off or damaged brings it back."""

import hashlib
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sidecar.handlers.every  # noqa: F401 - importing it fills the catalog
from sidecar.catalog import METHODS
from tests.process.child_process import Child, environment, forked, product, request, until
from tests.process.conftest import Spawn

PAGE_BYTES = 4096
NO_SECRETS = {"secrets": "uninitialized", "restored_secrets": "none"}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database with the workflow `then` and a backup of it; `now` came after the backup."""
    folder = tmp_path_factory.mktemp("template")
    child = Child(forked("--database", folder / "sim.db")).wait_ready()
    save(child, "then")
    child.result("backups.create")
    save(child, "now")
    child.finish()
    child.close()
    return folder


@pytest.fixture
def path(template: Path, tmp_path: Path) -> Path:
    """Return the path of a copy of the database, with its backup."""
    (tmp_path / "backups").mkdir()
    for each in (*template.glob("sim.db*"), *template.glob("backups/*")):
        (tmp_path / each.relative_to(template)).write_bytes(each.read_bytes())
    return tmp_path / "sim.db"


def save(child: Child, workflow_id: str) -> None:
    """Save a workflow."""
    child.result("workflows.save", {"workflow": {"id": workflow_id, "name": "n", "data": {}}})


def workflows(child: Child) -> set[str]:
    """Return the ids of all workflows."""
    return {item["id"] for item in child.result("workflows.list")["items"]}


def backup_name(child: Child) -> str:
    """Return the name of the only backup."""
    (item,) = child.result("backups.list")["items"]
    name: str = item["name"]
    return name


def hashes(folder: Path) -> dict[str, bytes]:
    """Return the hash of every file in a folder but the lock file of the process."""
    return {
        each.name: hashlib.sha256(each.read_bytes()).digest()
        for each in folder.iterdir()
        if each.is_file() and each.suffix != ".lock"
    }


def removed(path: Path) -> None:
    path.unlink()


def removed_with_all_companions(path: Path) -> None:
    for each in path.parent.glob("sim.db*"):
        each.unlink()


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def cut_within_the_first_page(path: Path) -> None:
    os.truncate(path, 100)


def cut_off(path: Path) -> None:
    os.truncate(path, 2 * PAGE_BYTES)


def first_page_destroyed(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\xa5" * PAGE_BYTES)


def schema_destroyed(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * (PAGE_BYTES - 100))


def plan_destroyed(path: Path) -> None:
    path.with_name("sim.db.swap").write_bytes(b"{")


HARM: dict[Callable[[Path], None], str] = {
    removed: "missing",
    removed_with_all_companions: "missing",
    emptied: "cut",
    cut_within_the_first_page: "cut",
    cut_off: "cut",
    first_page_destroyed: "damaged",
    schema_destroyed: "damaged",
    plan_destroyed: "unfinished",
}


@pytest.mark.parametrize("harm", HARM, ids=lambda harm: harm.__name__)
def test_a_rescue_says_why_and_changes_nothing_by_itself(
    harm: Callable[[Path], None], path: Path, spawn: Spawn
) -> None:
    harm(path)
    before = hashes(path.parent)

    child = spawn(forked("--database", path))
    child.result("system.check")
    child.result("backups.list")

    assert (child.ready["mode"], child.ready["reason"]) == ("rescue", HARM[harm])
    assert (child.ready["schema_version"], child.ready["head"]) == (None, None)
    assert child.result("system.info")["schema_version"] is None
    (finding,) = child.result("system.check")["findings"]
    assert (finding["kind"], finding["where"]) == ("file", "database")
    assert child.finish()[1] == 0
    assert hashes(path.parent) == before
    assert child.stderr_text() == ""


@pytest.mark.parametrize("harm", [removed, emptied, schema_destroyed, plan_destroyed])
def test_a_restore_ends_the_rescue_and_everything_is_served(
    harm: Callable[[Path], None], path: Path, spawn: Spawn
) -> None:
    harm(path)
    child = spawn(forked("--database", path))
    name = backup_name(child)
    assert child.result("backups.verify", {"name": name})["ok"]
    assert child.result("backups.restore", {"name": name, "dry_run": True})["kept_aside"] is None

    restored = child.result("backups.restore", {"name": name})

    told = child.notification("system.restored")
    assert told == {"epoch": restored["epoch"], "seq": restored["seq"], **NO_SECRETS}
    assert workflows(child) == {"then"}
    save(child, "after")
    assert child.finish()[1] == 0
    again = spawn(forked("--database", path))
    assert (again.ready["mode"], again.ready["reason"]) == ("normal", None)
    assert workflows(again) == {"then", "after"}
    assert again.result("audit.verify")["status"] == "unsealed"


def test_a_recovery_ends_the_rescue_and_keeps_the_damaged_file(path: Path, spawn: Spawn) -> None:
    os.truncate(path, path.stat().st_size - PAGE_BYTES)
    damaged = path.read_bytes()
    child = spawn(forked("--database", path))
    dry = child.result("system.recover", {"dry_run": True})

    recovered = child.result("system.recover")

    assert child.notification("system.restored")["restored_secrets"] == "none"
    assert {**dry, "kept_aside": recovered["kept_aside"]} == recovered
    assert path.with_name(recovered["kept_aside"]).read_bytes() == damaged
    assert "then" in workflows(child)
    save(child, "after")


def test_where_nothing_can_be_read_the_rows_of_the_backup_are_told_as_lost(
    path: Path, spawn: Spawn
) -> None:
    schema_destroyed(path)
    child = spawn(forked("--database", path))
    (backup,) = child.result("backups.list")["items"]

    recovered = child.result("system.recover", {"dry_run": True})

    assert backup["this_database"] is None
    assert recovered["salvaged"] == {}
    assert {name: recovered["lost"].get(name, 0) for name in backup["counts"]} == backup["counts"]
    assert "key_slots" not in recovered["lost"]


def test_recovering_what_is_missing_is_refused_as_before(path: Path, spawn: Spawn) -> None:
    path.unlink()
    child = spawn(forked("--database", path))

    error = child.call("system.recover")["error"]

    assert (error["data"]["slug"], error["data"]["reason"]) == ("recovery_required", "missing")


@pytest.mark.parametrize("harm", [removed, cut_off, first_page_destroyed])
def test_a_new_beginning_keeps_what_was_there(
    harm: Callable[[Path], None], path: Path, spawn: Spawn
) -> None:
    harm(path)
    before = path.read_bytes() if path.exists() else None
    backups = hashes(path.parent / "backups")
    child = spawn(forked("--database", path))

    begun = child.result("system.recover", {"begin_new": True})

    kept = begun["kept_aside"]
    assert (kept and path.with_name(kept).read_bytes()) == before
    assert child.notification("system.restored")["seq"] == 1
    assert workflows(child) == set()
    save(child, "new")
    assert hashes(path.parent / "backups") == backups
    assert child.finish()[1] == 0
    assert spawn(forked("--database", path)).ready["mode"] == "normal"


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
@pytest.mark.parametrize("method", ["system.recover", "backups.restore"])
def test_the_log_of_a_missing_file_is_kept_too(
    method: str, suffix: str, path: Path, spawn: Spawn
) -> None:
    path.unlink()
    path.with_name(f"sim.db{suffix}").write_bytes(b"the last copy")
    child = spawn(forked("--database", path))
    params = {"begin_new": True} if method == "system.recover" else {"name": backup_name(child)}

    done = child.result(method, params)

    kept = done["kept_aside"]
    assert path.with_name(kept + suffix).read_bytes() == b"the last copy"
    assert not path.with_name(kept).exists()


def test_a_sound_database_is_never_set_aside(path: Path, spawn: Spawn) -> None:
    child = spawn(forked("--database", path))

    error = child.call("system.recover", {"begin_new": True})["error"]

    assert error["data"]["slug"] == "conflict"
    assert workflows(child) == {"then", "now"}


def test_the_staged_file_of_an_unreadable_plan_is_kept(path: Path, spawn: Spawn) -> None:
    plan_destroyed(path)
    path.with_name("sim.db.staged").write_bytes(b"finished")
    child = spawn(forked("--database", path))

    child.result("system.recover", {"begin_new": True})

    assert path.with_name("sim.db.damaged-staged-1").read_bytes() == b"finished"


@pytest.mark.parametrize("name", sorted(METHODS))
def test_in_a_rescue_each_method_is_served_or_says_what_is_required(
    name: str, rescued: Child
) -> None:
    answer = rescued.call(name, {"dry_run": True, "id": "x", "path": "/no"})

    slug = answer.get("error", {}).get("data", {}).get("slug")
    assert (slug == "recovery_required") == (not METHODS[name].in_rescue)


@pytest.fixture(scope="module")
def rescued(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Start a process that serves no database, because there are only backups of one."""
    folder = tmp_path_factory.mktemp("rescued")
    (folder / "backups").mkdir()
    for each in template.glob("backups/*"):
        (folder / "backups" / each.name).write_bytes(each.read_bytes())
    child = Child(forked("--database", folder / "sim.db")).wait_ready()
    yield child
    child.close()


def test_an_unknown_method_is_unknown_in_a_rescue_too(rescued: Child) -> None:
    assert rescued.call("no.such")["error"]["data"]["slug"] == "method_not_found"


def test_backups_of_another_database_in_the_folder_do_not_prevent_a_new_one(
    path: Path, spawn: Spawn
) -> None:
    child = spawn(forked("--database", path.with_name("other.db")))

    assert (child.ready["mode"], child.ready["schema_version"] is None) == ("normal", False)


def test_a_rejected_backup_changes_nothing_and_the_rescue_goes_on(path: Path, spawn: Spawn) -> None:
    path.unlink()
    no_backup = path.with_name("no.zst")
    no_backup.write_bytes(b"no backup")
    child = spawn(forked("--database", path))

    for method in ("backups.restore", "backups.verify"):
        answer = child.call(method, {"path": str(no_backup)})
        found = answer.get("error", {}).get("data", {}).get("slug") or answer["result"]["ok"]
        assert found in ("backup_rejected", False)
    assert child.call("workflows.list")["error"]["data"]["slug"] == "recovery_required"
    assert not path.exists()


def test_a_rescue_holds_the_lock_of_the_database(path: Path, spawn: Spawn) -> None:
    path.unlink()
    holder = spawn(forked("--database", path))

    assert spawn(forked("--database", path), ready=False).wait_exit() == 3
    holder.result("backups.restore", {"name": backup_name(holder)})
    assert spawn(forked("--database", path), ready=False).wait_exit() == 3
    assert workflows(holder) == {"then"}


def test_what_was_sent_together_with_a_restore_waits_or_is_refused_and_nothing_is_lost(
    path: Path, spawn: Spawn
) -> None:
    path.unlink()
    child = spawn(forked("--database", path))
    name = backup_name(child)
    lines = [request("backups.restore", {"name": name}, 1)]
    lines += [request("workflows.list", None, number) for number in range(2, 30)]
    child.send(b"".join(lines))

    answers = {answer["id"]: answer for answer in child.answers(29)}

    assert "result" in answers.pop(1)
    for answer in answers.values():
        assert answer.get("error", {}).get("data", {}).get("slug") in (
            None, "recovery_required", "maintenance",
        )  # fmt: skip
    assert workflows(child) == {"then"}


def test_a_passphrase_given_at_the_start_of_a_rescue_is_refused_and_logged(
    path: Path, spawn: Spawn
) -> None:
    path.unlink()
    reader, writer = os.pipe()
    os.write(writer, b"open sesame\n")
    os.close(writer)
    argv = product("--database", path, "--passphrase-fd", str(reader))
    child = spawn(argv, env=environment(), inherit=(reader,))
    os.close(reader)

    assert child.ready["mode"] == "rescue"
    assert until(lambda: "recovery_required" in child.stderr_text())
    assert child.result("backups.list")["items"] != []


def test_whichever_page_is_destroyed_the_process_serves_and_the_backup_comes_back(
    path: Path, spawn: Spawn
) -> None:
    content, rng = path.read_bytes(), random.Random(5)
    pages = range(len(content) // PAGE_BYTES)
    for page in (0, *rng.sample(pages, 4)):
        start = page * PAGE_BYTES
        path.write_bytes(
            content[:start] + rng.randbytes(PAGE_BYTES) + content[start + PAGE_BYTES :]
        )
        child = spawn(forked("--database", path))
        names = [each["name"] for each in child.result("backups.list")["items"]]
        child.result("backups.restore", {"name": min(names)})
        assert workflows(child) == {"then"}
        assert child.finish()[1] == 0
