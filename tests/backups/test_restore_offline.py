"""Tests of restoring a backup when the database is missing, damaged or does not open."""

from pathlib import Path
from typing import Any

import pytest

from sidecar.backups.old_database import UnservedDatabase
from sidecar.backups.restore import Restored, restore_backup
from sidecar.store.audit.log import chain_head
from tests.harness import Bench, ManualClock, open_bench
from tests.made_workflows import save
from tests.store.still_clock import folder_hashes
from tests.unpacked_backups import SECRET, store_secret


def backed_up(bench: Bench, **params: Any) -> str:
    """Make a backup and return its name."""
    name: str = bench.call("backups.create", **params)["name"]
    return name


def restore_unserved(folder: Path, name: str, *, dry_run: bool = False) -> Restored:
    """Restore a backup of a database that no process serves."""
    old = UnservedDatabase(folder / "test.db", ManualClock(), lambda *_progress: None)
    return restore_backup(old, folder / "backups" / name, "backup", dry_run=dry_run)


@pytest.mark.parametrize("state", ["missing", "empty", "damaged", "with a log"])
def test_a_database_that_does_not_open_is_replaced_and_its_file_is_kept(
    tmp_path: Path, state: str
) -> None:
    path = tmp_path / "test.db"
    with open_bench(tmp_path) as bench:
        save(bench, "then")
        store_secret(bench)
        name = backed_up(bench, include_secrets=True)
        newest = chain_head(bench.store.db).seq
    if state == "missing":
        path.unlink()
    else:
        path.write_bytes(b"" if state == "empty" else b"\xa5" * 8192)
    if state == "with a log":
        (tmp_path / "test.db-wal").write_bytes(b"\xa5" * 8192)

    restored = restore_unserved(tmp_path, name)

    assert restored.built is not None
    assert (restored.new.counts["workflows"], restored.secrets.outcome) == (1, "from_backup")
    kept = restored.preserved.file_name
    assert (kept is None) == (state == "missing")
    if kept is not None:
        assert (tmp_path / kept).stat().st_size == (0 if state == "empty" else 8192)
    with open_bench(tmp_path) as bench:
        assert bench.rows("SELECT id FROM workflows") == [("then",)]
        entries = bench.call("audit.list")["items"]
        # The entry about the backup is lost, and its number is not used again.
        assert restored.built.seq == newest + 1
        assert [entry["seq"] for entry in entries] == [*range(1, newest), newest + 1]
        assert entries[-1]["details"]["continues_after"] == newest - 1
        assert bench.call("audit.verify")["status"] == "locked"
        bench.call("secrets.unlock", passphrase="open sesame")
        assert bench.call("secrets.get", provider="openai")["value"] == SECRET
        found = bench.call("audit.verify")
        assert (found["status"], found["verified_from"], found["verified_to"]) == (
            "ok",
            1,
            newest + 3,
        )


def test_a_gap_in_the_log_is_accepted_only_at_the_entry_that_states_it(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    with open_bench(tmp_path) as bench:
        save(bench, "w1")
        name = backed_up(bench)
    path.unlink()
    restore_unserved(tmp_path, name)

    with open_bench(tmp_path) as bench:
        bench.store.db.execute(
            "UPDATE access_log SET details = replace(details, ':1,', ':0,')"
            " WHERE action = 'restore'"
        )
        bench.store.db.execute("DELETE FROM access_log WHERE seq = 1")
        assert bench.call("audit.verify")["status"] == "tampered"


def test_a_dry_run_on_the_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    with open_bench(tmp_path) as bench:
        save(bench, "then")
        name = backed_up(bench)
    path.write_bytes(b"torn")
    before = folder_hashes(tmp_path / "backups"), path.read_bytes()

    restored = restore_unserved(tmp_path, name, dry_run=True)

    assert (restored.new.counts["workflows"], restored.built) == (1, None)
    assert restored.preserved.file_name is None
    assert (folder_hashes(tmp_path / "backups"), path.read_bytes()) == before


def test_the_file_of_a_damaged_database_that_opens_is_kept_unchanged(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        for number in range(30):
            save(bench, f"w{number}", data={"text": "x" * 3000})
        name = backed_up(bench)
    path = tmp_path / "test.db"
    content = bytearray(path.read_bytes())
    page = len(content) // 4096 // 2 * 4096
    content[page : page + 4096] = b"\xa5" * 4096
    path.write_bytes(content)

    with open_bench(tmp_path) as bench:
        result = bench.call("backups.restore", name=name)

        assert result["safety_backup"] is None
        assert (tmp_path / result["kept_aside"]).stat().st_size == len(content)
        assert bench.rows("SELECT count(*) FROM workflows") == [(30,)]
        assert bench.call("system.check", full=True)["findings"] == []
        assert bench.call("audit.verify")["status"] == "unsealed"


def test_a_database_restored_over_confirmed_damage_can_be_written_again(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        save(bench, "then")
        name = backed_up(bench)
        bench.store.damaged = True

        bench.call("backups.restore", name=name)

        save(bench, "after")
        assert bench.rows("SELECT id FROM workflows ORDER BY id") == [("after",), ("then",)]
