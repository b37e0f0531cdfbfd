"""`runs.start`, `progress` and `finish`: whole answers, refusals by code, limits."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar import limits
from sidecar.errors import Archived, Conflict, InvalidParams, NotFound, TooLarge
from tests.harness import Bench, open_bench
from tests.made_runs import NOW, TwoHands, get, shown, start
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


def test_a_run_gets_an_id_when_none_is_given(bench: Bench) -> None:
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


def test_a_start_that_is_refused_names_its_reason(bench: Bench) -> None:
    start(bench)
    bench.call("workflows.archive", id="w2")

    assert bench.refused(Conflict, "runs.start", workflow_id="w2", id="r1") == {
        "path": "$.params.id"
    }
    assert bench.refused(NotFound, "runs.start", workflow_id="unknown") == {
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


def test_progress_keeps_the_totals_that_it_does_not_set(bench: Bench) -> None:
    start(bench)

    result = bench.call("runs.progress", id="r1", blocks_executed=2, tokens_used=100)
    bench.call("runs.progress", id="r1", tokens_used=90, blocks_executed=None, api_calls_made=1)

    assert result == {"id": "r1", "status": "running"}
    assert get(bench) == shown(blocks_executed=2, tokens_used=90, api_calls_made=1, summary=None)


@pytest.mark.parametrize("count", [-1, 1.5, limits.SAFE_INTEGER_MAX + 1])
def test_a_total_is_a_whole_number_that_a_client_reads_exactly(bench: Bench, count: Any) -> None:
    start(bench)

    assert bench.refused(InvalidParams, "runs.progress", id="r1", tokens_used=count)["path"] == (
        "$.params.tokens_used"
    )
    bench.call("runs.progress", id="r1", tokens_used=limits.SAFE_INTEGER_MAX)
    assert get(bench)["tokens_used"] == limits.SAFE_INTEGER_MAX


def test_progress_of_a_run_that_is_not_running_is_refused(bench: Bench) -> None:
    start(bench)
    bench.call("runs.finish", id="r1", status="cancelled")

    assert bench.refused(NotFound, "runs.progress", id="unknown") == {"path": "$.params.id"}
    assert bench.refused(Conflict, "runs.progress", id="r1", tokens_used=1) == {
        "path": "$.params.id",
        "status": "cancelled",
    }
    assert get(bench)["tokens_used"] == 0


# --- runs.finish ------------------------------------------------------------------------------


def test_a_finished_run_has_every_value_of_its_finish(bench: Bench, clock: TwoHands) -> None:
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
        summary_bytes=15,
        summary={"out": [None]},
    )


@pytest.mark.parametrize(("wall_ms", "completed_ms"), [(-7000, 0), (0, 0), (90_000, 90_000)])
def test_setting_the_wall_clock_does_not_change_a_duration(
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
def test_of_a_summary_over_a_mebibyte_the_beginning_is_kept(
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
    assert (run["summary_truncated"], run["summary_bytes"]) == (truncated, len(body.encode()))
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


def test_a_finish_of_an_unknown_run_or_with_an_unknown_status_is_refused(bench: Bench) -> None:
    assert bench.refused(NotFound, "runs.finish", id="unknown", status="error") == {
        "path": "$.params.id"
    }
    assert bench.refused(InvalidParams, "runs.finish", id="r1", status="running") == {
        "path": "$.params.status"
    }


def test_an_error_message_has_a_greatest_length(bench: Bench) -> None:
    start(bench)
    most = "€" * limits.ERROR_MESSAGE_MAX_CHARS

    longer = {"id": "r1", "status": "error", "error_message": most + "x"}
    assert bench.refused(InvalidParams, "runs.finish", **longer)["path"] == (
        "$.params.error_message"
    )
    bench.call("runs.finish", id="r1", status="error", error_message=most)
    assert get(bench)["error_message"] == most


def test_a_run_of_a_process_that_died_ends_at_its_last_progress(
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
