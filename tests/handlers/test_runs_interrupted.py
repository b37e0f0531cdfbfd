"""Runs over the end of the process that recorded them: interrupted, taken up again, waiting."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sidecar import limits
from sidecar.catalog import CHORES
from sidecar.context import LongContext
from sidecar.errors import Conflict
from sidecar.notifications import RunsChanged
from sidecar.store.open_close import close_store, open_store
from tests.harness import Bench, open_bench
from tests.made_runs import NOW, TwoHands, get, shown, start
from tests.made_workflows import save

DAY_MS = 86_400_000


@pytest.fixture
def clock() -> TwoHands:
    return TwoHands()


@contextmanager
def first_process(folder: Path, clock: TwoHands) -> Iterator[Bench]:
    """Serve a database in which r1 runs, and let some time pass after its last progress."""
    with open_bench(folder, clock) as bench:
        save(bench, "w1")
        start(bench)
        clock.wait(400)
        bench.call("runs.progress", id="r1", tokens_used=3)
        yield bench
        clock.wait(90_000)


def changes(bench: Bench) -> list[tuple[str, str, str]]:
    """Return the runs.changed notifications since the last call, as (id, status, change)."""
    found: list[tuple[str, str, str]] = [
        (told.id, told.status, told.change) for told in bench.told if isinstance(told, RunsChanged)
    ]
    bench.told.clear()
    return found


def run_retention(bench: Bench) -> None:
    """Prune as the settings say."""
    CHORES["run_retention"].function(LongContext(bench.services, None, bench.tell))


INTERRUPTED: dict[str, Any] = {
    "status": "error",
    "interrupted": True,
    "completed_at": NOW + 400,
    "duration_ms": 400,
    "error_message": "interrupted",
    "tokens_used": 3,
}


def test_a_run_of_a_process_that_died_is_interrupted_at_its_last_progress(
    tmp_path: Path, clock: TwoHands
) -> None:
    with first_process(tmp_path, clock):
        pass

    with open_bench(tmp_path, clock) as bench:
        assert get(bench) == shown(**INTERRUPTED, summary=None)
        assert bench.call("runs.list", interrupted=True)["items"] == [shown(**INTERRUPTED)]
        assert bench.call("runs.list", workflow_id="w1")["items"] == [shown(**INTERRUPTED)]
        assert bench.call("runs.list", interrupted=False)["items"] == []
        assert start(bench) == {"run": shown(**INTERRUPTED), "created": False}


def test_a_message_alone_makes_no_run_interrupted(tmp_path: Path, clock: TwoHands) -> None:
    with open_bench(tmp_path, clock) as bench:
        save(bench, "w1")
        start(bench)
        bench.call("runs.finish", id="r1", status="error", error_message="interrupted")

        assert get(bench)["interrupted"] is False
        assert bench.call("runs.list", interrupted=True)["items"] == []


def test_a_finish_takes_an_interrupted_run_up_again_with_its_true_duration(
    tmp_path: Path, clock: TwoHands
) -> None:
    with first_process(tmp_path, clock):
        pass

    with open_bench(tmp_path, clock) as bench:
        ending = {"id": "r1", "status": "success", "summary": {"out": 1}}
        ended = bench.call("runs.finish", **ending)

        assert ended == {
            "id": "r1",
            "status": "success",
            "completed_at": NOW + 90_400,
            "duration_ms": 90_400,
            "message_truncated": False,
            "summary_state": "kept",
            "changed": True,
            "resumed": True,
        }
        assert bench.audited() == [("run_resume", "r1", {"workflow_id": "w1"})]
        assert changes(bench) == [("r1", "running", "resumed"), ("r1", "success", "finished")]
        assert bench.call("runs.finish", **ending) == {**ended, "changed": False, "resumed": False}
        run = get(bench)
        assert (run["interrupted"], run["error_message"], run["tokens_used"]) == (False, None, 3)
        assert bench.call("system.check", full=True)["findings"] == []


def test_progress_takes_an_interrupted_run_up_again(tmp_path: Path, clock: TwoHands) -> None:
    with first_process(tmp_path, clock):
        pass

    with open_bench(tmp_path, clock) as bench:
        told = bench.call("runs.progress", id="r1", tokens_used=9)

        assert told == {"id": "r1", "status": "running", "waiting": False, "resumed": True}
        assert bench.audited() == [("run_resume", "r1", {"workflow_id": "w1"})]
        assert changes(bench) == [("r1", "running", "resumed")]
        assert get(bench) == shown(tokens_used=9, summary=None)
        assert bench.call("runs.progress", id="r1")["resumed"] is False
        clock.wait(600)
        ended = bench.call("runs.finish", id="r1", status="error", error_message="late")
        assert (ended["duration_ms"], ended["resumed"]) == (91_000, False)


def test_a_run_that_ended_is_not_taken_up_again(tmp_path: Path, clock: TwoHands) -> None:
    with first_process(tmp_path, clock) as bench:
        bench.call("runs.finish", id="r1", status="error", error_message="bad")

    with open_bench(tmp_path, clock) as bench:
        bench.refused(Conflict, "runs.progress", id="r1")
        bench.refused(Conflict, "runs.finish", id="r1", status="success")
        assert bench.audited() == []


def test_a_waiting_run_goes_on_over_a_restart_and_its_duration_includes_the_wait(
    tmp_path: Path, clock: TwoHands
) -> None:
    with first_process(tmp_path, clock) as bench:
        assert bench.call("runs.progress", id="r1", waiting=True)["waiting"] is True
        assert bench.call("runs.progress", id="r1", tokens_used=4)["waiting"] is True

    with open_bench(tmp_path, clock) as bench:
        waits = shown(waiting=True, tokens_used=4)
        assert bench.call("runs.list", waiting=True)["items"] == [waits]
        assert bench.call("runs.list", waiting=False)["items"] == []
        ended = bench.call("runs.finish", id="r1", status="success")
        assert (ended["duration_ms"], ended["resumed"]) == (90_400, False)
        assert get(bench)["waiting"] is False


def test_a_wait_that_has_ended_is_interrupted_as_any_run(tmp_path: Path, clock: TwoHands) -> None:
    with first_process(tmp_path, clock) as bench:
        bench.call("runs.progress", id="r1", waiting=True)
        assert bench.call("runs.progress", id="r1", waiting=False)["waiting"] is False

    with open_bench(tmp_path, clock) as bench:
        assert get(bench)["interrupted"] is True


def test_an_interrupted_run_is_no_failure_in_the_figures(tmp_path: Path, clock: TwoHands) -> None:
    with first_process(tmp_path, clock) as bench:
        start(bench, "r2")
        bench.call("runs.finish", id="r2", status="success")

    with open_bench(tmp_path, clock) as bench:
        found = bench.call("runs.stats")

    assert (found["success_rate"], found["interrupted"]) == (1.0, 1)
    assert (found["p50_ms"], found["p95_ms"]) == (0, 0)
    assert found["by_status"] == {"running": 0, "success": 1, "error": 1, "cancelled": 0}
    assert found["days"] == [
        {"day": "2023-11-14", "runs": 2, "succeeded": 1, "failed": 0, "tokens_used": 3}
    ]


RETENTION = {"run_keep_days": 1, "run_keep_count": 1, "run_keep_bytes": 1}


@pytest.mark.parametrize("key", RETENTION)
def test_retention_spares_an_interrupted_run_for_seven_days(
    tmp_path: Path, clock: TwoHands, key: str
) -> None:
    with first_process(tmp_path, clock) as bench:
        bench.call("settings.set", key=key, value=RETENTION[key])
        clock.wait(30 * DAY_MS)

    with open_bench(tmp_path, clock) as bench:
        for run_id, passed_ms, left in (("a", 0, 1), ("b", 7 * DAY_MS - 1, 1), ("c", 1, 0)):
            clock.wait(passed_ms)
            start(bench, run_id)
            bench.call("runs.finish", id=run_id, status="success", summary=run_id)
            run_retention(bench)
            assert len(bench.call("runs.list", interrupted=True)["items"]) == left


def test_a_waiting_run_can_be_pruned_and_deleted(tmp_path: Path, clock: TwoHands) -> None:
    with first_process(tmp_path, clock) as bench:
        for run_id in ("r2", "r3"):
            start(bench, run_id)
            bench.call("runs.progress", id=run_id, waiting=True)
        bench.call("runs.delete", id="r2")
        assert bench.call("runs.prune", keep_last=0)["deleted"] == 1
        assert [run["id"] for run in bench.call("runs.list")["items"]] == ["r1"]


def test_a_restore_marks_the_runs_that_were_running_but_not_those_that_waited(
    tmp_path: Path, clock: TwoHands
) -> None:
    with first_process(tmp_path, clock) as bench:
        start(bench, "r2")
        bench.call("runs.progress", id="r2", waiting=True)
        name = bench.call("backups.create")["name"]
        bench.call("runs.finish", id="r1", status="error")

        bench.call("backups.restore", name=name)

        assert get(bench) == shown(**INTERRUPTED, summary=None)
        assert get(bench, "r2")["waiting"] is True
        clock.wait(600)
        ended = bench.call("runs.finish", id="r1", status="success")
        assert (ended["duration_ms"], ended["resumed"]) == (1000, True)


def test_the_ids_of_the_newest_interrupted_runs_are_known_at_the_start(
    tmp_path: Path, clock: TwoHands
) -> None:
    count = limits.READY_RUN_IDS_MAX + 1
    with open_bench(tmp_path, clock) as bench:
        save(bench, "w1")
        for number in range(count):
            start(bench, f"r{number}")
            clock.wait(1)

    opened = open_store(tmp_path / "test.db", clock)

    newest = [f"r{number}" for number in range(count - 1, 0, -1)]
    assert (opened.runs_interrupted, opened.interrupted_ids) == (count, newest)
    close_store(opened.store)


def test_every_change_to_a_run_is_told_with_the_newest_entry(
    tmp_path: Path, clock: TwoHands
) -> None:
    with open_bench(tmp_path, clock) as bench:
        save(bench, "w1")
        bench.told.clear()

        for run_id in ("r1", "r2", "r3"):
            start(bench, run_id)
        bench.call("runs.progress", id="r1")
        bench.call("runs.finish", id="r1", status="cancelled")
        bench.call("runs.delete_many", ids=["r3", "none"])
        bench.call("runs.prune", keep_last=0)

        told = [each for each in bench.told if isinstance(each, RunsChanged)]
        assert [(each.id, each.status, each.change, each.seq) for each in told] == [
            ("r1", "running", "started", 1),
            ("r2", "running", "started", 1),
            ("r3", "running", "started", 1),
            ("r1", "running", "progress", 1),
            ("r1", "cancelled", "finished", 1),
            ("r3", "running", "deleted", 2),
            ("r1", "cancelled", "deleted", 3),
        ]
