"""Tests of the event stream, new and replayed: no entry is sent twice, none is omitted."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import limits
from sidecar.context import Emitted
from sidecar.notifications import AuditEvent, SystemWarning
from sidecar.vocabularies import AuditAction
from tests.wire.loop_in_process import Served, answers, call, declare_trials, notifications, serving


def seqs(told: list[Any]) -> list[int]:
    """Return the numbers of the audit events in their order."""
    return [
        each["params"]["seq"] for each in notifications(told) if each["method"] == "audit.event"
    ]


def write(served: Served, count: int) -> list[int]:
    """Write this many entries; return the numbers of their events."""
    return seqs(served.send(*(call(number, "trial.write", key="k") for number in range(count))))


def test_events_stream_from_the_start_in_order_without_gaps(served: Served) -> None:
    assert write(served, 5) + write(served, 3) == [*range(1, 9)]


def test_without_events_nothing_streams_until_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_trials(monkeypatch)
    with serving(tmp_path / "sim.db", events=False) as served:
        assert write(served, 2) == []

        served.send(call("s", "audit.subscribe"))

        assert write(served, 2) == [3, 4]


def test_after_unsubscribe_neither_audit_nor_change_events_leave(served: Served) -> None:
    served.send(call("u", "audit.unsubscribe"))
    workflow = {"id": "w1", "name": "a", "data": {}}

    told = served.send(
        call(1, "workflows.save", workflow=workflow), call(2, "trial.write", key="k")
    )

    assert notifications(told) == []
    assert len(answers(told)) == 2


def test_settings_events_are_told_without_a_subscription(served: Served) -> None:
    served.send(call("u", "audit.unsubscribe"))

    told = served.send(call(1, "settings.set", key="theme", value="dark"))

    assert [each["method"] for each in notifications(told)] == ["settings.changed"]


def test_a_subscription_to_actions_leaves_the_others_out(served: Served) -> None:
    served.send(call("s", "audit.subscribe", actions=["settings_update"]))

    told = served.send(
        call(1, "trial.write", key="k"), call(2, "settings.set", key="theme", value="dark")
    )

    assert seqs(told) == [2]


def test_a_replay_tells_what_was_missed_and_then_goes_live(served: Served) -> None:
    served.send(call("u", "audit.unsubscribe"))
    write(served, 5)

    told = served.send(call("s", "audit.subscribe", after=2))
    told += served.told()

    assert seqs(told) == [3, 4, 5]
    assert write(served, 2) == [6, 7]


def test_a_replay_follows_its_own_answer(served: Served) -> None:
    write(served, 3)

    told = served.send(call("s", "audit.subscribe", after=0))

    assert told[0]["id"] == "s"
    assert seqs(told) == [1, 2, 3]


def test_a_long_replay_comes_page_by_page_and_never_overflows(served: Served) -> None:
    served.send(call("u", "audit.unsubscribe"))
    count = limits.REPLAY_PAGE * 2 + 10
    write(served, count)

    told = served.send(call("s", "audit.subscribe", after=0))

    assert seqs(told) == [*range(1, count + 1)]
    assert all(each["method"] != "audit.overflow" for each in notifications(told))


def test_a_page_of_a_replay_is_bounded_in_bytes_whatever_was_imported(served: Served) -> None:
    served.send(call("u", "audit.unsubscribe"))
    write(served, 9)
    size_bytes = limits.REPLAY_PAGE_BYTES // 2
    with served.store.writing() as db:
        db.execute("UPDATE access_log SET details = json_object('text', ?)", ("x" * size_bytes,))
    pages = []

    served.loop._events.subscribe(None, 0)
    while served.loop._events.wants_replay:
        served.loop._events.replay()
        assert served.loop._outbox.pending_bytes <= 3 * size_bytes
        served.loop._outbox.flush(served.channel.write)
        pages.append(served.channel.received.count(b"\n"))
        served.channel.received.clear()

    assert pages == [2, 2, 2, 2, 1]


def test_an_entry_larger_than_a_page_is_replayed_alone(served: Served) -> None:
    served.send(call("u", "audit.unsubscribe"))
    write(served, 3)
    size_bytes = limits.REPLAY_PAGE_BYTES * 2
    with served.store.writing() as db:
        db.execute("UPDATE access_log SET details = json_object('text', ?)", ("x" * size_bytes,))

    assert seqs(served.send(call("s", "audit.subscribe", after=0))) == [1, 2, 3]


def test_requests_are_answered_between_the_pages_of_a_replay(served: Served) -> None:
    served.send(call("u", "audit.unsubscribe"))
    write(served, limits.REPLAY_PAGE * 3)
    served.loop._backlog.append(json.dumps(call("s", "audit.subscribe", after=0)).encode())
    served.loop._serve_burst()
    served.loop._flush()

    told = served.send(call("p", "system.ping"))

    ids = [each.get("id", "event") for each in told]
    assert [ids[0], ids[limits.REPLAY_PAGE + 1]] == ["s", "p"]
    assert seqs(told) == [*range(1, limits.REPLAY_PAGE * 3 + 1)]


def test_what_is_written_while_a_replay_waits_comes_once(served: Served) -> None:
    served.send(call("u", "audit.unsubscribe"))
    write(served, 3)
    served.channel.stuck = True
    served.send(call("s", "audit.subscribe", after=1))
    write(served, 2)
    served.channel.stuck = False

    assert seqs(served.told()) == [2, 3, 4, 5]
    assert write(served, 1) == [6]


def test_a_replayed_event_is_the_event_that_streamed(served: Served) -> None:
    live = notifications(served.send(call(1, "trial.write", key="k")))

    again = notifications(served.send(call("s", "audit.subscribe", after=0)))

    assert again == live


def test_a_change_event_follows_the_answer_and_its_audit_event(served: Served) -> None:
    workflow = {"id": "w1", "name": "a", "data": {}}

    told = served.send(call(1, "workflows.save", workflow=workflow))

    kinds = [each.get("method", "answer") for each in told]
    assert kinds[0] == "answer"
    assert sorted(kinds[1:]) == ["audit.event", "workflows.changed"]


def test_a_reader_that_stops_loses_events_but_no_answer_and_can_fill_the_gap(
    served: Served,
) -> None:
    served.loop._outbox._events_bound_bytes = 2000
    served.channel.stuck = True
    count = 200
    for number in range(count):
        served.send(call(number, "trial.write", key="k"))
    served.channel.stuck = False
    told = served.told()

    assert [each["id"] for each in answers(told)] == [*range(count)]
    (marker,) = [e["params"] for e in notifications(told) if e["method"] == "audit.overflow"]
    assert marker["lost"] + len(seqs(told)) == count
    missed = served.send(call("l", "audit.list", after=marker["resume_after"], limit=500))
    listed = [item["seq"] for item in missed[0]["result"]["items"]]
    assert sorted({*listed, *seqs(told)}) == [*range(1, count + 1)]


def test_a_log_that_begins_again_is_told_from_its_first_entry(served: Served) -> None:
    write(served, 3)

    begun: tuple[tuple[int, AuditAction], ...] = ((1, "recover"), (2, "settings_update"))
    for seq, action in begun:
        event = AuditEvent(seq, action, "x", 0, {}, "00")
        served.loop._events.push(Emitted(event, seq))

    assert seqs(served.told()) == [1, 2]


def test_a_dropped_warning_sends_the_reader_back_to_the_last_entry_only(served: Served) -> None:
    served.loop._outbox._events_bound_bytes = 2000
    write(served, 3)
    served.channel.stuck = True
    served.loop._events.push(Emitted(SystemWarning("disk_low", "Little space is left."), 0))
    for number in range(20):
        served.send(call(number, "trial.write", key="k"))
    served.channel.stuck = False

    (marker,) = [each for each in served.told() if each.get("method") == "audit.overflow"]

    assert marker["params"]["resume_after"] == 3


def test_a_dropped_change_of_a_run_sends_the_reader_back_to_the_last_entry_only(
    served: Served,
) -> None:
    served.send(call(1, "workflows.save", workflow={"id": "w1", "name": "a", "data": {}}))
    head = max(write(served, 3))
    served.loop._outbox._events_bound_bytes = 500
    served.channel.stuck = True
    for number in range(20):
        served.send(call(number, "runs.start", workflow_id="w1"))
    served.channel.stuck = False

    (marker,) = [each for each in served.told() if each.get("method") == "audit.overflow"]

    assert marker["params"]["resume_after"] == head


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 4)),
        st.tuples(st.just("subscribe"), st.none() | st.integers(0, 12)),
        st.tuples(st.just("stick"), st.booleans()),
        st.tuples(st.just("unsubscribe"), st.none()),
    ),
    max_size=12,
)


@given(steps=STEPS)
def test_between_two_subscriptions_numbers_rise_and_none_is_left_out(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Any]]
) -> None:
    """It holds however the client stops and goes on reading, subscribes and asks for replays."""
    with (
        pytest.MonkeyPatch.context() as patch,
        serving(tmp_path_factory.mktemp("events") / "sim.db") as served,
    ):
        declare_trials(patch)
        told: list[Any] = []
        written = 0
        for what, value in steps:
            if what == "write":
                told += served.send(*(call("w", "trial.write", key="k") for _ in range(value)))
                written += value
            elif what == "subscribe":
                asked = {} if value is None else {"after": min(value, written)}
                told += served.send(call("s", "audit.subscribe", **asked))
            elif what == "unsubscribe":
                told += served.send(call("u", "audit.unsubscribe"))
            else:
                served.channel.stuck = value
        served.channel.stuck = False
        told += served.told()

    for part in _parts(told):
        assert part == [*range(part[0], part[0] + len(part))] if part else True


def _parts(told: list[Any]) -> list[list[int]]:
    """Return the numbers between answers that start or end a subscription."""
    parts: list[list[int]] = [[]]
    for each in told:
        if each.get("id") in ("s", "u"):
            parts.append([])
        elif each.get("method") == "audit.event":
            parts[-1].append(each["params"]["seq"])
    return parts
