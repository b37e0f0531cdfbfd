"""runs.start, progress, finish, get, list and delete: answers whole, refusals by code, edges."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar import limits
from sidecar.errors import (
    Archived,
    Conflict,
    DatabaseDamaged,
    InvalidParams,
    NotFound,
    TooLarge,
)
from tests.harness import Bench, ManualClock, open_bench
from tests.workflow_kit import save

NOW = 1_700_000_000_000


class TwoHands(ManualClock):
    """A clock whose wall time can be set apart from the time that has passed."""

    def __init__(self) -> None:
        """Stand still at NOW."""
        super().__init__(NOW, step_ms=0)
        self.passed_ms = 0.0

    def monotonic_ms(self) -> float:
        """What has passed."""
        return self.passed_ms

    def wait(self, passed_ms: float, wall_ms: int | None = None) -> None:
        """Let time pass; the wall clock shows as much unless it is said otherwise."""
        self.passed_ms += passed_ms
        self.at_ms += round(passed_ms) if wall_ms is None else wall_ms


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


def shown(run_id: str = "r1", **more: Any) -> dict[str, Any]:
    """A run of w1 that has just begun, as a list shows it, but for what is given."""
    return {
        "id": run_id,
        "workflow_id": "w1",
        "revision": 1,
        "status": "running",
        "started_at": NOW,
        "completed_at": None,
        "duration_ms": None,
        "summary_truncated": False,
        "error_message": None,
        "blocks_executed": 0,
        "tokens_used": 0,
        "api_calls_made": 0,
        "pinned": False,
        **more,
    }


def start(bench: Bench, run_id: str = "r1", workflow_id: str = "w1") -> dict[str, Any]:
    return bench.call("runs.start", workflow_id=workflow_id, id=run_id)


def get(bench: Bench, run_id: str = "r1") -> dict[str, Any]:
    found: dict[str, Any] = bench.call("runs.get", id=run_id)["run"]
    return found


# --- runs.start -------------------------------------------------------------------------------


def test_a_started_run_has_the_revision_of_that_moment(bench: Bench) -> None:
    save(bench, "w1", data=[2])

    started = start(bench)
    save(bench, "w1", data=[3])

    assert started == {
        "id": "r1",
        "workflow_id": "w1",
        "revision": 2,
        "started_at": NOW,
        "created": True,
    }
    assert get(bench) == shown(revision=2, summary=None)


def test_an_id_is_made_where_none_is_given(bench: Bench) -> None:
    made = bench.call("runs.start", workflow_id="w1")["id"]

    assert made == "made-1"
    assert get(bench, made) == shown(made, summary=None)


def test_a_start_is_repeated_even_when_the_run_has_ended_or_its_workflow_is_archived(
    bench: Bench,
) -> None:
    first = start(bench)
    bench.call("runs.finish", id="r1", status="success")
    bench.call("workflows.archive", id="w1")

    assert start(bench) == {**first, "created": False}
    assert get(bench)["status"] == "success"


def test_what_cannot_start_says_why(bench: Bench) -> None:
    start(bench)
    bench.call("workflows.archive", id="w2")

    assert bench.refused(Conflict, "runs.start", workflow_id="w2", id="r1") == {
        "path": "$.params.id"
    }
    assert bench.refused(NotFound, "runs.start", workflow_id="nobody") == {
        "path": "$.params.workflow_id"
    }
    assert bench.refused(Archived, "runs.start", workflow_id="w2") == {
        "path": "$.params.workflow_id"
    }


@pytest.mark.parametrize("run_id", ["x", "x" * limits.ID_TEXT_MAX_CHARS, "名前 🎈\n"])
def test_any_short_text_is_an_id(bench: Bench, run_id: str) -> None:
    assert start(bench, run_id)["id"] == run_id
    assert get(bench, run_id) == shown(run_id, summary=None)


@pytest.mark.parametrize("run_id", ["", "x" * (limits.ID_TEXT_MAX_CHARS + 1), 7])
def test_other_ids_are_refused(bench: Bench, run_id: Any) -> None:
    assert bench.refused(InvalidParams, "runs.start", workflow_id="w1", id=run_id)["path"] == (
        "$.params.id"
    )


# --- runs.progress ----------------------------------------------------------------------------


def test_progress_keeps_the_totals_that_it_is_not_told(bench: Bench) -> None:
    start(bench)

    told = bench.call("runs.progress", id="r1", blocks_executed=2, tokens_used=100)
    bench.call("runs.progress", id="r1", tokens_used=90, blocks_executed=None, api_calls_made=1)

    assert told == {"id": "r1", "status": "running"}
    assert get(bench) == shown(blocks_executed=2, tokens_used=90, api_calls_made=1, summary=None)


@pytest.mark.parametrize("count", [-1, 1.5, limits.SAFE_INTEGER_MAX + 1])
def test_a_total_is_a_whole_number_that_a_client_reads_exactly(bench: Bench, count: Any) -> None:
    start(bench)

    assert bench.refused(InvalidParams, "runs.progress", id="r1", tokens_used=count)["path"] == (
        "$.params.tokens_used"
    )
    bench.call("runs.progress", id="r1", tokens_used=limits.SAFE_INTEGER_MAX)
    assert get(bench)["tokens_used"] == limits.SAFE_INTEGER_MAX


def test_progress_of_what_does_not_run_is_refused(bench: Bench) -> None:
    start(bench)
    bench.call("runs.finish", id="r1", status="cancelled")

    assert bench.refused(NotFound, "runs.progress", id="nobody") == {"path": "$.params.id"}
    assert bench.refused(Conflict, "runs.progress", id="r1", tokens_used=1) == {
        "path": "$.params.id",
        "status": "cancelled",
    }
    assert get(bench)["tokens_used"] == 0


# --- runs.finish ------------------------------------------------------------------------------


def test_a_run_ends_with_all_that_is_told_of_it(bench: Bench, clock: TwoHands) -> None:
    start(bench)
    bench.call("runs.progress", id="r1", tokens_used=5, blocks_executed=1)
    clock.wait(1500.4)

    ended = bench.call(
        "runs.finish",
        id="r1",
        status="error",
        error_message="no route",
        summary={"out": [None]},
        tokens_used=9,
        api_calls_made=3,
    )

    assert ended == {
        "id": "r1",
        "status": "error",
        "completed_at": NOW + 1500,
        "duration_ms": 1500,
        "changed": True,
    }
    assert get(bench) == shown(
        status="error",
        completed_at=NOW + 1500,
        duration_ms=1500,
        error_message="no route",
        blocks_executed=1,
        tokens_used=9,
        api_calls_made=3,
        summary={"out": [None]},
    )


@pytest.mark.parametrize(("wall_ms", "completed_ms"), [(-7000, 0), (0, 0), (90_000, 90_000)])
def test_a_clock_that_is_set_does_not_change_how_long_it_took(
    bench: Bench, clock: TwoHands, wall_ms: int, completed_ms: int
) -> None:
    start(bench)
    clock.wait(250, wall_ms)

    ended = bench.call("runs.finish", id="r1", status="success")

    assert (ended["completed_at"], ended["duration_ms"]) == (NOW + completed_ms, 250)


def test_a_summary_comes_back_byte_for_byte(bench: Bench) -> None:
    start(bench)
    bench.call_json(
        "runs.finish", b'{"id":"r1","status":"success","summary":{"n" : 1.50,"big":1e400}}'
    )

    assert b'"summary":{"n" : 1.50,"big":1e400}}' in bench.call_raw("runs.get", b'{"id":"r1"}')


@pytest.mark.parametrize("given", [{}, {"summary": None}])
def test_null_is_no_summary(bench: Bench, given: dict[str, Any]) -> None:
    start(bench)
    bench.call("runs.finish", id="r1", status="success", **given)

    assert get(bench)["summary"] is None
    assert bench.rows("SELECT count(*) FROM run_summaries") == [(0,)]
    assert not bench.call("runs.finish", id="r1", status="success")["changed"]


@pytest.mark.parametrize(("more_bytes", "truncated"), [(0, False), (1, True)])
def test_over_a_mebibyte_the_beginning_of_a_summary_is_kept(
    bench: Bench, *, more_bytes: int, truncated: bool
) -> None:
    start(bench)
    text = "é" * ((limits.SUMMARY_KEPT_BYTES - 2) // 2)
    body = json.dumps(text + "x" * more_bytes, ensure_ascii=False)
    assert len(body.encode()) == limits.SUMMARY_KEPT_BYTES + more_bytes
    params = f'{{"id":"r1","status":"success","summary":{body}}}'.encode()

    first = bench.call_json("runs.finish", params)
    again = bench.call_json("runs.finish", params)

    assert (first["changed"], again) == (True, {**first, "changed": False})
    run = get(bench)
    assert run["summary_truncated"] is truncated
    assert run["summary"] == (body.encode()[: -1 * more_bytes].decode() if truncated else text)


def test_a_summary_over_the_limit_leaves_the_run_running(bench: Bench) -> None:
    start(bench)
    body = "x" * (limits.SUMMARY_MAX_BYTES - 1)

    assert bench.refused(TooLarge, "runs.finish", id="r1", status="success", summary=body) == {
        "path": "$.params.summary",
        "limit": limits.SUMMARY_MAX_BYTES,
    }
    assert get(bench)["status"] == "running"
    assert bench.call("runs.finish", id="r1", status="success", summary=body[1:])["changed"]


OTHER_ENDS: dict[str, dict[str, Any]] = {
    "status": {"status": "error"},
    "summary": {"summary": [2]},
    "no summary": {"summary": None},
    "message": {"error_message": "late"},
    "total": {"tokens_used": 8},
}


@pytest.mark.parametrize("other", OTHER_ENDS.values(), ids=OTHER_ENDS)
def test_a_run_ends_once(bench: Bench, clock: TwoHands, other: dict[str, Any]) -> None:
    start(bench)
    ending = {"id": "r1", "status": "success", "summary": [1], "tokens_used": 7}
    first = bench.call("runs.finish", **ending)
    clock.wait(1000)
    before = get(bench)

    assert bench.call("runs.finish", **ending) == {**first, "changed": False}
    assert bench.refused(Conflict, "runs.finish", **{**ending, **other}) == {
        "path": "$.params.id",
        "status": "success",
    }
    assert get(bench) == before


def test_nobody_cannot_end(bench: Bench) -> None:
    assert bench.refused(NotFound, "runs.finish", id="nobody", status="error") == {
        "path": "$.params.id"
    }
    assert bench.refused(InvalidParams, "runs.finish", id="r1", status="running") == {
        "path": "$.params.status"
    }


def test_an_error_message_may_be_so_long(bench: Bench) -> None:
    start(bench)
    most = "€" * limits.ERROR_MESSAGE_MAX_CHARS

    longer = {"id": "r1", "status": "error", "error_message": most + "x"}
    assert bench.refused(InvalidParams, "runs.finish", **longer)["path"] == (
        "$.params.error_message"
    )
    bench.call("runs.finish", id="r1", status="error", error_message=most)
    assert get(bench)["error_message"] == most


def test_a_run_whose_process_died_ended_at_its_last_sign_of_life(
    tmp_path: Path, clock: TwoHands
) -> None:
    with open_bench(tmp_path, clock) as bench:
        save(bench, "w1")
        start(bench)
        clock.wait(400)
        bench.call("runs.progress", id="r1", tokens_used=3)
        clock.wait(90_000)
    with open_bench(tmp_path, clock) as bench:
        assert get(bench) == shown(
            status="error",
            completed_at=NOW + 400,
            duration_ms=400,
            error_message="interrupted",
            tokens_used=3,
            summary=None,
        )


# --- runs.get ---------------------------------------------------------------------------------


def test_get_tells_what_is_not_there_or_damaged(bench: Bench) -> None:
    start(bench)
    bench.call("runs.finish", id="r1", status="success", summary=[1])
    with bench.store.writing() as db:
        db.execute("UPDATE run_summaries SET data = x'00'")

    assert bench.refused(NotFound, "runs.get", id="nobody") == {"path": "$.params.id"}
    assert bench.refused(DatabaseDamaged, "runs.get", id="r1") == {}
    assert bench.call("runs.list")["items"][0]["id"] == "r1"


# --- runs.list --------------------------------------------------------------------------------


def some_runs(bench: Bench, clock: TwoHands) -> None:
    """a1 and b1 of one moment, a2 an error, a3 still running."""
    for run_id, workflow_id in (("a1", "w1"), ("b1", "w2")):
        start(bench, run_id, workflow_id)
        bench.call("runs.finish", id=run_id, status="success", summary=[run_id])
    clock.wait(10)
    start(bench, "a2")
    bench.call("runs.finish", id="a2", status="error", error_message="bad")
    clock.wait(10)
    start(bench, "a3")


def ids(page: dict[str, Any]) -> list[str]:
    return [item["id"] for item in page["items"]]


def test_a_list_shows_the_newest_first_without_summaries(bench: Bench, clock: TwoHands) -> None:
    some_runs(bench, clock)
    ended = {"completed_at": NOW, "duration_ms": 0, "status": "success"}
    error = {"completed_at": NOW + 10, "duration_ms": 0, "status": "error"}

    assert bench.call("runs.list") == {
        "items": [
            shown("a3", started_at=NOW + 20),
            shown("a2", started_at=NOW + 10, error_message="bad", **error),
            shown("b1", workflow_id="w2", **ended),
            shown("a1", **ended),
        ],
        "next_cursor": None,
    }


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"workflow_id": "w1"}, ["a3", "a2", "a1"]),
    ({"workflow_id": "w2"}, ["b1"]),
    ({"status": "success"}, ["b1", "a1"]),
    ({"status": "cancelled"}, []),
    ({"workflow_id": "w1", "status": "running"}, ["a3"]),
    ({"from_at": NOW + 10}, ["a3", "a2"]),
    ({"to_at": NOW + 10}, ["b1", "a1"]),
    ({"from_at": NOW + 10, "to_at": NOW + 20}, ["a2"]),
    ({"from_at": NOW + 20, "to_at": NOW + 10}, []),
    ({"to_at": 0}, []),
    ({"from_at": limits.SAFE_INTEGER_MAX}, []),
]


@pytest.mark.parametrize(("given", "found"), FILTERS)
def test_filters_are_half_open_in_time_and_hold_together(
    bench: Bench, clock: TwoHands, given: dict[str, Any], found: list[str]
) -> None:
    some_runs(bench, clock)

    assert ids(bench.call("runs.list", **given)) == found


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_pages_join_without_gap_or_repeat_whatever_is_begun_or_deleted_between(
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


def test_a_cursor_goes_with_its_own_params_only(bench: Bench, clock: TwoHands) -> None:
    some_runs(bench, clock)
    cursor = bench.call("runs.list", status="success", limit=1)["next_cursor"]

    for other in ({}, {"status": "error"}, {"status": "success", "from_at": 1}):
        assert bench.refused(InvalidParams, "runs.list", cursor=cursor, **other) == {
            "path": "$.params.cursor"
        }
    assert bench.refused(InvalidParams, "runs.list", cursor="bm8", status="success") == {
        "path": "$.params.cursor"
    }
    assert ids(bench.call("runs.list", status="success", limit=9, cursor=cursor)) == ["a1"]


def test_a_list_of_nobody_is_refused_and_one_without_runs_is_empty(bench: Bench) -> None:
    assert bench.refused(NotFound, "runs.list", workflow_id="nobody") == {
        "path": "$.params.workflow_id"
    }
    assert bench.call("runs.list", workflow_id="w2") == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("limit", [0, -1, limits.PAGE_MAX + 1])
def test_a_page_has_from_one_to_so_many(bench: Bench, limit: int) -> None:
    assert bench.refused(InvalidParams, "runs.list", limit=limit)["path"] == "$.params.limit"


# --- runs.delete ------------------------------------------------------------------------------


def test_a_deleted_run_leaves_no_summary_and_is_counted_no_more(
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


def test_an_id_that_was_deleted_can_run_anew(bench: Bench, clock: TwoHands) -> None:
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
def test_a_percentile_is_the_least_duration_that_so_many_do_not_exceed(
    bench: Bench, clock: TwoHands, durations: list[int], p50_ms: int, p95_ms: int
) -> None:
    for number, duration_ms in enumerate(durations):
        start(bench, f"r{number}")
        clock.wait(duration_ms)
        bench.call("runs.finish", id=f"r{number}", status="success")

    told = bench.call("runs.stats")

    assert (told["p50_ms"], told["p95_ms"]) == (p50_ms, p95_ms)


def test_figures_end_at_what_a_client_reads_exactly(bench: Bench) -> None:
    for number in range(3):
        start(bench, f"r{number}")
    with bench.store.writing() as db:
        db.execute("UPDATE runs SET tokens_used = ?", (2**62,))
        db.execute("UPDATE runs SET status = 'error' WHERE id = 'r2'")

    told = bench.call("runs.stats")

    assert told["tokens_used"] == limits.SAFE_INTEGER_MAX
    assert told["days"] == [
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
