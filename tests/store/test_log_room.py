"""The write-ahead log gets room that commits write over; nothing is lost or kept by it."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from sidecar import limits
from sidecar.errors import DatabaseDamaged
from sidecar.store import log_room
from sidecar.store.connection import Store
from sidecar.store.open_close import open_store
from tests.faults.small_disk import SmallDiskVFS
from tests.harness import Bench, ManualClock, open_bench
from tests.store.test_purge import Story, remains
from tests.wire.loop_in_process import Served, call, serving

FRAME_BYTES = 4096 + 24


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as bench:
        yield bench


def log_of(store: Store) -> Path:
    return store.wal.path


def lengthened(store: Store) -> bytes:
    """Lengthen the log to its whole room, and return it."""
    with store.lock:
        while store.wal.is_short:
            log_room.lengthen(store)
    return log_of(store).read_bytes()


def save(number: int) -> dict[str, Any]:
    workflow = {"id": f"w{number}", "name": f"flow {number}", "data": {"made": number}}
    return call(number, "workflows.save", workflow=workflow)


def test_commits_write_over_the_room(bench: Bench) -> None:
    room = lengthened(bench.store)

    for number in range(20):
        bench.call("workflows.save", workflow={"id": f"w{number}", "name": "n", "data": {}})

    assert room == bytes(limits.WAL_ROOM_BYTES)
    assert bench.store.wal_pages >= 20
    assert log_of(bench.store).stat().st_size == limits.WAL_ROOM_BYTES


def test_a_purge_leaves_no_deleted_text_in_the_room(bench: Bench) -> None:
    workflow, words = Story(7).workflow("w")
    lengthened(bench.store)
    bench.call("workflows.save", workflow=workflow)
    bench.call("workflows.delete", id="w")
    assert "test.db-wal" in remains(bench.store.path, set(words))

    bench.call("system.purge")
    log = lengthened(bench.store)

    assert len(log) == limits.WAL_ROOM_BYTES
    assert remains(bench.store.path, set(words)) == {}


@pytest.mark.parametrize("frames", ["none", "of now", "of before and of now"])
def test_another_program_finds_all_after_a_crash_at_any_point(
    bench: Bench, tmp_path: Path, frames: str
) -> None:
    """Whatever part of the zeros has reached the disk."""
    if frames != "none":
        bench.call("workflows.save", workflow={"id": "w1", "name": "n", "data": {}})
    if "before" in frames:
        bench.store.checkpoint_beyond(1)
        bench.call("workflows.save", workflow={"id": "w2", "name": "n", "data": {}})
    saved = bench.rows("SELECT id, name FROM workflows ORDER BY id")
    used_bytes = log_of(bench.store).stat().st_size
    log = lengthened(bench.store)
    assert not any(log[used_bytes:])
    assert len(log) == limits.WAL_ROOM_BYTES

    crash = tmp_path / "crash"
    crash.mkdir()
    for more_bytes in (0, 1, 31, 32, 33, 4096, FRAME_BYTES - 1, FRAME_BYTES, 2 * limits.MIB, None):
        shutil.copyfile(bench.store.path, crash / "sim.db")
        end = None if more_bytes is None else used_bytes + more_bytes
        (crash / "sim.db-wal").write_bytes(log[:end])
        with closing(sqlite3.connect(crash / "sim.db")) as db:
            assert db.execute("SELECT id, name FROM workflows ORDER BY id").fetchall() == saved
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_nothing_is_written_while_another_connection_writes(bench: Bench) -> None:
    bench.store.checkpoint()
    with closing(apsw.Connection(str(bench.store.path))) as other:
        other.execute("BEGIN IMMEDIATE")
        with bench.store.lock:
            log_room.lengthen(bench.store)
        assert log_of(bench.store).stat().st_size == 0
        other.execute("ROLLBACK")

    assert bench.store.db.pragma("busy_timeout") == limits.BUSY_TIMEOUT_MS


def test_a_log_that_was_cut_off_is_not_lengthened(bench: Bench) -> None:
    bench.call("workflows.save", workflow={"id": "w1", "name": "n", "data": {}})
    with log_of(bench.store).open("r+b") as log:
        log.truncate(FRAME_BYTES)

    with bench.store.lock, pytest.raises(DatabaseDamaged):
        log_room.lengthen(bench.store)

    assert bench.store.wal.is_cut
    assert log_of(bench.store).stat().st_size == FRAME_BYTES


# --- a full disk ------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDiskVFS]:
    vfs = SmallDiskVFS(f"room-{tmp_path.name}", tmp_path, limits.MIB * 100)
    yield vfs
    vfs.unregister()


@pytest.mark.parametrize("left_bytes", [limits.BALLAST_BYTES, limits.MIB // 2])
@pytest.mark.parametrize("knows", [True, False])
def test_a_disk_without_room_keeps_what_it_has(
    tmp_path: Path, disk: SmallDiskVFS, left_bytes: int, *, knows: bool
) -> None:
    """Also when there was room a moment before, which the store still counts on."""
    store = open_store(tmp_path / "sim.db", ManualClock(), vfs=f"room-{tmp_path.name}").store
    try:
        disk.capacity_bytes += left_bytes - disk.free()
        if knows:
            store.ballast.free_bytes = disk.free

        lengthened(store)

        fits = not knows and left_bytes > limits.WAL_ROOM_BYTES
        assert disk.free() == left_bytes - fits * limits.WAL_ROOM_BYTES
        assert not store.disk_full
    finally:
        store.close()


# --- when ----------------------------------------------------------------------------------------


def run_upkeep(served: Served, clock: ManualClock, *, idle: bool) -> int:
    """Advance the clock by a pause and run the upkeep once; return the size of the log."""
    clock.at_ms += limits.UPKEEP_PAUSE_MS
    served.loop._upkeep.run_when_due(idle=idle)
    return log_of(served.store).stat().st_size


def test_the_log_grows_in_pauses_in_steps_and_not_while_a_request_waits(tmp_path: Path) -> None:
    clock = ManualClock(step_ms=0)
    with serving(tmp_path / "sim.db", clock=clock) as served:
        served.loop._upkeep.run_when_due(idle=True)
        sizes = [log_of(served.store).stat().st_size]
        sizes += [run_upkeep(served, clock, idle=False) for _ in range(3)]
        assert served.loop._upkeep.timeout_ms() is None  # not even a timer runs
        served.loop._upkeep.run_when_due(idle=True)
        sizes += [run_upkeep(served, clock, idle=idle) for idle in (True, True, False)]

        step = limits.WAL_ROOM_STEP_BYTES
        assert sizes == [0, 0, 0, 0, step, 2 * step, 2 * step]
        served.loop._upkeep.run_when_due(idle=True)
        assert served.loop._upkeep.timeout_ms() == limits.UPKEEP_PAUSE_MS
        run_upkeep(served, clock, idle=True)
        while served.loop._upkeep.timeout_ms() is not None:
            assert served.loop._upkeep.timeout_ms() == limits.UPKEEP_REST_MS
            size_bytes = run_upkeep(served, clock, idle=True)
        assert size_bytes == limits.WAL_ROOM_BYTES


def test_the_log_gets_room_again_after_it_was_emptied(tmp_path: Path) -> None:
    clock = ManualClock(step_ms=0)
    with serving(tmp_path / "sim.db", clock=clock) as served:
        served.send(save(1))
        upkeep = served.loop._upkeep
        while upkeep.timeout_ms() is not None:
            run_upkeep(served, clock, idle=True)
        served.store.checkpoint()  # as at the end of a purge, which nothing tells the upkeep

        upkeep.run_when_due(idle=True)
        assert upkeep.timeout_ms() == limits.UPKEEP_PAUSE_MS
        while upkeep.timeout_ms() is not None:
            size_bytes = run_upkeep(served, clock, idle=True)

        assert size_bytes == limits.WAL_ROOM_BYTES
