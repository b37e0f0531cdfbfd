"""Compaction makes the file smaller with all of its rows, and is complete or undone."""

import errno
import random
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from sidecar.errors import (
    AuditUnavailable,
    Cancelled,
    DatabaseBusy,
    DatabaseDamaged,
    Maintenance,
    RecoveryRequired,
)
from sidecar.store import compact, swap, traces, verified_copy
from sidecar.store.open_close import close_store, open_store
from tests.harness import Bench, ManualClock, open_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        for number in range(40):
            data = {"noise": random.Random(number).randbytes(20_000).hex()}
            workflow = {"id": f"w{number}", "name": f"name {number}", "data": data}
            opened.call("workflows.save", workflow=workflow)
        opened.call("workflows.delete_many", ids=[f"w{number}" for number in range(0, 40, 2)])
        yield opened


def test_a_compacted_file_is_smaller_and_keeps_everything(bench: Bench) -> None:
    bench.store.checkpoint()
    before_bytes = bench.store.path.stat().st_size
    bench.call("system.purge")
    before = verified_copy.table_counts(bench.store.db)
    seq = bench.call("audit.verify")["head"]["seq"]
    bench.told.clear()

    result = bench.call("system.compact")

    after = verified_copy.table_counts(bench.store.db)
    assert result["after_bytes"] < before_bytes * 0.7
    assert bench.store.path.stat().st_size == result["after_bytes"]
    assert {**before, "access_log": before["access_log"] + 2} == after
    assert bench.audited()[1:] == [("compact", "database", result)]
    assert bench.call("audit.verify")["head"]["seq"] == seq + 2
    assert bench.call("system.check", full=True)["findings"] == []
    assert bench.store.pragmas()["journal_mode"] == "wal"
    assert bench.store.pragmas()["auto_vacuum"] == 2
    assert bench.call("workflows.search", query="name")["items"]


def test_nothing_is_left_beside_it(bench: Bench) -> None:
    bench.call("system.compact")
    bench.store.checkpoint()

    left = {path.name for path in bench.store.path.parent.iterdir()}
    assert left - {"test.db-wal", "test.db-shm"} == {"test.db", "test.db.known", "backups"}


def test_a_cancelled_compaction_changes_nothing(bench: Bench) -> None:
    names = {path.name for path in bench.store.path.parent.iterdir()}

    with pytest.raises(Cancelled), bench.store.exclusive():
        compact.rewrite_file(bench.store, bench.clock, lambda: True, no_entry)

    assert {path.name for path in bench.store.path.parent.iterdir()} == names
    assert bench.call("workflows.get", id="w1")["workflow"]["name"] == "name 1"


def no_entry(_db: apsw.Connection, _before_bytes: int, _after_bytes: int) -> None:
    """Write no audit entry."""


def test_a_compaction_that_cannot_be_logged_does_not_happen(bench: Bench) -> None:
    names = {path.name for path in bench.store.path.parent.iterdir()}
    size_bytes = bench.store.path.stat().st_size

    def refuse(_db: apsw.Connection, _before_bytes: int, _after_bytes: int) -> None:
        raise AuditUnavailable

    with pytest.raises(AuditUnavailable), bench.store.exclusive():
        compact.rewrite_file(bench.store, bench.clock, lambda: False, refuse)

    assert {path.name for path in bench.store.path.parent.iterdir()} == names
    assert bench.store.path.stat().st_size >= size_bytes
    assert bench.call("workflows.get", id="w1")["workflow"]["name"] == "name 1"


def test_meanwhile_others_are_told_of_the_maintenance(bench: Bench) -> None:
    refusals: list[type[BaseException]] = []

    def ask() -> None:
        for attempt in (bench.store.acquire, lambda: bench.store.reader().__enter__()):
            try:
                attempt()
            except Maintenance as refusal:
                refusals.append(type(refusal))

    with bench.store.exclusive():
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join(60)

    assert refusals == [Maintenance, Maintenance]
    bench.store.acquire()
    bench.store.lock.release()


def test_a_reader_that_stays_is_not_waited_for_for_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sidecar.limits.ALONE_WAIT_MS", 20)
    with bench.store.reader(), pytest.raises(DatabaseBusy), bench.store.exclusive():
        pass

    assert not bench.store.maintenance
    assert bench.call("system.compact")["after_bytes"]


def test_a_copy_that_was_never_put_in_place_goes_with_the_next_start(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        path = bench.store.path
        bench.call("workflows.save", workflow={"id": "w", "name": "n", "data": 1})
    staged = swap.staged_path(path)
    staged.write_bytes(b"half a copy")

    opened = open_store(path, ManualClock())

    assert not staged.exists()
    assert opened.store.db.execute("SELECT count(*) FROM workflows").get == 1
    close_store(opened.store)


def test_a_copy_has_every_row(tmp_path: Path) -> None:
    source = apsw.Connection(str(tmp_path / "a.db"))
    source.execute("CREATE TABLE t (x); INSERT INTO t VALUES (1)").fetchall()

    verified_copy.write(source, tmp_path / "b.db")

    copy = apsw.Connection(str(tmp_path / "b.db"))
    assert verified_copy.table_counts(copy) == {"t": 1}
    for db in (source, copy):
        db.close()


def test_a_replacement_that_fails_is_called_off_and_nothing_saved_later_is_lost(
    bench: Bench,
) -> None:
    """If its plan were left, the next start would put the outdated copy in place."""
    path = bench.store.path
    in_the_way = path.with_name(f"{path.name}-journal")

    def obstruct(_db: apsw.Connection, _before_bytes: int, _after_bytes: int) -> None:
        in_the_way.mkdir()
        (in_the_way / "file").touch()

    with (
        bench.store.exclusive(),
        pytest.raises(OSError, match=r"(?i)directory|denied|permitted"),
    ):
        compact.rewrite_file(bench.store, bench.clock, lambda: False, obstruct)
    shutil.rmtree(in_the_way)
    bench.call("workflows.save", workflow={"id": "later", "name": "later", "data": {}})
    close_store(bench.store)
    opened = open_store(path, ManualClock())

    assert not swap.staged_path(path).exists()
    assert opened.store.db.execute("SELECT count(*) FROM workflows WHERE id = 'later'").get == 1
    close_store(opened.store)


@pytest.mark.skipif(sys.platform != "linux", reason="a folder whose names cannot be removed")
def test_a_plan_that_cannot_be_taken_back_makes_the_file_read_only(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink

    def refuse(path: Path, *, missing_ok: bool = False) -> None:
        if path.name in ("test.db-wal", f"test.db{traces.PLAN}"):
            raise OSError(errno.EIO, "no")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(RecoveryRequired):
        bench.call("system.compact")
    monkeypatch.undo()

    with pytest.raises(DatabaseDamaged):
        bench.call("workflows.save", workflow={"id": "later", "name": "later", "data": {}})
    assert bench.call("workflows.list", limit=1)["items"]
