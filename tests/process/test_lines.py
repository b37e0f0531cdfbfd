"""Tests of lines that are too long, malformed or hostile: each has one right answer."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from schema.clients.python.sidecar_client import Client, TooLarge
from tests.process.child_process import (
    MIB,
    Child,
    forked,
    misbehaving,
    notice,
    peak_bytes,
    product,
    request,
)
from tests.process.conftest import Connect, Spawn

CAP_BYTES = 32 * MIB
OVERSIZE_BYTES = 64 * MIB

PING = request("system.ping", request_id="next")


def assert_serves_on(child: Child) -> None:
    """Assert that the next line is the answer of the next request."""
    child.send(PING)
    answer = child.answer()
    assert answer["id"] == "next", answer


# --- 6: lines over the limit ------------------------------------------------------------------


def test_stdio_06_a_line_of_64_mib_is_refused_once_and_memory_stays_bounded(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(product("--database", database, *half))
    assert_serves_on(child)
    before = peak_bytes(child.pid)
    for _ in range(2):
        child.send(b"x" * OVERSIZE_BYTES + b"\n" + PING)
        refusal = child.answer()
        assert refusal["id"] is None
        assert refusal["error"]["code"] == -32600
        assert refusal["error"]["data"]["limit"] == CAP_BYTES
        assert child.answer()["id"] == "next"

    assert peak_bytes(child.pid) - before < 2 * CAP_BYTES


def test_stdio_06_64_mib_without_a_line_end_are_refused_once_at_the_end_of_input(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(forked("--database", database, *half))
    child.send(b'{"a":"' + b"x" * OVERSIZE_BYTES)
    lines, code = child.finish()

    assert code == 0
    messages = [json.loads(line) for line in lines]
    assert [each.get("error", {}).get("code") for each in messages] == [-32600, None]
    assert messages[0]["id"] is None


def test_stdio_06_a_line_just_within_the_limit_is_read(spawn: Spawn, database: Path) -> None:
    child = spawn(forked("--database", database))
    line = PING.rstrip()
    child.send(line + b" " * (CAP_BYTES - len(line)) + b"\n")

    assert child.answer()["id"] == "next"

    child.send(line + b" " * (CAP_BYTES + 1 - len(line)) + b"\n")
    assert child.answer()["error"]["code"] == -32600


# --- 7: answers within the cap ----------------------------------------------------------------


def test_stdio_07_get_many_stops_before_the_cap_and_names_what_it_did_not_send(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(forked("--database", database))
    for number in range(3):
        workflow = {"id": f"w{number}", "name": "big", "data": {"text": "y" * (14 * MIB)}}
        child.result("workflows.save", {"workflow": workflow})
    child.send(request("workflows.get_many", {"ids": ["w0", "none", "w1", "w2"]}))
    line = next_answer_line(child)
    result = json.loads(line)["result"]
    rest = child.result("workflows.get_many", {"ids": result["not_sent"]})

    assert len(line) <= CAP_BYTES
    assert [each["id"] for each in result["items"]] == ["w0", "w1"]
    assert result["missing"] == ["none"]
    assert result["not_sent"] == ["w2"]
    assert [each["id"] for each in rest["items"]] == ["w2"]


def next_answer_line(child: Child) -> bytes:
    """Return the bytes of the next line that is no notification."""
    while (line := child.next_line()).startswith(b'{"jsonrpc":"2.0","method":'):
        pass
    return line


def test_stdio_07_lists_stop_before_the_cap_and_go_on_by_cursor(
    connect: Connect, database: Path
) -> None:
    client: Client = connect(product("--database", database))
    count = 700
    for start in range(0, count, 100):
        items = [
            {
                "workflow": {
                    "id": f"w{number:05}",
                    "name": "x",
                    "description": "日" * 5400,
                    "data": {},
                }
            }
            for number in range(start, min(start + 100, count))
        ]
        client.call("workflows.save_many", {"items": items})
    seen: list[str] = []
    cursor = None
    while True:
        page = client.call("workflows.list", {"limit": 500, "cursor": cursor})
        assert 0 < len(page["items"]) <= 500
        assert len(json.dumps(page, ensure_ascii=False).encode()) <= CAP_BYTES
        seen += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert sorted(seen) == [f"w{number:05}" for number in range(count)]


def test_stdio_07_a_larger_answer_becomes_an_error_and_serving_goes_on(
    connect: Connect, database: Path
) -> None:
    client = connect(misbehaving("--database", database))
    fits = client.call("test.big", {"count": CAP_BYTES - 200})
    with pytest.raises(TooLarge) as refusal:
        client.call("test.big", {"count": CAP_BYTES})

    assert len(fits) == CAP_BYTES - 200
    assert refusal.value.data["limit"] == CAP_BYTES
    client.call("system.ping")


def test_stdio_07_a_batch_of_large_answers_has_an_error_where_one_does_not_fit(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(misbehaving("--database", database))
    member = request("test.big", {"count": 20 * MIB}).strip()
    child.send(b"[" + member + b"," + member.replace(b'"id": 1', b'"id": 2') + b"]\n")
    line = next_answer_line(child)

    assert len(line) <= CAP_BYTES
    fits, does_not_fit = json.loads(line)
    assert len(fits["result"]) == 20 * MIB
    assert (does_not_fit["id"], does_not_fit["error"]["data"]["slug"]) == (2, "too_large")
    assert_serves_on(child)


# --- 8: malformed lines -----------------------------------------------------------------------

PARSE, INVALID, METHOD, PARAMS = -32700, -32600, -32601, -32602

NEST = 100_000
MALFORMED: dict[str, tuple[bytes, int, Any]] = {
    "blank": (b"", PARSE, None),
    "spaces": (b"   ", PARSE, None),
    "cr only": (b"\r", PARSE, None),
    "empty batch": (b"[]", INVALID, None),
    "number": (b"1", INVALID, None),
    "string": (b'"x"', INVALID, None),
    "null": (b"null", INVALID, None),
    "true": (b"true", INVALID, None),
    "empty object": (b"{}", INVALID, None),
    "no version": (b'{"id":1,"method":"system.ping"}', INVALID, 1),
    "wrong version": (b'{"jsonrpc":"1.0","id":1,"method":"system.ping"}', INVALID, 1),
    "version a number": (b'{"jsonrpc":2.0,"id":1,"method":"system.ping"}', INVALID, 1),
    "id true": (b'{"jsonrpc":"2.0","id":true,"method":"system.ping"}', INVALID, None),
    "id 1.5": (b'{"jsonrpc":"2.0","id":1.5,"method":"system.ping"}', INVALID, None),
    "id object": (b'{"jsonrpc":"2.0","id":{},"method":"system.ping"}', INVALID, None),
    "id list": (b'{"jsonrpc":"2.0","id":[1],"method":"system.ping"}', INVALID, None),
    "id of 5000 digits": (
        b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"method":"system.ping"}',
        INVALID,
        None,
    ),
    "id of 2000 characters": (
        b'{"jsonrpc":"2.0","id":"' + b"i" * 2000 + b'","method":"system.ping"}',
        INVALID,
        None,
    ),
    "no method": (b'{"jsonrpc":"2.0","id":1}', INVALID, 1),
    "method a number": (b'{"jsonrpc":"2.0","id":1,"method":7}', INVALID, 1),
    "params a string": (
        b'{"jsonrpc":"2.0","id":1,"method":"system.ping","params":"x"}',
        INVALID,
        1,
    ),
    "params a number": (b'{"jsonrpc":"2.0","id":1,"method":"system.ping","params":1}', INVALID, 1),
    "unknown method": (b'{"jsonrpc":"2.0","id":1,"method":"nope"}', METHOD, 1),
    "unknown param": (
        b'{"jsonrpc":"2.0","id":1,"method":"system.ping","params":{"x":1}}',
        PARAMS,
        1,
    ),
    "int of 5000 digits": (
        b'{"jsonrpc":"2.0","id":1,"method":"workflows.list","params":{"limit":'
        + b"9" * 5000
        + b"}}",
        PARAMS,
        1,
    ),
    "nested lists": (b"[" * NEST, INVALID, None),
    "nested lists closed": (b"[" * NEST + b"]" * NEST, INVALID, None),
    "nested objects": (b'{"a":' * NEST + b"1" + b"}" * NEST, INVALID, None),
    "nested params": (
        b'{"jsonrpc":"2.0","id":1,"method":"system.ping","params":'
        + b"[" * NEST
        + b"]" * NEST
        + b"}",
        PARAMS,
        1,
    ),
    "deep data": (
        b'{"jsonrpc":"2.0","id":1,"method":"workflows.save","params":{"workflow":'
        b'{"name":"x","data":' + b"[" * 513 + b"]" * 513 + b"}}}",
        PARAMS,
        1,
    ),
    "byte order mark": (
        b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"system.ping"}',
        PARSE,
        None,
    ),
    "bad utf-8": (b'{"jsonrpc":"2.0","id":1,"method":"\xff\xfe"}', PARSE, None),
    "bad utf-8 in params": (
        b'{"jsonrpc":"2.0","id":1,"method":"system.ping","params":{"a":"\xc3"}}',
        PARSE,
        None,
    ),
    "utf-16": ('{"jsonrpc":"2.0","id":1,"method":"system.ping"}'.encode("utf-16"), PARSE, None),
    "nul": (b'{"jsonrpc":"2.0",\x00"id":1,"method":"system.ping"}', PARSE, None),
    "nan": (
        b'{"jsonrpc":"2.0","id":1,"method":"workflows.list","params":{"limit":NaN}}',
        PARAMS,
        1,
    ),
    "nan id": (b'{"jsonrpc":"2.0","id":NaN,"method":"system.ping"}', INVALID, None),
    "half": (b'{"jsonrpc":"2.0","id":1,"method":', PARSE, None),
    "two on a line": (PING.strip() + PING.strip(), PARSE, None),
    "trailing comma": (b'{"jsonrpc":"2.0","id":1,"method":"system.ping",}', PARSE, None),
    "single quotes": (b"{'jsonrpc':'2.0','id':1,'method':'system.ping'}", PARSE, None),
    "content-length": (b"Content-Length: 52\r", PARSE, None),
    "batch of 1001": (
        b"[" + b",".join([b'{"jsonrpc":"2.0","id":1,"method":"system.ping"}'] * 1001) + b"]",
        INVALID,
        None,
    ),
}


def test_stdio_08_every_malformed_line_gets_one_right_error_and_the_next_is_served(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(forked("--database", database, *half))
    for name, (line, code, request_id) in MALFORMED.items():
        child.send(line + b"\n" + PING)
        refusal, pong = child.answers(2)
        assert isinstance(refusal, dict), name
        assert (refusal["error"]["code"], refusal["id"]) == (code, request_id), name
        assert "hint" in refusal["error"]["data"] or name != "content-length"
        assert pong["id"] == "next", name
    lines, code = child.finish()

    assert [json.loads(line)["method"] for line in lines] == ["system.closing"]
    assert code == 0
    assert "Traceback" not in child.stderr_text()


def test_stdio_08_a_malformed_notification_is_not_answered(spawn: Spawn, database: Path) -> None:
    child = spawn(forked("--database", database))
    child.send(
        notice("nope")
        + notice("system.ping", {"unknown": 1})
        + notice("$/unknown", {"x": 1})
        + notice("$/cancelRequest", {"id": "unknown"})
        + notice("$/cancelRequest", {"id": {"no": "id"}})
        + notice("$/cancelRequest")
        + notice("system.ping")
        + notice("workflows.save", {"workflow": {"name": "sent as a notification", "data": {}}})
    )
    assert_serves_on(child)

    assert child.result("workflows.list")["items"][0]["name"] == "sent as a notification"
    told = [each["method"] for each in child.notifications]
    assert told == ["audit.event", "workflows.changed"]


SEEDS = [each[0][:2000] for each in MALFORMED.values()] + [
    request("workflows.save", {"workflow": {"name": "n", "data": {"a": [1, "b"]}}}).strip(),
    request("workflows.list", {"limit": 3, "order_by": "name"}, "text").strip(),
    request("workflows.search", {"query": 'a* "b" NEAR(c) -d'}, 5).strip(),
    request("runs.start", {"workflow_id": "w"}, None).strip(),
    request("settings.set", {"key": "k", "value": {"x": None}}, 6).strip(),
    b"[" + PING.strip() + b"," + PING.strip() + b"]",
]
TOKENS = [b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\\ud800", b"\xff", b"\x00", b"NaN"]


def mutate(rng: random.Random) -> bytes:
    """Return a line with a few small random changes."""
    line = bytearray(rng.choice(SEEDS))
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(line) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            del line[place : place + rng.randint(1, 8)]
        elif kind == 1:
            line[place:place] = rng.choice(TOKENS)
        elif kind == 2 and line:
            line[place % len(line)] = rng.randrange(256)
        else:
            line[place:place] = line[place : place + 20]
    return bytes(line).replace(b"\n", b" ")


def fuzz(child: Child, count: int, seed: int) -> None:
    """Send random malformed lines in groups; each is answered and the process goes on serving."""
    rng = random.Random(seed)
    for group in range(count // 100):
        lines = [line for line in (mutate(rng) for _ in range(100)) if b"system.exit" not in line]
        child.send(b"\n".join(lines) + b"\n" + request("system.ping", request_id=f"g{group}"))
        answers = 0
        while True:
            answer = child.answer()
            if isinstance(answer, dict) and answer.get("id") == f"g{group}":
                break
            answers += 1
            for each in answer if isinstance(answer, list) else [answer]:
                assert ("error" in each) != ("result" in each)
                assert each.get("error", {}).get("code") != -32603, each
        assert answers <= len(lines)
    assert child.process.poll() is None
    assert "Traceback" not in child.stderr_text()


@pytest.mark.parametrize("seed", [1])
def test_stdio_08_ten_thousand_fuzzed_lines_crash_nothing(
    seed: int, spawn: Spawn, database: Path
) -> None:
    fuzz(spawn(forked("--database", database)), 10_000, seed)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [2, 3])
def test_stdio_08_a_hundred_thousand_fuzzed_lines_crash_nothing(
    seed: int, half: list[str], spawn: Spawn, database: Path
) -> None:
    fuzz(spawn(forked("--database", database, *half)), 100_000, seed)
