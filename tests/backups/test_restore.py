"""Tests of restoring a backup: completely, with the current secrets and log, or not at all."""

from pathlib import Path
from typing import Any

import apsw
import pytest

from sidecar import limits
from sidecar.context import Emitted
from sidecar.errors import (
    AuditUnavailable,
    BackupRejected,
    Cancelled,
    DatabaseFull,
    InvalidParams,
    NotFound,
    StorageFailed,
)
from sidecar.notifications import SystemRestored
from sidecar.store import migrations, swap, tables
from sidecar.store.migrations import Step
from tests.harness import Bench, open_bench
from tests.made_workflows import save
from tests.unpacked_backups import backup_names, clock_of, run_chore
from tests.vault_benches import set_up

NEXT = migrations.current_version() + 1


def content(bench: Bench) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of the tables with the user's data."""
    names = ("workflows", "workflow_bodies", "workflow_revisions", "runs", "settings")
    return {name: bench.rows(f"SELECT * FROM {name}") for name in names}  # noqa: S608 - our tables


def backed_up(bench: Bench, **params: Any) -> str:
    name: str = bench.call("backups.create", **params)["name"]
    bench.told.clear()
    return name


@pytest.mark.parametrize("secrets", ["live", "backup"])
def test_the_counts_are_those_after_the_restore(bench: Bench, secrets: str) -> None:
    set_up(bench)
    name = backed_up(bench)
    bench.call("workflows.delete", id="w1")

    expected = bench.call("backups.restore", name=name, secrets=secrets, dry_run=True)["counts"]
    result = bench.call("backups.restore", name=name, secrets=secrets)["counts"]

    rows = {name: bench.rows(f"SELECT count(*) FROM {name}")[0][0] for name in tables.COUNTED}  # noqa: S608 - our tables
    assert expected == result == tables.by_noun(rows)


def test_everything_is_as_it_was_when_the_backup_was_made(bench: Bench) -> None:
    bench.call("runs.finish", id="r1", status="success")
    before = content(bench)
    name = backed_up(bench)
    bench.call("workflows.delete", id="w1")
    save(bench, "w2", data={"changed": True})
    save(bench, "later")
    bench.call("settings.set", key="theme", value="dark")

    result = bench.call("backups.restore", name=name)

    assert content(bench) == before
    assert (result["counts"]["workflows"], result["counts_before"]["workflows"]) == (5, 5)
    assert (result["dry_run"], result["migrated_from"], result["findings"]) == (False, None, [])
    assert bench.call("system.check", full=True)["findings"] == []
    assert bench.call("workflows.search", query="name")["items"]
    assert bench.store.pragmas()["journal_mode"] == "wal"
    assert bench.store.pragmas()["auto_vacuum"] == 2


def test_a_workflow_saved_after_it_goes_into_the_restored_file(bench: Bench) -> None:
    bench.call("backups.restore", name=backed_up(bench))

    save(bench, "after")

    assert bench.call("workflows.get", id="after")["workflow"]["id"] == "after"
    assert bench.call("audit.verify")["status"] == "unsealed"


def test_a_restore_continues_the_current_log_and_is_logged(bench: Bench) -> None:
    name = backed_up(bench)
    save(bench, "later")
    before = bench.call("audit.list", limit=500)["items"]
    bench.told.clear()

    result = bench.call("backups.restore", name=name)

    after = bench.call("audit.list", limit=500)["items"]
    assert after[: len(before)] == before
    assert [each["action"] for each in after[len(before) :]] == ["backup_create", "restore"]
    assert result["seq"] == after[-1]["seq"] == before[-1]["seq"] + 2
    assert [action for action, _resource, _details in bench.audited()] == [
        "backup_create",
        "restore",
    ]
    verdict = bench.call("audit.verify")
    assert (verdict["status"], verdict["verified_to"]) == ("unsealed", result["seq"])


def test_a_restore_sends_an_event_with_the_new_epoch(bench: Bench) -> None:
    name = backed_up(bench)

    result = bench.call("backups.restore", name=name)
    again = bench.call("backups.restore", name=name)

    restored = [each for each in bench.told if isinstance(each, SystemRestored)]
    assert [each.epoch for each in restored] == [2, 3] == [result["epoch"], again["epoch"]]
    assert [each.seq for each in restored] == [result["seq"], again["seq"]]
    told = {(each.secrets, each.restored_secrets) for each in restored}
    assert told == {(bench.call("secrets.status")["state"], result["restored_secrets"])}


def test_a_run_that_was_running_in_the_backup_is_closed_as_interrupted(bench: Bench) -> None:
    name = backed_up(bench)
    bench.call("runs.finish", id="r1", status="success")

    bench.call("backups.restore", name=name)

    run = bench.call("runs.get", id="r1")["run"]
    assert (run["status"], run["error_message"]) == ("error", "interrupted")


def test_the_safety_backup_restores_what_was_replaced(bench: Bench, tmp_path: Path) -> None:
    name = backed_up(bench)
    save(bench, "later")
    bench.call("runs.finish", id="r1", status="success")
    before = content(bench)

    safety = bench.call("backups.restore", name=name)["safety_backup"]

    assert safety in backup_names(tmp_path)
    bench.call("backups.restore", name=safety)
    assert content(bench) == before


def test_nothing_is_left_beside_the_database(bench: Bench, tmp_path: Path) -> None:
    bench.call("backups.restore", name=backed_up(bench))
    bench.store.checkpoint()

    left = {path.name for path in tmp_path.iterdir()}
    assert left - {"test.db-wal", "test.db-shm"} == {"test.db", "test.db.known", "backups"}


def test_after_a_restore_nothing_is_backed_up_until_something_changes(
    bench: Bench, tmp_path: Path
) -> None:
    bench.call("runs.finish", id="r1", status="success")
    name = backed_up(bench)
    save(bench, "later")
    bench.call("backups.restore", name=name)
    before = backup_names(tmp_path)

    clock_of(bench).at_ms += 30 * 3_600_000
    run_chore(bench)
    assert backup_names(tmp_path) == before
    save(bench, "anew")
    run_chore(bench)
    assert len(backup_names(tmp_path)) == len(before) + 1


# --- restores that are refused or fail --------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
def test_a_cancelled_restore_changes_nothing(bench: Bench, tmp_path: Path, steps: int) -> None:
    name = backed_up(bench)
    save(bench, "later")
    before = content(bench)
    bench.cancel_after_steps = steps
    clock_of(bench).step_ms = 0

    def pass_time() -> float:
        clock_of(bench).at_ms += 100
        return float(clock_of(bench).at_ms)

    clock_of(bench).monotonic_ms = pass_time  # type: ignore[method-assign]
    with pytest.raises(Cancelled):
        bench.call("backups.restore", name=name)

    assert content(bench) == before
    assert {path.name for path in tmp_path.iterdir()} - {"test.db-wal", "test.db-shm"} == {
        "test.db",
        "test.db.known",
        "backups",
    }


def test_a_restore_that_cannot_be_logged_does_not_happen(bench: Bench) -> None:
    name = backed_up(bench)
    save(bench, "later")
    before = content(bench)
    bench.store.db.execute("UPDATE audit_state SET seq = seq - 1")

    with pytest.raises(AuditUnavailable):
        bench.call("backups.restore", name=name)

    assert content(bench) == before


def test_without_room_nothing_is_unpacked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    name = backed_up(bench)
    monkeypatch.setattr(limits, "BACKUP_ROOM_BYTES", 2**62)

    with pytest.raises(DatabaseFull):
        bench.call("backups.restore", name=name)


def test_the_database_itself_is_no_backup_and_is_not_even_opened(bench: Bench) -> None:
    """Opening and closing the file of the database would release SQLite's locks on it."""
    for suffix in ("", "-wal", "-shm"):
        path = f"{bench.store.path}{suffix}"
        for method in ("backups.restore", "backups.verify"):
            with pytest.raises(InvalidParams):
                bench.call(method, path=path)


@pytest.mark.parametrize(
    "params",
    [{}, {"name": "a", "path": "/b"}, {"path": "relative"}, {"path": "\0"}],
    ids=["neither", "both", "relative", "nul"],
)
def test_a_request_names_the_backup_by_name_or_by_path(
    bench: Bench, params: dict[str, str]
) -> None:
    with pytest.raises(InvalidParams):
        bench.call("backups.restore", **params)


def test_a_backup_that_is_not_there_is_not_found(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        bench.call("backups.restore", path=str(tmp_path / "nowhere"))
    with pytest.raises(NotFound):
        bench.call("backups.restore", name="sim_backup_20200101_000000.db.zst")


def test_a_rejected_backup_is_logged_and_its_reason_is_answered(
    bench: Bench, tmp_path: Path
) -> None:
    path = tmp_path / "my private notes.zst"
    path.write_bytes(b"no backup")

    with pytest.raises(BackupRejected) as caught:
        bench.call("backups.restore", path=str(path))

    assert caught.value.data["reason"] == "not_a_backup"
    assert bench.audited() == [("backup_rejected", "file", {"reason": "not_a_backup"})]


# --- damaged and older backups ----------------------------------------------------------------


def test_one_damaged_body_does_not_prevent_a_restore_and_is_reported(bench: Bench) -> None:
    bench.store.db.execute(
        "UPDATE workflow_bodies SET data = x'00' WHERE rid ="
        " (SELECT rid FROM workflows WHERE id = 'w3')"
    )
    name = backed_up(bench)

    verified = bench.call("backups.verify", name=name)
    result = bench.call("backups.restore", name=name)

    assert [each["kind"] for each in result["findings"]] == ["body"]
    assert (verified["ok"], verified["findings"]) == (False, result["findings"])
    assert bench.call("workflows.get", id="w1")["workflow"]["id"] == "w1"


def test_damaged_indexes_are_rebuilt(bench: Bench) -> None:
    bench.call("workflows.search", query="name")
    db = apsw.Connection(str(bench.store.path))
    db.execute("PRAGMA writable_schema = ON").fetchall()
    db.execute("DELETE FROM search_texts")
    db.close()
    name = backed_up(bench)

    result = bench.call("backups.restore", name=name)

    assert result["findings"] == []
    assert bench.call("workflows.search", query="name")["items"]
    assert bench.call("system.check", full=True)["findings"] == []


def test_a_swap_that_fails_leaves_the_old_database_served(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = backed_up(bench)
    save(bench, "later")
    before = content(bench)

    def fail(*_given: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(swap, "replace", fail)
        with pytest.raises(DatabaseFull):
            bench.call("backups.restore", name=name)

    assert content(bench) == before
    save(bench, "still served")


def test_an_older_backup_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_bench(tmp_path) as bench:
        save(bench, "then")
        name = backed_up(bench)
    steps = (
        *migrations.shipped_steps(),
        Step(NEXT, "more", "CREATE TABLE extra (x INTEGER NOT NULL) STRICT;"),
    )
    monkeypatch.setattr(migrations, "shipped_steps", lambda: steps)
    with open_bench(tmp_path) as bench:
        save(bench, "later")

        result = bench.call("backups.restore", name=name)

        assert result["migrated_from"] == NEXT - 1
        assert bench.rows("SELECT id FROM workflows") == [("then",)]
        assert bench.rows("SELECT count(*) FROM extra") == [(0,)]
        assert bench.store.schema_version() == NEXT


def test_a_newer_backup_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older = migrations.shipped_steps()
    steps = (*older, Step(NEXT, "more", "CREATE TABLE extra (x INTEGER NOT NULL) STRICT;"))
    with monkeypatch.context() as patched, open_bench(tmp_path / "old") as bench:
        save(bench, "w1")
        patched.setattr(migrations, "shipped_steps", lambda: steps)
        with open_bench(tmp_path / "new") as newer:
            save(newer, "w1")
            path = newer.call("backups.create")["path"]
        patched.setattr(migrations, "shipped_steps", lambda: older)

        with pytest.raises(BackupRejected) as caught:
            bench.call("backups.restore", path=path)

    assert caught.value.data["reason"] == "newer"


def test_a_backup_that_is_changed_after_it_was_examined_is_not_put_in_place(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(bench, "w1", name="then")
    name = bench.call("backups.create")["name"]
    save(bench, "w1", name="now")
    changed: list[Path] = []

    def change(emitted: list[Emitted]) -> None:
        """Change what was unpacked when the safety backup is made, so after its examination."""
        if any(getattr(each.params, "action", "") == "backup_create" for each in emitted):
            (path,) = tmp_path.glob("test.db.scratch/*/database")
            content = path.read_bytes().replace(b"then", b"evil")
            path.write_bytes(content)
            changed.append(path)

    monkeypatch.setattr(bench, "tell", change)

    bench.refused(StorageFailed, "backups.restore", name=name)

    assert changed
    assert bench.call("workflows.get", id="w1")["workflow"]["name"] == "now"
    assert not list(tmp_path.glob("*.scratch"))
    assert not swap.staged_path(bench.store.path).exists()
