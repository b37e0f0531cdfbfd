"""Tests of long methods: how many run, how they are cancelled, what is served meanwhile."""

import json
import time
from pathlib import Path

import pytest

from schema.clients.python.sidecar_client import Cancelled, Client, Overloaded, Progress
from tests.process.child_process import (
    WAIT_S,
    Child,
    forked_misbehaving,
    misbehaving,
    notice,
    product,
    quiet,
    request,
)
from tests.process.conftest import Connect, Spawn
from tests.promptness import assert_at_most, percentile, within

IN_FLIGHT = 32


def begin(child: Child, request_id: object, tag: str) -> None:
    """Send a long request and wait until its method runs."""
    child.send(request("test.work", {"tag": tag}, request_id))
    assert child.notification("$/progress")["id"] == request_id


def cancel(request_id: object) -> bytes:
    """Return the line that cancels a request."""
    return notice("$/cancelRequest", {"id": request_id})


# --- 15: too many -----------------------------------------------------------------------------


def test_stdio_15_one_request_too_many_is_refused_at_once_and_the_rest_goes_on(
    half: list[str], connect: Connect, database: Path
) -> None:
    client: Client = connect(misbehaving("--database", database, *half))
    at_work = [client.start("test.work", {"tag": str(number)}) for number in range(IN_FLIGHT)]
    client.call("system.ping")
    took_ms = []
    for _ in range(20):
        began = time.perf_counter()
        with pytest.raises(Overloaded) as refusal:
            client.call("test.work", {"tag": "one more"})
        took_ms.append((time.perf_counter() - began) * 1000)
    client.call("workflows.save", {"workflow": {"name": "still served", "data": {}}})

    assert_at_most(10, percentile(took_ms, 50))
    assert refusal.value.retryable
    assert refusal.value.data["limit"] == IN_FLIGHT
    for pending in at_work:
        client.notify("$/cancelRequest", {"id": pending.id})
    for pending in at_work:
        with pytest.raises(Cancelled):
            pending.result(WAIT_S)
    again = client.start("test.work", {"tag": "room again"})
    client.notify("$/cancelRequest", {"id": again.id})
    with pytest.raises(Cancelled):
        again.result(WAIT_S)


# --- 16: cancel -------------------------------------------------------------------------------


def test_stdio_16_a_running_request_stops_soon_and_its_step_is_undone(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(forked_misbehaving("--database", database, *half))
    begin(child, "w", "writing")

    with within(0.2):
        child.send(cancel("w"))
        answer = child.answer()

    assert answer["id"] == "w"
    assert answer["error"]["data"]["slug"] == "cancelled"
    assert child.result("audit.list")["items"] == []
    child.send(request("workflows.save", {"workflow": {"name": "x", "data": {}}}, "save"))
    assert child.answer()["result"]["revision"] == 1
    lines, code = child.finish()
    told = [json.loads(line) for line in lines]
    assert not any("id" in each for each in told), "exactly one answer"
    assert [each["params"]["seq"] for each in told if each["method"] == "audit.event"] == [1]
    assert code == 0


def test_stdio_16_a_queued_request_never_starts_and_is_answered_at_once(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(forked_misbehaving("--database", database, *half))
    begin(child, 1, "first")
    begin(child, 2, "second")
    child.send(request("test.work", {"tag": "queued"}, 3))
    child.result("system.ping")

    with within(0.2):
        child.send(cancel(3))
        answer = child.answer()

    assert answer["id"] == 3
    assert answer["error"]["data"]["slug"] == "cancelled"
    child.send(cancel(1) + cancel(2))
    assert {each["id"] for each in child.answers(2)} == {1, 2}
    assert sorted(child.result("test.started")) == ["first", "second"]


def test_stdio_16_a_request_cancelled_in_the_same_breath_never_starts(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(forked_misbehaving("--database", database, *half))
    child.send(request("test.work", {"tag": "never"}, "never") + cancel("never"))

    assert child.answer()["error"]["data"]["slug"] == "cancelled"
    assert child.result("test.started") == []


def test_stdio_16_cancels_of_unknown_and_ended_requests_are_ignored(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(forked_misbehaving("--database", database, *half))
    begin(child, 5, "first")
    child.send(cancel("5") + cancel(5.0) + cancel(True) + cancel(None) + cancel("unknown"))
    assert "result" in child.call("system.ping", request_id="still at work")
    child.send(cancel(5))
    assert child.answer()["id"] == 5

    child.send(cancel(5) + cancel(6))
    child.result("system.ping")
    begin(child, 5, "an id used again")
    begin(child, 6, "an id cancelled before it was used")
    child.send(cancel(5) + cancel(6))

    assert {each["id"] for each in child.answers(2)} == {5, 6}
    assert len(child.result("test.started")) == 3


def test_stdio_16_cancel_is_seen_while_answers_wait_for_the_reader(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(forked_misbehaving("--database", database))
    begin(child, "long", "first")
    child.send(b"".join(request("test.big", {"count": 1 << 20}, number) for number in range(20)))
    child.send(cancel("long"))
    assert quiet(child.pid)
    answers = child.answers(21)

    order = [each["id"] for each in answers]
    assert [each for each in order if each != "long"] == [*range(20)]
    assert order.index("long") < 19, "it did not wait for the requests before it"


def test_stdio_16_the_end_cancels_what_runs_and_answers_it(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(forked_misbehaving("--database", database, *half))
    for number in range(3):
        child.send(request("test.work", {"tag": str(number)}, number))
    child.result("system.ping")
    lines, code = child.finish()

    answers = {each["id"]: each for each in map(json.loads, lines) if "id" in each}
    assert {each["error"]["data"]["slug"] for each in answers.values()} == {"cancelled"}
    assert answers.keys() == {0, 1, 2}
    assert code == 0


# --- 17: requests meanwhile -------------------------------------------------------------------


def test_stdio_17_ping_is_answered_while_long_methods_write(
    half: list[str], connect: Connect, database: Path
) -> None:
    client = connect(misbehaving("--database", database, *half))
    pending = client.start("test.events", {"count": 15_000, "per_step": 100})
    took_ms = []
    while not pending.done:
        began = time.perf_counter()
        client.call("system.ping")
        took_ms.append((time.perf_counter() - began) * 1000)
    assert pending.result()["emitted"] == 15_000

    assert len(took_ms) > 10
    assert_at_most(100, percentile(took_ms, 90))


def test_stdio_17_ping_is_answered_while_a_long_method_holds_the_lock(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(forked_misbehaving("--database", database))
    begin(child, "w", "writing")

    with within(0.1):
        child.result("system.ping")

    child.send(cancel("w"))
    assert child.answer()["id"] == "w"


def test_progress_never_falls_and_ends_with_the_whole(connect: Connect, database: Path) -> None:
    client = connect(product("--database", database))
    items = [{"workflow": {"name": f"w{number}", "data": {}}} for number in range(100)]
    for _ in range(10):
        client.call("workflows.save_many", {"items": items})
    told: list[Progress] = []

    pending = client.start("system.check", {"full": True}, on_progress=told.append)

    assert pending.result()["ok"] is True
    assert {each["id"] for each in told} == {pending.id}
    assert [each["done"] for each in told] == sorted(each["done"] for each in told)
    assert told[-1]["done"] == told[-1]["total"]
