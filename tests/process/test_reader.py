"""Tests of a parent that reads slowly, late or never, and of the order of what it reads."""

import json
import os
import random
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.process.child_process import (
    MIB,
    Child,
    Message,
    cpu_seconds,
    ended,
    misbehaving,
    product,
    quiet,
    request,
    resident_bytes,
    saving,
    until,
)
from tests.process.conftest import Connect, Spawn
from tests.promptness import assert_at_most, within

pytestmark = pytest.mark.usefixtures("usual_limits")

EVENTS = 20_000
UNDELIVERED = 11


def newest_seq(database: Path) -> int:
    """Return the number of the newest committed audit entry, read from the file."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT seq FROM audit_state").fetchone()[0])


def all_entries(child: Child, after: int) -> list[Message]:
    """Return every audit entry after a number, page by page."""
    entries: list[Message] = []
    cursor: str | None = None
    while True:
        page = child.result("audit.list", {"after": after, "limit": 500, "cursor": cursor})
        entries += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return entries


# --- 11: stdout is not read -------------------------------------------------------------------


@pytest.mark.timeout(120)
def test_stdio_11_unread_events_are_bounded_and_one_marker_reports_what_was_lost(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(misbehaving("--database", database, *half, "--log-level", "debug"))
    assert until(lambda: "modules_loaded" in child.stderr_text())
    before = resident_bytes(child.pid)
    child.send(request("test.events", {"count": EVENTS, "per_step": 100}, "events"))
    pings = 0
    while newest_seq(database) < EVENTS:  # it writes though nothing is read
        child.send(request("system.ping", request_id=f"ping {pings}"))
        pings += 1
        assert resident_bytes(child.pid) - before < 40 * MIB
        assert child.process.poll() is None, child.stderr_text()

    child.send(request("system.ping", request_id="last"))
    assert quiet(child.pid)
    messages: list[Message] = []
    waited = {"last", "events"}
    while waited:
        messages.append(child.next_message())
        waited.discard(messages[-1].get("id", ""))

    answers = [each["id"] for each in messages if "id" in each and each["id"] != "events"]
    assert answers == [*(f"ping {number}" for number in range(pings)), "last"]
    assert_marked_once(child, messages)


def assert_marked_once(child: Child, messages: list[Message]) -> None:
    """Assert that events rise, one overflow counts the missing ones, and audit.list has them."""
    while sum(each.get("method") == "audit.event" for each in messages) == 0:
        messages.append(child.next_message())
    markers = [each["params"] for each in messages if each.get("method") == "audit.overflow"]
    seen = [each["params"]["seq"] for each in messages if each.get("method") == "audit.event"]
    assert len(markers) == 1
    assert seen == sorted(set(seen))
    missing = sorted(set(range(1, EVENTS + 1)) - set(seen))
    assert markers[0]["lost"] == len(missing)
    assert markers[0]["resume_after"] == missing[0] - 1
    found = all_entries(child, markers[0]["resume_after"])
    assert [each["seq"] for each in found] == [*range(missing[0], EVENTS + 1)]


def test_stdio_11_no_answer_is_dropped_however_late_it_is_read(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(product("--database", database, *half, "--log-level", "debug"))
    assert until(lambda: "modules_loaded" in child.stderr_text())
    body = "".join(random.Random(1).choices("abcdefghij", k=MIB))
    child.result("workflows.save", {"workflow": {"id": "w", "name": "big", "data": {"b": body}}})
    before = resident_bytes(child.pid)
    count = 100
    child.send(b"".join(request("workflows.get", {"id": "w"}, number) for number in range(count)))
    assert quiet(child.pid)
    held = resident_bytes(child.pid) - before

    for number in range(count):
        answer = child.answer()
        assert answer["id"] == number
        assert answer["result"]["workflow"]["data"]["b"] == body
    assert held < 24 * MIB


def test_stdio_11_the_end_of_input_is_seen_while_stdout_is_not_read(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(product("--database", database, *half))
    body = {"b": "x" * MIB}
    child.result("workflows.save", {"workflow": {"id": "w", "name": "big", "data": body}})
    child.send(b"".join(request("workflows.get", {"id": "w"}, number) for number in range(50)))
    assert quiet(child.pid)

    child.close_stdin()

    assert child.wait_exit() == UNDELIVERED
    told = json.loads(child.stderr_text().splitlines()[-1])
    assert (told["event"], told["reason"]) == ("undelivered", "eof")
    *whole, cut = child.rest()
    answered = [each for each in map(json.loads, whole) if "id" in each]
    assert len(answered) == 50 - told["requests_not_run"] - told["answers_not_delivered"]
    assert not cut.endswith(b"}"), "only the line at which the reader stopped is cut"
    spawn(product("--database", database))


# --- 12: stderr is not read, stdout is closed -------------------------------------------------


def test_stdio_12_an_unread_stderr_stops_nothing(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(misbehaving("--database", database, *half), stderr=subprocess.PIPE)
    for _ in range(3):
        assert child.result("test.log", {"count": MIB}) == MIB
    with within(1.0):
        child.result("system.ping")

    child.close_stdin()

    assert child.wait_exit() == 0


def closes_quietly(child: Child, code: int = 0) -> None:
    """Close stdout; assert that the process ends soon, and uses no processor time."""
    used = cpu_seconds(child.pid)
    assert child.process.stdout is not None
    with within(1.0):
        child.process.stdout.close()
        if "--threaded-io" in child.process.args:  # type: ignore[operator]
            child.send(request("system.ping"))  # the thread sees the closed pipe when it writes
        assert ended(child.pid)
    _pid, status, usage = os.wait4(child.pid, 0)
    child.process.returncode = os.waitstatus_to_exitcode(status)
    assert child.process.returncode == code
    assert_at_most(0.1, usage.ru_utime + usage.ru_stime - used)
    assert bool(child.stderr_text()) == bool(code)


def test_stdio_12_a_closed_stdout_ends_the_process_quietly(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    closes_quietly(spawn(product("--database", database, *half)))


def test_stdio_12_a_closed_stdout_ends_it_while_answers_wait(spawn: Spawn, database: Path) -> None:
    child = spawn(product("--database", database))
    body = {"b": "x" * MIB}
    child.result("workflows.save", {"workflow": {"id": "w", "name": "big", "data": body}})
    child.send(b"".join(request("workflows.get", {"id": "w"}, number) for number in range(50)))
    assert quiet(child.pid)

    closes_quietly(child, UNDELIVERED)
    told = json.loads(child.stderr_text())
    assert (told["event"], told["reason"]) == ("undelivered", "stdout")
    assert 0 < told["requests_not_run"] < 50


# --- 13: numbers of events --------------------------------------------------------------------


def test_stdio_13_after_a_kill_the_client_gets_every_event_it_missed(
    connect: Connect, database: Path
) -> None:
    client = connect(product("--database", database))
    numbers: list[int] = []
    for round_number in range(5):
        pending = [
            client.start("workflows.save", {"workflow": {"name": f"w{number}", "data": {}}})
            for number in range(50)
        ]
        pending[round_number * 7].result()
        client.wire.process.kill()
        client.wire.process.wait()
        client.restart()
    client.call("workflows.save", {"workflow": {"name": "last", "data": {}}})
    head = client.call("audit.subscribe", {"after": None})["head"]["seq"]
    while not numbers or numbers[-1] < head:
        event = client.events.get()
        if event.method == "audit.event":
            numbers.append(event.params["seq"])

    assert numbers == [*range(1, head + 1)]


def test_stdio_13_after_a_kill_audit_list_has_every_number(spawn: Spawn, database: Path) -> None:
    told = 0
    for _ in range(3):
        child = spawn(product("--database", database))
        assert child.ready["head"]["seq"] >= told
        child.send(b"".join(saving(f"w{number}", request_id=number) for number in range(200)))
        for _ in range(5):
            told = child.notification("audit.event")["seq"]
        child.process.kill()
        child.wait_exit()
    child = spawn(product("--database", database))
    entries = all_entries(child, 0)

    assert [each["seq"] for each in entries] == [*range(1, child.ready["head"]["seq"] + 1)]
    assert entries[-1]["mac"] == child.ready["head"]["mac"]
    assert len(entries) >= told


# --- 14: order --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1])
def test_stdio_14_an_event_follows_its_answer_and_its_commit_in_a_thousand_runs(
    seed: int, half: list[str], spawn: Spawn, database: Path
) -> None:
    rng = random.Random(seed)
    child = spawn(product("--database", database, *half))
    sent = 0
    order: list[tuple[str, Any]] = []
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as outside:
        while sent < 1000:
            group = rng.randint(1, 6)
            lines = [one_change(sent + index, rng.randrange(4)) for index in range(group)]
            child.send(b"".join(lines))
            sent += group
            take_group(child, group, order, outside)

    changes = [what for kind, what in order if kind == "changed"]
    answers = [what for kind, what in order if kind == "answer"]
    assert changes == answers, "events keep the order of the answers"
    seqs = [what for kind, what in order if kind == "seq"]
    assert seqs == [*range(1, sent + 1)]


def one_change(number: int, workflow: int) -> bytes:
    """Return the line of a save that changes one of a few workflows."""
    name = f"change {number}"
    params = {"workflow": {"id": f"w{workflow}", "name": name, "data": {"n": number}}}
    return request("workflows.save", params, number)


def take_group(
    child: Child, group: int, order: list[tuple[str, Any]], outside: sqlite3.Connection
) -> None:
    """Read the answers and events of some requests; each event must be committed and answered."""
    begun = len(order)
    while sum(kind == "changed" for kind, _ in order[begun:]) < group:
        message = child.next_message()
        if "id" in message:
            result = message["result"]
            order.append(("answer", (result["id"], result["revision"])))
        elif message["method"] == "audit.event":
            order.append(("seq", message["params"]["seq"]))
            committed = outside.execute("SELECT seq FROM audit_state").fetchone()[0]
            assert committed >= message["params"]["seq"]
        else:
            changed = (message["params"]["id"], message["params"]["revision"])
            assert ("answer", changed) in order[begun:], "the answer comes first"
            order.append(("changed", changed))


def test_events_of_an_undone_act_are_never_sent(spawn: Spawn, database: Path) -> None:
    child = spawn(product("--database", database))
    items = [
        {"workflow": {"name": "good", "data": {}}},
        {"workflow": {"name": "bad", "data": {}}, "expected_revision": 7},
    ]
    answer = child.call("workflows.save_many", {"items": items, "on_error": "fail"})
    child.send(saving("after"))
    lines, _code = child.finish()

    assert answer["error"]["data"]["slug"] == "conflict"
    messages = [json.loads(line) for line in lines]
    assert [each["params"]["seq"] for each in messages if each.get("method") == "audit.event"] == [
        1
    ]


def test_a_long_method_tells_its_last_events_after_its_answer(spawn: Spawn, database: Path) -> None:
    child = spawn(product("--database", database))
    child.result("workflows.save", {"workflow": {"id": "w", "name": "x", "data": {}}})
    child.notification("workflows.changed")
    child.send(request("workflows.delete", {"id": "w"}, "delete"))
    order: list[str] = []
    while "workflows.changed" not in order:
        message = child.next_message()
        order.append(message.get("id") or message["method"])

    assert [each for each in order if each != "$/progress"] == [
        "delete",
        "audit.event",
        "workflows.changed",
    ]


# --- a replay -----------------------------------------------------------------------------------


def test_an_unread_replay_costs_no_processor_time_and_arrives_complete_before_the_end(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(product("--database", database, "--no-events", *half))
    count = 1500
    for number in range(count):
        child.send(request("settings.set", {"key": "own", "value": number}, number))
    child.answers(count)

    child.send(request("audit.subscribe", {"after": 0}, "s"))

    assert quiet(child.pid)
    lines, code = child.finish()
    told = [json.loads(line) for line in lines]
    replayed = [each["params"]["seq"] for each in told if each.get("method") == "audit.event"]
    assert replayed == [*range(1, count + 1)]
    assert (told[-1]["method"], code) == ("system.closing", 0)
