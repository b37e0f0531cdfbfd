"""`runs.start`, `progress` and `finish`: whole answers, refusals by code, limits."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar import limits
from sidecar.errors import Archived, Conflict, InvalidParams, NotFound
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

    assert started == {"run": shown(revision=2), "created": True}
    assert get(bench) == shown(revision=2, summary=None)


def test_a_run_gets_an_id_when_none_is_given(bench: Bench) -> None:
    made = bench.call("runs.start", workflow_id="w1")["run"]["id"]

    assert made == "made-1"
    assert get(bench, made) == shown(made, summary=None)


def test_a_start_is_repeated_even_when_the_run_has_ended_or_its_workflow_is_archived(
    bench: Bench,
) -> None:
    start(bench)
    bench.call("runs.finish", id="r1", status="success")
    bench.call("workflows.archive", id="w1")

    ended = shown(status="success", completed_at=NOW, duration_ms=0)
    assert start(bench) == {"run": ended, "created": False}


def test_a_start_takes_the_time_the_revision_and_the_trigger_that_are_given(
    bench: Bench, clock: TwoHands
) -> None:
    save(bench, "w1", data=[2])

    started = bench.call(
        "runs.start", workflow_id="w1", id="r1", started_at=NOW - 900, revision=1, trigger="cron"
    )
    clock.wait(100)
    ended = bench.call("runs.finish", id="r1", status="success")

    assert started["run"] == shown(started_at=NOW - 900, revision=1, trigger="cron")
    assert (ended["completed_at"], ended["duration_ms"]) == (NOW + 100, 1000)
    assert bench.call("workflows.get", id="w1")["workflow"]["last_run_at"] == NOW - 900


def test_a_start_in_the_future_or_of_a_revision_to_come_is_refused(bench: Bench) -> None:
    assert bench.refused(InvalidParams, "runs.start", workflow_id="w1", started_at=NOW + 1) == {
        "path": "$.params.started_at"
    }
    assert bench.refused(NotFound, "runs.start", workflow_id="w1", revision=2) == {
        "path": "$.params.revision"
    }
    assert (
        bench.refused(InvalidParams, "runs.start", workflow_id="w1", trigger="x" * 65)["path"]
        == "$.params.trigger"
    )


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
    assert start(bench, run_id)["run"]["id"] == run_id
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

    assert result == {"id": "r1", "status": "running", "waiting": False, "resumed": False}
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
        "message_truncated": False,
        "summary_state": "kept",
        "changed": True,
        "resumed": False,
    }
    assert get(bench) == shown(
        status="error",
        completed_at=NOW + 1500,
        duration_ms=1500,
        error_message="no route",
        blocks_executed=1,
        tokens_used=9,
        api_calls_made=3,
        summary_state="kept",
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


@pytest.mark.parametrize(
    ("given", "ended"),
    [(NOW - 9000, NOW - 9000), (NOW - 20_000, NOW - 10_000), (NOW + 60_000, NOW), (None, NOW)],
)
def test_history_that_is_brought_in_has_the_end_that_is_given(
    bench: Bench, given: int | None, ended: int
) -> None:
    bench.call("runs.start", workflow_id="w1", id="r1", started_at=NOW - 10_000)

    answer = bench.call("runs.finish", id="r1", status="success", completed_at=given)

    assert answer["completed_at"] == get(bench)["completed_at"] == ended
    assert answer["duration_ms"] == ended - (NOW - 10_000)


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


@pytest.mark.parametrize(("more_bytes", "state"), [(0, "kept"), (1, "truncated")])
def test_of_a_summary_over_a_mebibyte_the_beginning_is_kept(
    bench: Bench, more_bytes: int, state: str
) -> None:
    start(bench)
    text = "é" * ((limits.SUMMARY_KEPT_BYTES - 2) // 2)
    body = json.dumps(text + "x" * more_bytes, ensure_ascii=False)
    assert len(body.encode()) == limits.SUMMARY_KEPT_BYTES + more_bytes
    params = f'{{"id":"r1","status":"success","summary":{body}}}'.encode()

    first = bench.call_json("runs.finish", params)
    again = bench.call_json("runs.finish", params)

    assert (first["changed"], again) == (True, {**first, "changed": False})
    assert first["summary_state"] == state
    run = get(bench)
    assert (run["summary_state"], run["summary_bytes"]) == (state, len(body.encode()))
    assert run["summary"] == (body.encode()[: -1 * more_bytes].decode() if more_bytes else text)


def test_a_summary_of_any_size_ends_the_run(bench: Bench) -> None:
    start(bench)
    body = "x" * (20 * limits.MIB)

    ended = bench.call("runs.finish", id="r1", status="success", summary=body)

    assert (ended["changed"], ended["summary_state"]) == (True, "truncated")
    run = get(bench)
    assert (run["summary_bytes"], len(run["summary"])) == (len(body) + 2, limits.SUMMARY_KEPT_BYTES)


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


@pytest.mark.parametrize(
    ("sent", "kept", "truncated"),
    [
        ("€" * limits.ERROR_MESSAGE_MAX_CHARS, "€" * limits.ERROR_MESSAGE_MAX_CHARS, False),
        ("€" * limits.ERROR_MESSAGE_MAX_CHARS + "x", "€" * limits.ERROR_MESSAGE_MAX_CHARS, True),
        ("a\0b", "a\N{REPLACEMENT CHARACTER}b", True),
    ],
    ids=["longest", "longer", "NUL"],
)
def test_an_error_message_is_cut_or_repaired_and_the_answer_says_so(
    bench: Bench, sent: str, kept: str, *, truncated: bool
) -> None:
    start(bench)
    ending = {"id": "r1", "status": "error", "error_message": sent}

    first = bench.call("runs.finish", **ending)

    assert first["message_truncated"] == truncated
    assert bench.call("runs.finish", **ending) == {**first, "changed": False}
    run = get(bench)
    assert (run["error_message"], run["message_truncated"]) == (kept, truncated)


def test_a_total_may_be_written_with_a_decimal_point(bench: Bench) -> None:
    start(bench)

    bench.call_json("runs.progress", b'{"id":"r1","tokens_used":12.0}')
    bench.call_json("runs.finish", b'{"id":"r1","status":"success","blocks_executed":3.0}')

    run = get(bench)
    assert (run["tokens_used"], run["blocks_executed"]) == (12, 3)
