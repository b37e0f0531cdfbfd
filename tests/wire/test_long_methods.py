"""Tests of long methods in the loop: their events, their one answer, and cancels."""

import sys
from types import FrameType

import pytest

from sidecar import limits
from sidecar.wire.workers import Workers
from tests.process.child_process import until
from tests.wire.loop_in_process import (
    SENTINEL,
    Served,
    answers,
    call,
    encoded,
    entries,
    notifications,
    outcomes,
)


def test_events_of_a_long_method_leave_step_by_step_and_its_last_after_the_answer(
    served: Served,
) -> None:
    told = served.send(call("long", "trial.think", key="k"))

    kinds = [
        each["params"].get("action", each["method"]) if "method" in each else "answer"
        for each in told
    ]
    assert [kind for kind in kinds if kind != "$/progress"] == [
        "trial.step", "answer", "trial.last",
    ]  # fmt: skip
    progress = [each["params"]["done"] for each in told if each.get("method") == "$/progress"]
    assert progress == sorted(progress)
    assert progress[-1] == 1


def test_a_long_method_that_ends_before_its_submission_returns_is_answered_once(
    served: Served,
) -> None:
    def hold_the_loop(frame: FrameType, event: str, _arg: object) -> None:
        """Stop the loop's thread at the end of a submission until the worker has answered."""
        if event == "return" and frame.f_code is Workers.submit.__code__:
            assert until(lambda: not len(served.loop._workers))
            held.append(frame.f_locals["job"].is_answered)

    held: list[bool] = []
    sys.setprofile(hold_the_loop)
    try:
        told = served.send(call(5, "trial.think", key="k"))
    finally:
        sys.setprofile(None)

    kinds = [each["params"].get("action") if "method" in each else each["id"] for each in told]
    assert held == [True]
    assert [kind for kind in kinds if kind is not None] == ["trial.step", 5, "trial.last"]


def test_a_running_long_method_is_cancelled_and_answered_once(served: Served) -> None:
    served.loop._backlog.append(encoded(call(9, "trial.wait", key="k")))
    served.loop._serve_burst()
    cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 9}}

    told = served.send(cancel, cancel)

    assert [slug for slug, _ in outcomes(told)] == ["cancelled"]


def test_a_long_request_cancelled_before_its_turn_never_starts(served: Served) -> None:
    served.loop._backlog.append(encoded(call(9, "trial.think", key="k")))
    cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 9}}

    told = served.send(cancel)

    assert [slug for slug, _ in outcomes(told)] == ["cancelled"]
    assert entries(served) == []


def test_a_cancel_of_an_unknown_id_and_unknown_dollar_notifications_are_ignored(
    served: Served,
) -> None:
    told = served.send(
        {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": "nobody"}},
        {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 1.5}},
        {"jsonrpc": "2.0", "method": "$/setTrace", "params": {}},
        call(1, "trial.read", key=""),
    )

    assert outcomes(told) == [("ok", None)]


def test_a_long_method_that_fails_keeps_its_finished_steps_and_undoes_the_last(
    served: Served, capfd: pytest.CaptureFixture[str]
) -> None:
    told = served.send(call(1, "trial.crash_long", key="k"))

    assert [slug for slug, _ in outcomes(told)] == ["internal"]
    assert SENTINEL not in str(told)
    assert [each["params"]["action"] for each in notifications(told)] == ["trial.step"]
    assert outcomes(served.send(call(2, "trial.write", key="l"))) == [("ok", None)]
    assert entries(served) == ["k", "l"]
    capfd.readouterr()


def test_one_long_request_too_many_is_overloaded_at_once_and_short_ones_go_on(
    served: Served,
) -> None:
    many = limits.LONG_MAX_IN_FLIGHT
    for number in range(many + 1):
        served.loop._backlog.append(encoded(call(number, "trial.wait", key="k")))
    served.loop._backlog.append(encoded(call("ping", "trial.read", key="")))
    while served.loop._backlog:
        served.loop._serve_burst()
    told = served.told()

    assert [(each["id"], "error" in each) for each in told] == [(many, True), ("ping", False)]
    assert told[0]["error"]["data"]["slug"] == "overloaded"
    assert told[0]["error"]["data"]["retryable"]
    served.loop._workers.cancel_all()
    served.finish_long()
    assert len(answers(served.told())) == many
