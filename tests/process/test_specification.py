"""Tests every example of section 7 of the JSON-RPC 2.0 specification."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.process.child_process import forked_misbehaving, request
from tests.process.conftest import Spawn

PARSE = {"code": -32700, "id": None}
INVALID = {"code": -32600, "id": None}

EXAMPLES: list[tuple[str, str, Any]] = [
    (
        "positional parameters",
        '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
        {"result": 19, "id": 1},
    ),
    (
        "positional parameters, turned",
        '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
        {"result": -19, "id": 2},
    ),
    (
        "named parameters",
        '{"jsonrpc": "2.0", "method": "subtract",'
        ' "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
        {"result": 19, "id": 3},
    ),
    (
        "named parameters, turned",
        '{"jsonrpc": "2.0", "method": "subtract",'
        ' "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
        {"result": 19, "id": 4},
    ),
    ("notification", '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', None),
    ("unknown notification", '{"jsonrpc": "2.0", "method": "foobar"}', None),
    (
        "unknown method",
        '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
        {"code": -32601, "id": "1"},
    ),
    (
        "invalid JSON",
        '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
        PARSE,
    ),
    ("invalid request", '{"jsonrpc": "2.0", "method": 1, "params": "bar"}', INVALID),
    (
        "batch, invalid JSON",
        '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},'
        '{"jsonrpc": "2.0", "method"]',
        PARSE,
    ),
    ("empty array", "[]", INVALID),
    ("invalid batch", "[1]", [INVALID]),
    ("invalid batch of three", "[1,2,3]", [INVALID, INVALID, INVALID]),
    (
        "batch",
        '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},'
        '{"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},'
        '{"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},'
        '{"foo": "boo"},'
        '{"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},'
        '{"jsonrpc": "2.0", "method": "get_data", "id": "9"}]',
        [
            {"result": 7, "id": "1"},
            {"result": 19, "id": "2"},
            INVALID,
            {"code": -32601, "id": "5"},
            {"result": ["hello", 5], "id": "9"},
        ],
    ),
    (
        "batch of notifications",
        '[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},'
        '{"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]',
        None,
    ),
]


def shape(answer: Any) -> Any:
    """Return what the specification prescribes of an answer."""
    if isinstance(answer, list):
        return [shape(each) for each in answer]
    assert answer["jsonrpc"] == "2.0"
    if "error" in answer:
        assert isinstance(answer["error"]["message"], str)
        assert answer.keys() == {"jsonrpc", "id", "error"}
        return {"code": answer["error"]["code"], "id": answer["id"]}
    assert answer.keys() == {"jsonrpc", "id", "result"}
    return {"result": answer["result"], "id": answer["id"]}


@pytest.mark.parametrize("options", [[], ["--threaded-io"]])
def test_every_example_of_the_specification_is_answered_as_it_says(
    options: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(forked_misbehaving("--database", database, *options))
    for name, line, expected in EXAMPLES:
        child.send(line.encode() + b"\n" + request("system.ping", request_id=name))
        answer = child.answer()
        if expected is not None:
            assert shape(answer) == expected, name
            answer = child.answer()
        assert answer["id"] == name


def test_a_batch_is_served_in_order_and_sees_its_own_writes(spawn: Spawn, database: Path) -> None:
    child = spawn(forked_misbehaving("--database", database))
    save = {"workflow": {"id": "w", "name": "first", "data": {}}}
    members = [
        {"jsonrpc": "2.0", "id": 1, "method": "workflows.save", "params": save},
        {"jsonrpc": "2.0", "id": 2, "method": "workflows.get", "params": {"id": "w"}},
        {"jsonrpc": "2.0", "id": 3, "method": "workflows.get", "params": {"id": "none"}},
        {"jsonrpc": "2.0", "id": 4, "method": "system.check"},
        {"jsonrpc": "2.0", "method": "workflows.archive", "params": {"id": "w"}},
        {"jsonrpc": "2.0", "id": 5, "method": "workflows.get", "params": {"id": "w"}},
    ]
    child.send(json.dumps(members).encode() + b"\n")
    answers = child.answer()

    assert [each["id"] for each in answers] == [1, 2, 3, 4, 5]
    assert answers[1]["result"]["workflow"]["name"] == "first"
    assert answers[2]["error"]["data"]["slug"] == "not_found"
    assert answers[3]["result"]["ok"] is True
    assert answers[4]["result"]["workflow"]["archived_at"] is not None
