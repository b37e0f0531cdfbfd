"""Tests of the methods of the process and of the check; store/test_checks.py tests its findings."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

import sidecar
import sidecar.handlers.every
from sidecar import limits, process
from sidecar.context import MethodLatency
from sidecar.errors import Cancelled
from sidecar.notifications import Progress
from sidecar.store import codec
from sidecar.store.interrupt import interruptible
from sidecar.store.repair import checks
from sidecar.store.search import indexes
from tests.harness import Bench, NoSession, open_bench
from tests.made_workflows import add_runs, save
from tests.store.still_clock import SteadyClock


class Served(NoSession):
    """A session with fixed answers that records the calls of `stop`."""

    def __init__(self) -> None:
        self.stopped: list[str] = []

    def stop(self, reason: str) -> None:
        """Record the reason."""
        self.stopped.append(reason)

    def latencies(self) -> list[MethodLatency]:
        """Return the latencies of two methods."""
        return [MethodLatency("a.b", 3, 1, 20, 90), MethodLatency("c.d", 1, 0, 5, 5)]

    def facts(self) -> dict[str, object]:
        """Return facts as the loop does."""
        return {"pid": 7, "started_at": 1000, "database": "/somewhere/my.db"}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        opened.context.session = Served()
        yield opened


# --- ping, info, shutdown ---------------------------------------------------------------------


def test_ping_returns_the_time_without_the_database(bench: Bench) -> None:
    bench.store.db.close()
    at = bench.clock.now_ms()

    assert bench.call("system.ping") == {"at": at + 1}
    bench.store.reopen()


def test_info_returns_versions_places_pragmas_and_limits(bench: Bench) -> None:
    result = bench.call("system.info")

    assert result == {
        "version": sidecar.__version__,
        "protocol_version": "1.0",
        "schema_version": bench.rows("PRAGMA user_version")[0][0],
        "database": "/somewhere/my.db",
        "pid": 7,
        "started_at": 1000,
        "python": "{}.{}.{}".format(*sys.version_info),
        "sqlite": apsw.sqlite_lib_version(),
        "platform": sys.platform,
        "pragmas": {
            "journal_mode": "wal",
            "foreign_keys": 1,
            "secure_delete": 1,
            "cache_size": -limits.CACHE_SHARED_KIB,
            "temp_store": 2,
            "synchronous": 2,
            "auto_vacuum": 2,
            "trusted_schema": 0,
            "cell_size_check": 1,
        },
        "limits": limits.PUBLISHED,
        "secrets": "uninitialized",
        "indexing": None,
    }


def test_info_shows_a_pragma_as_the_live_connection_has_it(bench: Bench) -> None:
    bench.store.db.execute("PRAGMA cache_size = -123").fetchall()

    assert bench.call("system.info")["pragmas"]["cache_size"] == -123


def test_shutdown_asks_the_process_to_end(bench: Bench) -> None:
    session = Served()
    bench.context.session = session

    assert bench.call("system.shutdown") == {}
    assert session.stopped == ["shutdown"]


# --- stats ------------------------------------------------------------------------------------

BODY = b'{"nodes":[1,2,3],"text":"' + b"x" * 500 + b'"}'


def test_stats_of_an_empty_database_are_zero(bench: Bench) -> None:
    result = bench.call("system.stats")

    counted = ("workflows", "archived", "revisions", "runs", "audit_entries", "body_bytes")
    assert [result[name] for name in counted] == [0] * 6
    assert (result["stored_bytes"], result["compression_ratio"]) == (0, 0.0)
    assert result["purge_pending"] is False


def test_stats_count_what_was_stored(bench: Bench) -> None:
    """3 workflows are left, 1 archived and 1 deleted with 2 of 5 runs; 9 acts were logged."""
    for name in "abcde":
        bench.call_json(
            "workflows.save",
            b'{"workflow":{"id":"%b","name":"n","data":%b}}' % (name.encode(), BODY),
        )
    bench.call("workflows.update", id="a", name="renamed")
    bench.call("workflows.update", id="a", name="renamed again")
    for number, owner in enumerate("aabee"):
        bench.call("runs.start", id=f"r{number}", workflow_id=owner)
    bench.call("workflows.archive", id="d")
    bench.call("workflows.delete", id="e")

    result = bench.call("system.stats")

    stored = 4 * len(codec.pack(BODY).data)
    assert {name: result[name] for name in list(result)[:5]} == {
        "workflows": 3,
        "archived": 1,
        "revisions": 2,
        "runs": 3,
        "audit_entries": 9,
    }
    assert (result["body_bytes"], result["stored_bytes"]) == (4 * len(BODY), stored)
    assert result["compression_ratio"] == round(stored / (4 * len(BODY)), 4)
    assert result["purge_pending"] is True


def test_stats_report_how_the_files_bytes_are_used(bench: Bench) -> None:
    save(bench, "big", data=["x" * 50 for _ in range(20_000)])
    bench.store.checkpoint()
    full = bench.call("system.stats")
    bench.call("workflows.delete", id="big")
    emptied = bench.call("system.stats")
    wal = bench.store.path.with_name("test.db-wal").stat().st_size
    bench.store.checkpoint()
    after = bench.call("system.stats")

    size_bytes = bench.store.path.stat().st_size
    assert full["live_bytes"] + full["free_bytes"] == size_bytes
    assert full["wal_bytes"] == after["wal_bytes"] == 0
    assert emptied["wal_bytes"] == wal > 0
    assert after["live_bytes"] + after["free_bytes"] == size_bytes
    assert after["live_bytes"] < full["live_bytes"]
    assert after["free_bytes"] > full["free_bytes"]


def test_stats_list_the_methods_called(bench: Bench) -> None:
    assert bench.call("system.stats")["methods"] == [
        {"method": "a.b", "calls": 3, "errors": 1, "p50_us": 20, "p99_us": 90},
        {"method": "c.d", "calls": 1, "errors": 0, "p50_us": 5, "p99_us": 5},
    ]


def open_descriptors() -> int:
    """Count the open descriptors one by one, without the folder that lists them."""
    count = 0
    for descriptor in range(4096):
        try:
            os.fstat(descriptor)
        except OSError:
            continue
        count += 1
    return count


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not report it")
def test_descriptors_are_those_that_are_open(tmp_path: Path) -> None:
    before = process.usage().descriptors
    assert before == open_descriptors()

    with (tmp_path / "file").open("wb"):
        assert process.usage().descriptors == before + 1


@pytest.mark.skipif(sys.platform != "linux", reason="a current figure is Linux's alone")
def test_resident_bytes_grow_with_what_is_used() -> None:
    before = process.usage().resident_bytes
    block = bytearray(os.urandom(1)) * (64 * limits.MIB)

    grown = process.usage().resident_bytes - before
    assert 0.9 * len(block) < grown < 1.5 * len(block)


# --- check ------------------------------------------------------------------------------------

CHECKED = {"workflows": 3, "revisions": 0, "summaries": 1, "audit_entries": 3}


def fill(bench: Bench) -> None:
    """Store some of everything that the check counts."""
    for name in ("w1", "w2", "w3"):
        save(bench, name)
    bench.call("runs.start", id="r1", workflow_id="w1")
    bench.call("runs.finish", id="r1", status="success", summary={"rows": 3})
    bench.told.clear()


def progress(bench: Bench) -> list[Progress]:
    """Return the progress that was reported."""
    return [each for each in bench.told if isinstance(each, Progress)]


def test_progress_rises_to_the_whole(tmp_path: Path) -> None:
    with open_bench(tmp_path, SteadyClock()) as bench:
        fill(bench)
        bench.call("system.check", full=True)

        reported = progress(bench)
        done = [each.done for each in reported]
        assert done == sorted(done)
        assert (done[0], done[-1]) == (0, sum(CHECKED.values()))
        assert len(set(done)) > len(CHECKED)
        assert {(each.phase, each.total, each.unit) for each in reported} == {
            ("check", sum(CHECKED.values()), "rows")
        }


@pytest.mark.parametrize("steps", [1, 4, 8])
def test_a_check_that_is_cancelled_stops_and_leaves_no_trace(tmp_path: Path, steps: int) -> None:
    with open_bench(tmp_path, SteadyClock()) as bench:
        fill(bench)
        bench.store.db.execute("UPDATE workflows SET run_count = 9")
        bench.cancel_after_steps = steps

        with pytest.raises(Cancelled):
            bench.call("system.check", full=True)
        assert bench.audited() == []
        assert bench.store.lock.acquire(blocking=False)


def test_a_cancel_reaches_into_a_statement(bench: Bench) -> None:
    """SQLite's own check of many rows is one statement, which a cancel must interrupt."""
    save(bench, "w1")
    add_runs(bench, "w1", 5000)
    calls = 0

    def is_cancelled() -> bool:
        nonlocal calls
        calls += 1
        return calls == 2

    with (
        bench.store.reader() as db,
        pytest.raises(Cancelled),
        interruptible(db, is_cancelled),
    ):
        list(checks.structure(db, full=True))
    assert calls == 2
    bench.cancel_after_steps = 1
    with pytest.raises(Cancelled):
        bench.call("system.check", full=True)


def test_no_more_findings_are_answered_than_can_be_read(bench: Bench) -> None:
    save(bench, "w1")
    bench.told.clear()
    many = limits.FINDINGS_MAX + 1
    with bench.store.writing() as db:
        db.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO runs (id, workflow, revision, status, started_at, seen_at,"
            " summary_bytes) SELECT 'lost-' || i, 1, 1, 'success', 1, 1, 1 FROM n",
            (many,),
        )
        db.execute("UPDATE workflows SET run_count = ?, last_run_at = 1 WHERE rid = 1", (many,))

    result = bench.call("system.check")

    assert len(result["findings"]) == limits.FINDINGS_MAX
    assert bench.audited()[0][2] == {"findings": many}


def test_info_tells_how_far_the_search_indexes_have_got(bench: Bench) -> None:
    for number in range(3):
        save(bench, f"w{number}")

    before = bench.call("system.info")["indexing"]
    while indexes.update_step(bench.store):
        pass

    assert before == {"done": 0, "total": 3}
    assert bench.call("system.info")["indexing"] is None
