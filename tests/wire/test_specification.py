"""Every example of the JSON-RPC 2.0 specification, section 7, with its own methods.

Where the specification shows only code and message, code and id are compared: our errors carry
more. Two of our limits on a line do not touch them.
"""

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from msgspec import Meta

from sidecar.catalog import METHODS, Method, Params
from sidecar.context import Context
from tests.wire.kit import Served


class SubtractParams(Params, frozen=True):
    """Two numbers."""

    minuend: Annotated[int, Meta(ge=-1000, le=1000)]
    subtrahend: Annotated[int, Meta(ge=-1000, le=1000)]


class AnyParams(Params, frozen=True):
    """Up to five numbers."""

    a: int = 0
    b: int = 0
    c: int = 0
    d: int = 0
    e: int = 0


class NoParams(Params, frozen=True):
    """None."""


def subtract(_ctx: Context, params: SubtractParams) -> int:
    """Subtract."""
    return params.minuend - params.subtrahend


def add(_ctx: Context, params: AnyParams) -> int:
    """Add."""
    return params.a + params.b + params.c + params.d + params.e


def get_data(_ctx: Context, params: NoParams) -> list[Any]:  # noqa: ARG001 - a handler's shape
    """Return something."""
    return ["hello", 5]


EXAMPLES: dict[str, tuple[str, Any]] = {
    "positional": (
        '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
        {"jsonrpc": "2.0", "result": 19, "id": 1},
    ),
    "positional, the other way round": (
        '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
        {"jsonrpc": "2.0", "result": -19, "id": 2},
    ),
    "named": (
        '{"jsonrpc": "2.0", "method": "subtract",'
        ' "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
        {"jsonrpc": "2.0", "result": 19, "id": 3},
    ),
    "named, the other way round": (
        '{"jsonrpc": "2.0", "method": "subtract",'
        ' "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
        {"jsonrpc": "2.0", "result": 19, "id": 4},
    ),
    "notification": ('{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', None),
    "notification of no method": ('{"jsonrpc": "2.0", "method": "foobar"}', None),
    "no such method": ('{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', (-32601, "1")),
    "invalid JSON": (
        '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
        (-32700, None),
    ),
    "invalid request": ('{"jsonrpc": "2.0", "method": 1, "params": "bar"}', (-32600, None)),
    "batch of invalid JSON": (
        '[ {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},'
        ' {"jsonrpc": "2.0", "method" ]',
        (-32700, None),
    ),
    "empty batch": ("[]", (-32600, None)),
    "invalid batch of one": ("[1]", [(-32600, None)]),
    "invalid batch": ("[1,2,3]", [(-32600, None)] * 3),
    "batch": (
        '[ {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},'
        ' {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},'
        ' {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},'
        ' {"foo": "boo"},'
        ' {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},'
        ' {"jsonrpc": "2.0", "method": "get_data", "id": "9"} ]',
        [
            {"jsonrpc": "2.0", "result": 7, "id": "1"},
            {"jsonrpc": "2.0", "result": 19, "id": "2"},
            (-32600, None),
            (-32601, "5"),
            {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"},
        ],
    ),
    "batch of notifications": (
        '[ {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},'
        ' {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]} ]',
        None,
    ),
}


def alike(answer: Any) -> Any:
    """An answer as the examples give it."""
    if isinstance(answer, list):
        return [alike(each) for each in answer]
    if "error" in answer:
        assert set(answer) == {"jsonrpc", "error", "id"}
        return answer["error"]["code"], answer["id"]
    return answer


@pytest.mark.parametrize(("line", "expected"), EXAMPLES.values(), ids=EXAMPLES)
def test_the_specifications_example_is_answered_as_it_says(
    served: Served, monkeypatch: pytest.MonkeyPatch, line: str, expected: Any
) -> None:
    served_by: dict[str, Callable[[Any, Any], Any]] = {
        "subtract": subtract, "update": add, "sum": add, "notify_sum": add,
        "notify_hello": add, "get_data": get_data,
    }  # fmt: skip
    for name, function in served_by.items():
        monkeypatch.setitem(METHODS, name, Method(name, function, "none", (), long=False))

    told = served.send(line.encode())

    assert [alike(each) for each in told] == ([] if expected is None else [expected])
