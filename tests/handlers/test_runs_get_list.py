"""`runs.get`, `list` and `delete`, and limits of `stats`: whole answers, refusals by code."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar import limits
from sidecar.errors import DatabaseDamaged, InvalidParams, NotFound
from sidecar.store import codec
from tests.harness import Bench, open_bench
from tests.made_runs import NOW, TwoHands, shown, start
from tests.made_workflows import save


@pytest.fixture
def clock() -> TwoHands:
    return TwoHands()


@pytest.fixture
def bench(tmp_path: Path, clock: TwoHands) -> Iterator[Bench]:
    with open_bench(tmp_path, clock) as opened:
        save(opened, "w1")
        save(opened, "w2")
        opened.told.clear()
        yield opened


# --- runs.get ---------------------------------------------------------------------------------


def test_get_reports_a_missing_run_and_a_damaged_summary(bench: Bench) -> None:
    start(bench)
    bench.call("runs.finish", id="r1", status="success", summary=[1])
    with bench.store.writing() as db:
        db.execute("UPDATE run_summaries SET data = x'00'")

    assert bench.refused(NotFound, "runs.get", id="unknown") == {"path": "$.params.id"}
    assert bench.refused(DatabaseDamaged, "runs.get", id="r1") == {}
    assert bench.call("runs.list")["items"][0]["id"] == "r1"


def test_a_summary_that_was_cut_without_quotes_is_answered_as_a_string(bench: Bench) -> None:
    start(bench)
    whole = "x" * (limits.SUMMARY_KEPT_BYTES + 1)
    bench.call("runs.finish", id="r1", status="success", summary=whole)
    cut = codec.pack(f'["{whole}'.encode()[: limits.SUMMARY_KEPT_BYTES])
    with bench.store.writing() as db:
        db.execute("UPDATE run_summaries SET data = ?, sha256 = ?", (cut.data, cut.sha256))

    run = bench.call("runs.get", id="r1")["run"]

    assert run["summary"] == f'["{whole}'[: limits.SUMMARY_KEPT_BYTES]
    assert run["summary_state"] == "truncated"


# --- runs.list --------------------------------------------------------------------------------


def some_runs(bench: Bench, clock: TwoHands) -> None:
    """Make four runs: a1 and b1 of one time, a2 with an error, a3 still running."""
    for run_id, workflow_id in (("a1", "w1"), ("b1", "w2")):
        start(bench, run_id, workflow_id)
        bench.call("runs.finish", id=run_id, status="success", summary=[run_id])
    clock.wait(10)
    bench.call("runs.start", workflow_id="w1", id="a2", trigger="cron")
    bench.call("runs.finish", id="a2", status="error", error_message="bad")
    clock.wait(10)
    start(bench, "a3")


def ids(page: dict[str, Any]) -> list[str]:
    return [item["id"] for item in page["items"]]


def test_a_list_shows_the_newest_first_without_summaries(bench: Bench, clock: TwoHands) -> None:
    some_runs(bench, clock)
    ended = {
        "completed_at": NOW,
        "duration_ms": 0,
        "status": "success",
        "summary_bytes": 6,
        "summary_state": "kept",
    }
    error = {"completed_at": NOW + 10, "duration_ms": 0, "status": "error"}

    assert bench.call("runs.list") == {
        "items": [
            shown("a3", started_at=NOW + 20),
            shown("a2", started_at=NOW + 10, error_message="bad", trigger="cron", **error),
            shown("b1", workflow_id="w2", **ended),
            shown("a1", **ended),
        ],
        "next_cursor": None,
        "total": None,
        "total_capped": False,
    }


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"workflow_id": "w1"}, ["a3", "a2", "a1"]),
    ({"workflow_id": "w2"}, ["b1"]),
    ({"statuses": ["success"]}, ["b1", "a1"]),
    ({"statuses": ["cancelled"]}, []),
    ({"statuses": []}, ["a3", "a2", "b1", "a1"]),
    ({"statuses": ["running", "success", "running"]}, ["a3", "b1", "a1"]),
    ({"workflow_id": "w1", "statuses": ["running"]}, ["a3"]),
    ({"workflow_id": "w1", "statuses": ["error", "success"]}, ["a2", "a1"]),
    ({"waiting": False, "interrupted": False}, ["a3", "a2", "b1", "a1"]),
    ({"waiting": True}, []),
    ({"interrupted": True}, []),
    ({"trigger": "cron"}, ["a2"]),
    ({"trigger": "none"}, []),
    ({"from_at": NOW + 10}, ["a3", "a2"]),
    ({"to_at": NOW + 10}, ["b1", "a1"]),
    ({"from_at": NOW + 10, "to_at": NOW + 20}, ["a2"]),
    ({"from_at": NOW + 20, "to_at": NOW + 10}, []),
    ({"to_at": 0}, []),
    ({"from_at": limits.SAFE_INTEGER_MAX}, []),
]


@pytest.mark.parametrize(("given", "found"), FILTERS)
def test_filters_are_half_open_in_time_and_can_be_combined(
    bench: Bench, clock: TwoHands, given: dict[str, Any], found: list[str]
) -> None:
    some_runs(bench, clock)

    assert ids(bench.call("runs.list", **given)) == found


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_pages_neither_miss_nor_repeat_runs_when_others_start_or_are_deleted(
    bench: Bench, clock: TwoHands, limit: int
) -> None:
    some_runs(bench, clock)

    page = bench.call("runs.list", limit=limit)
    found = ids(page)
    start(bench, "later")
    bench.call("runs.delete", id=found[-1])
    while page["next_cursor"] is not None:
        page = bench.call("runs.list", limit=limit, cursor=page["next_cursor"])
        found += ids(page)

    assert found == ["a3", "a2", "b1", "a1"]


def test_a_cursor_of_runs_is_refused_with_other_params(bench: Bench, clock: TwoHands) -> None:
    some_runs(bench, clock)
    cursor = bench.call("runs.list", statuses=["success"], limit=1)["next_cursor"]

    for other in ({}, {"statuses": ["error"]}, {"statuses": ["success"], "from_at": 1}):
        assert bench.refused(InvalidParams, "runs.list", cursor=cursor, **other) == {
            "path": "$.params.cursor"
        }
    assert bench.refused(InvalidParams, "runs.list", cursor="bm8", statuses=["success"]) == {
        "path": "$.params.cursor"
    }
    assert ids(bench.call("runs.list", statuses=["success"], limit=9, cursor=cursor)) == ["a1"]


def test_a_list_for_an_unknown_workflow_is_refused_and_one_without_runs_is_empty(
    bench: Bench,
) -> None:
    assert bench.refused(NotFound, "runs.list", workflow_id="unknown") == {
        "path": "$.params.workflow_id"
    }
    assert bench.call("runs.list", workflow_id="w2", total=True) == {
        "items": [],
        "next_cursor": None,
        "total": 0,
        "total_capped": False,
    }


def test_a_total_is_of_all_pages_and_stops_at_its_limit(
    bench: Bench, clock: TwoHands, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_runs(bench, clock)

    page = bench.call("runs.list", limit=1, total=True, statuses=["success", "error"])
    assert (page["total"], page["total_capped"]) == (3, False)
    monkeypatch.setattr(limits, "TOTAL_MAX", 2)
    page = bench.call("runs.list", limit=1, total=True, workflow_id="w1")
    assert (page["total"], page["total_capped"]) == (2, True)


@pytest.mark.parametrize("limit", [1, 2])
def test_pages_of_several_statuses_are_merged_in_time(
    bench: Bench, clock: TwoHands, limit: int
) -> None:
    some_runs(bench, clock)
    given: dict[str, Any] = {"statuses": ["running", "success", "error"], "limit": limit}

    page = bench.call("runs.list", **given)
    found = ids(page)
    while page["next_cursor"] is not None:
        page = bench.call("runs.list", cursor=page["next_cursor"], **given)
        found += ids(page)

    assert found == ["a3", "a2", "b1", "a1"]


@pytest.mark.parametrize("limit", [0, -1, limits.PAGE_MAX + 1])
def test_a_page_has_a_smallest_and_a_greatest_size(bench: Bench, limit: int) -> None:
    assert bench.refused(InvalidParams, "runs.list", limit=limit)["path"] == "$.params.limit"


# --- runs.delete ------------------------------------------------------------------------------


def test_a_deleted_run_leaves_no_summary_and_is_no_longer_counted(
    bench: Bench, clock: TwoHands
) -> None:
    some_runs(bench, clock)

    assert bench.call("runs.delete", id="a3") == {"id": "a3"}
    assert bench.call("runs.delete", id="a1") == {"id": "a1"}

    flow = bench.call("workflows.get", id="w1")["workflow"]
    assert (flow["run_count"], flow["last_run_at"]) == (1, NOW + 10)
    assert bench.rows("SELECT count(*) FROM run_summaries") == [(1,)]
    assert bench.refused(NotFound, "runs.delete", id="a1") == {"path": "$.params.id"}
    assert bench.refused(NotFound, "runs.finish", id="a3", status="error") == {
        "path": "$.params.id"
    }


def test_the_id_of_a_deleted_run_can_be_used_again(bench: Bench, clock: TwoHands) -> None:
    start(bench)
    clock.wait(100)
    bench.call("runs.delete", id="r1")

    assert start(bench)["created"]
    clock.wait(5)
    assert bench.call("runs.finish", id="r1", status="success")["duration_ms"] == 5


# --- runs.stats -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("durations", "p50_ms", "p95_ms"),
    [
        ([7], 7, 7),
        ([1, 9], 1, 9),
        ([1, 2, 3], 2, 3),
        (range(1, 21), 10, 19),
        (range(1, 101), 50, 95),
    ],
)
def test_a_percentile_is_the_least_duration_that_this_share_does_not_exceed(
    bench: Bench, clock: TwoHands, durations: list[int], p50_ms: int, p95_ms: int
) -> None:
    for number, duration_ms in enumerate(durations):
        start(bench, f"r{number}")
        clock.wait(duration_ms)
        bench.call("runs.finish", id=f"r{number}", status="success")

    result = bench.call("runs.stats")

    assert (result["p50_ms"], result["p95_ms"]) == (p50_ms, p95_ms)


def test_sums_end_at_the_largest_integer_that_a_client_reads_exactly(bench: Bench) -> None:
    for number in range(3):
        start(bench, f"r{number}")
    with bench.store.writing() as db:
        db.execute("UPDATE runs SET tokens_used = ?", (2**62,))
        db.execute("UPDATE runs SET status = 'error' WHERE id = 'r2'")

    result = bench.call("runs.stats")

    assert result["tokens_used"] == limits.SAFE_INTEGER_MAX
    assert result["days"] == [
        {
            "day": "2023-11-14",
            "runs": 3,
            "succeeded": 0,
            "failed": 1,
            "tokens_used": limits.SAFE_INTEGER_MAX,
        }
    ]


def test_a_time_beyond_the_calendar_is_its_last_day(bench: Bench) -> None:
    start(bench)
    with bench.store.writing() as db:
        db.execute("UPDATE runs SET started_at = ?", (limits.SAFE_INTEGER_MAX,))

    assert [day["day"] for day in bench.call("runs.stats")["days"]] == ["9999-12-31"]
