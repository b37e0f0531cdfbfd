"""`runs.pin` and `prune`, and the chores that prune by settings and empty the trash."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from sidecar import limits
from sidecar.catalog import CHORES, METHODS
from sidecar.context import Emitted, LongContext
from sidecar.errors import Cancelled, InvalidParams, NotFound
from sidecar.handlers.runs.prune import RunsPruneParams
from sidecar.handlers.runs.stats import RunsStatsParams
from tests.harness import Bench, ManualClock, NoSession, open_bench
from tests.made_workflows import add_runs

DAY_MS = 86_400_000
STARTED_AT = 1_700_000_000_000 // DAY_MS * DAY_MS  # 2023-11-14T00:00:00Z


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=STARTED_AT, step_ms=0)


@pytest.fixture
def bench(tmp_path: Path, clock: ManualClock) -> Iterator[Bench]:
    with open_bench(tmp_path, clock) as opened:
        for name in ("w1", "w2"):
            opened.call("workflows.save", workflow={"id": name, "name": name, "data": {}})
        opened.told.clear()
        yield opened


def run(
    bench: Bench, run_id: str, at_ms: int = STARTED_AT, workflow: str = "w1", **more: Any
) -> None:
    """Start a run at this time, and finish it unless its status is to be `running`."""
    assert isinstance(bench.clock, ManualClock)
    bench.clock.at_ms = at_ms
    bench.call("runs.start", id=run_id, workflow_id=workflow)
    status = more.pop("status", "success")
    if status != "running":
        bench.clock.at_ms += more.pop("took_ms", 10)
        bench.call("runs.finish", id=run_id, status=status, **more)


def remaining_ids(bench: Bench) -> list[str]:
    """Return the ids of all runs, oldest first."""
    return [item["id"] for item in bench.call("runs.list", limit=500)["items"]][::-1]


def run_chore(bench: Bench, name: str) -> None:
    """Run a chore as the loop does."""
    context = LongContext(bench.services, None, bench.tell)
    CHORES[name].function(context)
    bench.tell(context.take_emitted())


# --- runs.pin, runs.prune ---------------------------------------------------------------------


def test_pruning_by_age_spares_recent_running_and_pinned_runs(bench: Bench) -> None:
    run(bench, "old")
    run(bench, "pinned")
    run(bench, "running", status="running")
    run(bench, "young", STARTED_AT + 2 * DAY_MS)
    assert bench.call("runs.pin", id="pinned", pinned=True) == {"id": "pinned", "pinned": True}
    bench.told.clear()

    result = bench.call("runs.prune", older_than_ms=DAY_MS)

    assert (result["deleted"], result["reached_limit"]) == (1, False)
    assert sorted(remaining_ids(bench)) == ["pinned", "running", "young"]
    assert bench.audited() == [("run_prune", "runs", {"runs": 1})]
    assert bench.call("workflows.get", id="w1")["workflow"]["run_count"] == 3


def test_a_run_can_be_unpinned(bench: Bench) -> None:
    run(bench, "r")
    bench.call("runs.pin", id="r", pinned=True)
    bench.call("runs.pin", id="r", pinned=False)

    assert bench.call("runs.prune", keep_last=0)["deleted"] == 1
    with pytest.raises(NotFound):
        bench.call("runs.pin", id="r", pinned=True)


def test_pruning_by_count_keeps_the_newest_of_each_workflow(bench: Bench) -> None:
    for number in range(6):
        run(bench, f"a{number}", STARTED_AT + number)
        run(bench, f"b{number}", STARTED_AT + number, "w2")

    assert bench.call("runs.prune", keep_last=2)["deleted"] == 8

    assert sorted(remaining_ids(bench)) == ["a4", "a5", "b4", "b5"]


def test_runs_of_one_time_are_pruned_in_their_order(bench: Bench) -> None:
    for number in range(5):
        run(bench, f"r{number}")

    assert bench.call("runs.prune", keep_last=2)["deleted"] == 3
    assert remaining_ids(bench) == ["r3", "r4"]


def test_pruning_by_bytes_keeps_the_newest_that_fit(bench: Bench) -> None:
    noise = random.Random(1)
    for number in range(6):
        summary = noise.randbytes(5000).hex()
        run(bench, f"r{number}", STARTED_AT + number, summary=summary)
    stored = [row[0] for row in bench.rows("SELECT stored_bytes FROM runs ORDER BY started_at")]

    bench.call("runs.prune", max_bytes=sum(stored[-3:]))

    assert remaining_ids(bench) == ["r3", "r4", "r5"]
    assert bench.rows("SELECT count(*) FROM run_summaries") == [(3,)]


def test_pinned_runs_count_towards_the_bytes_and_stay(bench: Bench) -> None:
    noise = random.Random(1)
    for number, size_bytes in enumerate((20_000, 5000, 5000, 5000)):
        run(bench, f"r{number}", STARTED_AT + number, summary=noise.randbytes(size_bytes).hex())
    bench.call("runs.pin", id="r0", pinned=True)
    stored = [row[0] for row in bench.rows("SELECT stored_bytes FROM runs ORDER BY started_at")]

    bench.call("runs.prune", max_bytes=stored[0] + stored[3])

    assert remaining_ids(bench) == ["r0", "r3"]


def test_large_runs_are_deleted_in_more_steps(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DELETE_STEP_BYTES", 12_000)
    noise = random.Random(1)
    for number, size_bytes in enumerate((30_000, 5000, 5000, 5000, 100, 100)):
        run(bench, f"r{number}", STARTED_AT + number, summary=noise.randbytes(size_bytes).hex())
    bench.told.clear()

    result = bench.call("runs.prune", keep_last=0)

    assert [details["runs"] for _action, _resource, details in bench.audited()] == [1, 2, 3]
    file_bytes = bench.store.path.stat().st_size
    assert result["freed_bytes"] == result["before_bytes"] - file_bytes > 40_000
    assert (result["deleted"], result["after_bytes"]) == (6, file_bytes)


def test_a_run_is_pruned_when_any_criterion_names_it(bench: Bench) -> None:
    for number in range(4):
        run(bench, f"a{number}", STARTED_AT + number * DAY_MS)
    run(bench, "b", STARTED_AT + 3 * DAY_MS, "w2")

    result = bench.call("runs.prune", older_than_ms=2 * DAY_MS + 100, keep_last=1)

    assert result["deleted"] == 3
    assert sorted(remaining_ids(bench)) == ["a3", "b"]


def test_a_dry_run_counts_runs_and_deletes_none(bench: Bench) -> None:
    for number in range(4):
        run(bench, f"r{number}", STARTED_AT + number, summary={"n": number})
    bench.told.clear()

    result = bench.call("runs.prune", keep_last=1, dry_run=True)

    assert (result["deleted"], result["reached_limit"]) == (3, False)
    assert result["freed_bytes"] > 0
    assert len(remaining_ids(bench)) == 4
    assert bench.audited() == []


def test_a_prune_without_a_criterion_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidParams) as caught:
        bench.call("runs.prune", dry_run=True)

    assert caught.value.data["path"] == "$.params"


def test_stores_01_a_prune_returns_disk_space(bench: Bench) -> None:
    count = limits.PRUNE_BATCH * 2 + 10
    summary = random.Random(2).randbytes(3000).hex()
    for number in range(count):
        run(bench, f"r{number:05}", STARTED_AT + number, summary=summary)
    bench.store.checkpoint()
    before_bytes = bench.store.path.stat().st_size
    bench.told.clear()

    result = bench.call("runs.prune", keep_last=3)

    bench.store.checkpoint()
    assert result["deleted"] == count - 3
    assert [details["runs"] for _action, _resource, details in bench.audited()] == [
        limits.PRUNE_BATCH,
        limits.PRUNE_BATCH,
        7,
    ]
    assert bench.store.path.stat().st_size < before_bytes / 2
    assert result["freed_bytes"] == before_bytes - bench.store.path.stat().st_size
    assert bench.call("workflows.get", id="w1")["workflow"]["run_count"] == 3


def test_a_cancelled_prune_has_deleted_whole_steps(bench: Bench) -> None:
    for number in range(limits.PRUNE_BATCH + 5):
        run(bench, f"r{number}", STARTED_AT + number)
    bench.cancel_after_steps = 2

    with pytest.raises(Cancelled):
        bench.call("runs.prune", keep_last=0)

    remaining = len(remaining_ids(bench))
    assert remaining == bench.call("workflows.get", id="w1")["workflow"]["run_count"]
    assert bench.call("runs.prune", keep_last=0)["deleted"] == remaining


class RecordingSession(NoSession):
    """A session that records which chores were scheduled."""

    def __init__(self) -> None:
        """Begin with no chore."""
        self.chores: list[str] = []

    def schedule(self, chore: str, delay_ms: int, *, at_latest: bool = False) -> None:
        """Record the chore."""
        del delay_ms, at_latest
        self.chores.append(chore)


def test_runs_deleted_by_a_cancelled_prune_are_purged_too(bench: Bench) -> None:
    for number in range(limits.PRUNE_BATCH + 1):
        run(bench, f"r{number}", STARTED_AT + number)
    session = RecordingSession()

    def cancel_after_a_batch(emitted: list[Emitted]) -> None:
        if emitted:
            context.cancel_event.set()

    services = replace(bench.services, session=session)
    context = LongContext(services, 1, cancel_after_a_batch)

    with pytest.raises(Cancelled):
        METHODS["runs.prune"].function(context, RunsPruneParams(keep_last=0))

    assert len(remaining_ids(bench)) == 1
    assert session.chores == ["purge"]


@pytest.mark.parametrize(
    ("name", "params"),
    [("runs.stats", RunsStatsParams()), ("runs.prune", RunsPruneParams(max_bytes=1, dry_run=True))],
)
def test_stats_and_dry_runs_can_be_cancelled(bench: Bench, name: str, params: Any) -> None:
    add_runs(bench, "w1", 5000)
    context = LongContext(bench.services, 1, bench.tell)
    context.cancel_event.set()

    with pytest.raises(Cancelled):
        METHODS[name].function(context, params)


# --- by settings ------------------------------------------------------------------------------


def test_chores_delete_nothing_without_a_setting(bench: Bench) -> None:
    run(bench, "r")
    bench.call("workflows.archive", id="w2")
    assert isinstance(bench.clock, ManualClock)
    bench.clock.at_ms += 1000 * DAY_MS

    for name in ("run_retention", "trash", "revisions"):
        run_chore(bench, name)

    assert remaining_ids(bench) == ["r"]
    assert bench.call("workflows.list", archived=True)["items"]


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("run_keep_days", 2, ["r2", "r3"]),
        ("run_keep_count", 1, ["r3"]),
        ("run_keep_bytes", 1, []),
    ],
)
def test_a_setting_makes_the_chore_prune_and_log_it(
    bench: Bench, key: str, value: int, kept: list[str]
) -> None:
    for number in range(4):
        run(bench, f"r{number}", STARTED_AT + number * DAY_MS, summary={"n": number})
    bench.call("settings.set", key=key, value=value)
    bench.told.clear()

    run_chore(bench, "run_retention")

    assert remaining_ids(bench) == kept
    assert bench.audited() == [("run_prune", "runs", {"runs": 4 - len(kept), "by": "timer"})]


@pytest.mark.parametrize("value", [-1, 1.5, 10**9, "10", None])
def test_a_setting_of_retention_is_a_number_in_bounds(bench: Bench, value: Any) -> None:
    with pytest.raises(InvalidParams):
        bench.call("settings.set", key="run_keep_days", value=value)
