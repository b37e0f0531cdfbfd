"""Tests of the Python client with small programs that misbehave instead of the real process."""

import asyncio
import math
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from schema.clients.python.sidecar_client import (
    CallTimeout,
    Client,
    Conflict,
    ConnectionLost,
    Notification,
    SidecarError,
    Wire,
)
from schema.clients.python.sidecar_client.aio import AsyncClient
from tests.clients.python_hosts import peer
from tests.process.child_process import product
from tests.promptness import within


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    """Assert that a closed client has ended its threads."""
    before = threading.active_count()
    yield
    deadline = time.monotonic() + 60
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)

    assert threading.active_count() <= before


def test_a_process_that_dies_before_it_is_ready_is_gone_with_its_code_and_words() -> None:
    dies = [sys.executable, "-c", "import sys; print('no disk', file=sys.stderr); sys.exit(7)"]

    with pytest.raises(ConnectionLost) as raised:
        Client.spawn(dies)

    assert (raised.value.exit_code, raised.value.stderr_tail.strip()) == (7, "no disk")


def test_a_death_within_a_call_fails_it_and_every_later_one_at_once() -> None:
    dies = "hear(); sys.stdout.write('{'); sys.stdout.flush(); os._exit(9)"
    with Client.spawn(peer(dies)) as client:
        with within(10), pytest.raises(ConnectionLost) as raised:
            client.call("system.ping", timeout=60)
        with within(1), pytest.raises(ConnectionLost):
            client.call("system.ping", timeout=60)

    assert raised.value.exit_code == 9


def test_a_call_that_is_never_answered_times_out_and_its_late_answer_is_dropped() -> None:
    late = """
first, cancel, second = hear(), hear(), hear()
assert cancel["params"] == {"id": first["id"]}
say(id=first["id"], result=1)
say(id=second["id"], result=2)
hear()
"""
    with Client.spawn(peer(late)) as client:
        with pytest.raises(CallTimeout):
            client.call("one", timeout=0.1)

        assert client.call("two") == 2


def test_a_peer_that_does_not_read_cannot_hold_a_call_past_its_timeout() -> None:
    """A line that is longer than a pipe holds is written by a thread of its own."""
    with Client.spawn(peer("time.sleep(60)")) as client:
        with pytest.raises(CallTimeout):
            client.call("one", {"text": "x" * 4_000_000}, timeout=0.1)
        client.wire.process.kill()


def test_progress_starts_the_timeout_afresh() -> None:
    slow = """
request = hear()
for done in range(6):
    time.sleep(0.2)
    say(method="$/progress", params={"id": request["id"], "done": done})
say(id=request["id"], result="done")
hear()
"""
    seen: list[int] = []
    with Client.spawn(peer(slow)) as client:
        pending = client.start("slow", on_progress=lambda progress: seen.append(progress["done"]))

        with within(30, CallTimeout):
            answer = pending.result(timeout=0.9)
    assert answer == "done"
    assert seen == [0, 1, 2, 3, 4, 5]


def test_cancel_names_the_request() -> None:
    cancelled = """
request, cancel = hear(), hear()
assert cancel == {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": request["id"]}}
say(id=request["id"], error={"code": -32001, "message": "", "data": {"slug": "cancelled"}})
hear()
"""
    with Client.spawn(peer(cancelled)) as client:
        pending = client.start("slow")
        pending.cancel()
        with pytest.raises(SidecarError) as raised:
            pending.result()

    assert (raised.value.code, raised.value.slug) == (-32001, "cancelled")


def test_lines_end_in_lf_or_crlf_and_nothing_else_ends_them() -> None:
    """str.splitlines splits at U+2028 and U+0085, which JSON strings may have unescaped."""
    lines = r"""
request = hear()
answer = {"jsonrpc": "2.0", "id": request["id"], "result": "a\u2028b\u0085c"}
text = json.dumps(answer, ensure_ascii=False)
sys.stdout.buffer.write(text.encode() + b"\r\n")
sys.stdout.buffer.flush()
hear()
"""
    with Client.spawn(peer(lines)) as client:
        assert client.call("one") == "a\u2028b\u0085c"


def test_numbers_that_python_does_not_hold_are_received_as_infinite() -> None:
    numbers = """
request = hear()
print('{"id": %d, "result": [%s, 1e999, 12]}' % (request["id"], "9" * 5000), flush=True)
hear()
"""
    with Client.spawn(peer(numbers)) as client:
        assert client.call("one") == [math.inf, math.inf, 12]


def test_a_stray_print_is_passed_over() -> None:
    prints = "request = hear(); print('oops'); say(id=request['id'], result=1); hear()"
    with Client.spawn(peer(prints)) as client:
        assert client.call("one") == 1


def test_a_batch_gives_each_member_its_answer_or_error() -> None:
    answers = """
batch = hear()
error = {"code": -32051, "message": "changed", "data": {"slug": "conflict"}}
answers = [{"id": batch[1]["id"], "error": error}, {"id": batch[0]["id"], "result": 1}]
print(json.dumps(answers), flush=True)
hear()
"""
    with Client.spawn(peer(answers)) as client:
        first, second = client.batch([("one", None), ("two", {"a": 1})])

    assert first == 1
    assert isinstance(second, Conflict)


def test_an_error_without_an_id_refuses_the_oldest_batch_as_a_whole() -> None:
    refuses = """
hear()
say(id=None, error={"code": -32600, "message": "", "data": {"slug": "invalid_request"}})
hear()
"""
    with Client.spawn(peer(refuses)) as client:
        answers = client.batch([("one", None), ("two", None)])

    assert [answer.slug for answer in answers] == ["invalid_request", "invalid_request"]


def test_notifications_reach_the_callback_and_the_queue() -> None:
    seen: list[Notification] = []
    with Client.spawn(peer("event(8); hear()"), on_notification=seen.append) as client:
        methods = [client.events.get().method, client.events.get().method]

    assert methods == ["system.ready", "audit.event"]
    assert [each.method for each in seen] == methods


def test_a_callback_that_fails_or_waits_does_not_stop_the_reading(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def calls_back(notification: Notification) -> None:
        if notification.method == "audit.event":
            client.call("one")

    answers = """
hear()
event(8)
for result in (1, 2):
    say(id=hear()["id"], result=result)
hear()
"""
    with Client.spawn(peer(answers), on_notification=calls_back) as client:
        client.notify("begin")
        client.events.get()
        client.events.get()

        assert client.call("two") == 2
    assert "RuntimeError" in capsys.readouterr().err


def test_restart_fetches_the_events_it_missed_once_and_in_order() -> None:
    """The program sends a new event before the replay, which has that event as well."""
    catches_up = """
event(9)
request = hear()
if request["method"] == "audit.subscribe":
    say(id=request["id"], result={"replayed": 2, "pruned_through": 0, "head": head})
    event(8); event(9)
    request = hear()
say(id=request["id"], result="done")
hear()
"""
    with Client.spawn(peer(catches_up)) as client:
        client.call("one")
        assert [client.events.get().method for _ in range(2)] == ["system.ready", "audit.event"]
        client.last_seq = 7  # as if the process had died before it could send the two events
        client.restart()
        client.call("one")
        events = [client.events.get() for _ in range(3)]

    assert [(each.method, each.params.get("seq")) for each in events] == [
        ("system.ready", None),
        ("audit.event", 8),
        ("audit.event", 9),
    ]


def test_closing_ends_stdin_first_and_kills_only_what_stays() -> None:
    obedient = Client.spawn(peer("hear()"))
    stubborn = Client.spawn(peer("time.sleep(60)"))

    assert obedient.close() == 0
    assert stubborn.close(timeout=0.1) not in {None, 0}


def test_iterating_over_events_ends_with_the_process() -> None:
    with Client.spawn(peer("event(8); event(9)")) as client:
        assert [e.method for e in client.events] == ["system.ready", "audit.event", "audit.event"]


def test_a_wire_sends_and_returns_raw_lines() -> None:
    echo = [
        sys.executable,
        "-c",
        "import sys\nfor l in sys.stdin.buffer: sys.stdout.buffer.write(l); sys.stdout.flush()",
    ]
    wire = Wire(echo).start()
    wire.send_line(b"\xff not json")
    wire.send_bytes(b"two\nthree\n")
    lines = [wire.next_line() for _ in range(3)]
    wire.close_stdin()
    with pytest.raises(ConnectionLost):
        wire.next_line()
    wire.close()

    assert lines == [b"\xff not json", b"two", b"three"]


@pytest.mark.skipif(sys.platform == "win32", reason="pass_fds is POSIX only")
def test_a_client_whose_pipe_another_process_holds_still_ends_at_once(tmp_path: Path) -> None:
    """A worker forked by the host has a copy of stdin, so that closing it is no end of input."""
    client = Client.spawn(product("--database", tmp_path / "sim.db"))
    stdin = client.wire.process.stdin
    assert stdin is not None
    waits = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE, pass_fds=[stdin.fileno()]) as holder:
        with within(10):
            code = client.close(timeout=30)
        holder.kill()

    assert code == 0


def test_progress_starts_the_timeout_of_an_awaited_call_afresh() -> None:
    slow = """
request = hear()
for done in range(6):
    time.sleep(0.2)
    say(method="$/progress", params={"id": request["id"], "done": done})
say(id=request["id"], result="done")
silent, cancel, last = hear(), hear(), hear()
say(id=silent["id"], result="too late")
say(id=last["id"], result=[cancel["method"], cancel["params"]["id"] == silent["id"]])
hear()
"""

    async def host() -> object:
        seen: list[int] = []
        async with await AsyncClient.spawn(peer(slow)) as client:
            with within(30, CallTimeout):
                answer = await client.call(
                    "slow", timeout=0.9, on_progress=lambda progress: seen.append(progress["done"])
                )
            with pytest.raises(CallTimeout):
                await client.call("silent", timeout=0.1)
            return answer, seen, await client.call("last")

    assert asyncio.run(host()) == (
        "done",
        [0, 1, 2, 3, 4, 5],
        ["$/cancelRequest", True],
    )
