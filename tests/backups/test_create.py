"""Tests of making backups: each is complete, verified, private and of one state, or not there."""

import os
import sys
import threading
from pathlib import Path

import apsw
import pytest

from sidecar import limits
from sidecar.archive import write
from sidecar.backups import create, directory
from sidecar.errors import (
    AuditUnavailable,
    Cancelled,
    DatabaseDamaged,
    DatabaseFull,
)
from sidecar.notifications import Progress
from sidecar.store import meta, verified_copy
from sidecar.store.transfer import snapshot
from tests.harness import Bench, open_bench
from tests.made_workflows import save
from tests.unpacked_backups import PassingClock, backup_names, clock_of, count_rows, unpack_backup

# --- one backup -------------------------------------------------------------------------------


def test_a_backup_is_the_whole_database_as_sqlite_reads_it(bench: Bench, tmp_path: Path) -> None:
    before = verified_copy.table_counts(bench.store.db)

    result = bench.call("backups.create", label="mine")

    db = unpack_backup(Path(result["path"]), tmp_path)
    assert verified_copy.table_counts(db) == before
    assert db.pragma("integrity_check") == "ok"
    assert db.pragma("journal_mode") == "delete"
    assert (result["secrets"], result["counts"]["workflows"], result["counts"]["runs"]) == (
        "none",
        5,
        1,
    )
    item = bench.call("backups.list")["items"][0]
    assert {key: item[key] for key in result if key in item} == {
        key: result[key] for key in result if key in item
    }
    assert (item["label"], item["reason"], item["this_database"]) == ("mine", "manual", True)
    db.close()


def test_a_new_backup_passes_verification(bench: Bench) -> None:
    name = bench.call("backups.create")["name"]

    result = bench.call("backups.verify", name=name)

    assert (result["ok"], result["findings"], result["backup"]["name"]) == (True, [], name)


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_only_its_owner_may_read_a_backup(bench: Bench) -> None:
    path = Path(bench.call("backups.create")["path"])

    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_nothing_is_left_beside_the_database(bench: Bench, tmp_path: Path) -> None:
    name = bench.call("backups.create")["name"]
    bench.call("backups.verify", name=name)

    assert backup_names(tmp_path) == [name]
    assert {path.name for path in tmp_path.iterdir()} - {"test.db-wal", "test.db-shm"} == {
        "test.db",
        "test.db.known",
        "backups",
    }


def test_two_backups_of_one_second_have_two_names(bench: Bench) -> None:
    clock_of(bench).step_ms = 0

    first, second = (bench.call("backups.create")["name"] for _ in range(2))

    assert second == first.replace(".db.zst", "_2.db.zst")


def test_progress_never_falls_and_ends_at_its_total(bench: Bench) -> None:
    clock_of(bench).step_ms = 0
    bench.told.clear()

    bench.clock = PassingClock()
    bench.call("backups.create")

    reported = [each for each in bench.told if isinstance(each, Progress)]
    assert [each.done for each in reported] == sorted(each.done for each in reported)
    assert [each.phase for each in reported] == sorted(
        (each.phase for each in reported), key=["copy", "check", "pack", "verify"].index
    )
    assert reported[-1].done == reported[-1].total


def test_what_was_deleted_is_in_no_backup_made_afterwards(bench: Bench, tmp_path: Path) -> None:
    secret = "unmistakable words"
    save(bench, "gone", name=secret, description=secret, data={"text": secret})
    bench.call("workflows.search", query="unmistakable")
    bench.call("workflows.delete", id="gone")

    path = Path(bench.call("backups.create")["path"])

    unpack_backup(path, tmp_path).close()
    content = (tmp_path / "unpacked.db").read_bytes()
    assert b"unmistak" not in content
    assert b"name 1" in content


# --- failures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_cancelled_backup_leaves_nothing(bench: Bench, tmp_path: Path, steps: int) -> None:
    bench.clock = PassingClock()
    bench.cancel_after_steps = steps

    with pytest.raises(Cancelled):
        bench.call("backups.create")

    assert backup_names(tmp_path) == []
    assert not list(tmp_path.glob("*.scratch"))
    assert bench.audited() == []


def test_a_backup_that_cannot_be_logged_is_not_there(bench: Bench, tmp_path: Path) -> None:
    bench.store.db.execute(
        "CREATE TEMP TRIGGER full BEFORE INSERT ON access_log BEGIN SELECT RAISE(ABORT, ''); END"
    )

    with pytest.raises(AuditUnavailable):
        bench.call("backups.create")

    assert backup_names(tmp_path) == []


def test_sqlite_21_whatever_fails_no_backup_is_listed_and_the_old_ones_stay(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = bench.call("backups.create")["name"]

    def full(*_given: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    for owner, name in ((write, "_pack"), (create, "publish_backup"), (write, "read_database")):
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, full)
            with pytest.raises(DatabaseFull):
                bench.call("backups.create")
        assert [item["name"] for item in bench.call("backups.list")["items"]] == [old]
        assert backup_names(tmp_path) == [old]


def test_without_room_nothing_is_begun(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BACKUP_ROOM_BYTES", 2**62)

    with pytest.raises(DatabaseFull):
        bench.call("backups.create")


def test_of_a_damaged_database_no_backup_is_made(bench: Bench, tmp_path: Path) -> None:
    bench.store.db.execute("PRAGMA foreign_keys = OFF").fetchall()
    bench.store.db.execute("DELETE FROM workflows WHERE id = 'w1'")

    with pytest.raises(DatabaseDamaged):
        bench.call("backups.create")

    assert backup_names(tmp_path) == []


def test_a_damaged_search_index_does_not_prevent_a_backup(bench: Bench, tmp_path: Path) -> None:
    bench.call("workflows.search", query="name")
    bench.store.db.execute("DELETE FROM search_texts")

    path = Path(bench.call("backups.create")["path"])

    db = unpack_backup(path, tmp_path)
    assert count_rows(db, "header_pending") == 5
    assert bench.rows("SELECT count(*) FROM header_pending") == [(5,)]
    db.close()


def test_files_left_by_a_killed_process_are_removed(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        save(bench, "w1")
        name = bench.call("backups.create")["name"]
    left = tmp_path / "test.db.scratch" / "made-by-a-killed-process"
    left.mkdir(parents=True)
    (left / "copy").write_text("half")
    with open_bench(tmp_path) as bench:
        store_id = meta.store_id(bench.store.db).hex()
        partial = tmp_path / f"backups/sim_backup_20200101_000000.db.zst.{store_id}.partial"
        partial.write_text("half")
        os.utime(partial, (1, 1))
        second = bench.call("backups.create")["name"]

    assert backup_names(tmp_path) == sorted([name, second])
    assert not left.parent.exists()


# --- concurrent writes ------------------------------------------------------------------------


def test_sqlite_20_a_backup_under_writes_ends_and_is_one_moment(tmp_path: Path) -> None:
    """A thread keeps two rows equal in each transaction; a copy of two states would differ."""
    with open_bench(tmp_path) as bench:
        store = bench.store
        with store.writing() as db:
            noise = "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)"
            db.execute(f"{noise} INSERT INTO meta SELECT 'noise' || i, randomblob(4000) FROM n")  # noqa: S608 - a constant
            for key in ("left", "right"):
                db.execute("INSERT INTO meta VALUES (?, 0)", (key,))
        stop, written = threading.Event(), 0

        def write() -> None:
            nonlocal written
            while not stop.is_set():
                with store.writing() as db:
                    db.execute("UPDATE meta SET value = value + 1 WHERE key = 'left'")
                    db.execute("UPDATE meta SET value = randomblob(4000) WHERE key = 'noise1'")
                    db.execute("UPDATE meta SET value = value + 1 WHERE key = 'right'")
                written += 1

        writer = threading.Thread(target=write)
        writer.start()
        steps: list[int] = []
        try:
            with store.reader() as source:
                taken = snapshot.take(
                    source,
                    tmp_path / "copy.db",
                    include_secrets=False,
                    cancelled=lambda: False,
                    step=lambda _done: steps.append(written),
                )
        finally:
            stop.set()
            writer.join()

    db = apsw.Connection(str(tmp_path / "copy.db"), flags=apsw.SQLITE_OPEN_READONLY)
    left, right = (meta.read(db, key) for key in ("left", "right"))
    db.close()
    assert left == right
    assert taken.size_bytes > 6000 * 4000
    assert len(steps) == -(-taken.size_bytes // 4096 // limits.SNAPSHOT_STEP_PAGES)
    assert steps[-1] > steps[0]


def test_a_missing_folder_of_backups_counts_as_empty(tmp_path: Path) -> None:
    assert directory.list_backups(tmp_path / "nowhere") == []
    directory.remove_partial_files(tmp_path / "nowhere", "ab" * 16, 0)
