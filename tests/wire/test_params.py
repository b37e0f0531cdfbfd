"""Tests of params: an error names the member by its path and never repeats a value."""

import json
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, Raw

from sidecar import limits
from sidecar.catalog import METHODS, Method, Params
from sidecar.context import Context
from sidecar.decode_errors import PATTERNS
from sidecar.errors import InvalidParams
from sidecar.wire import envelope
from sidecar.wire.params import decode_call, decode_params


class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A struct inside the params."""

    name: Annotated[str, Meta(max_length=5)]
    tags: list[Annotated[str, Meta(min_length=1)]] = []


class TrialParams(Params, frozen=True):
    """Params with every kind of constraint."""

    id: Annotated[str, Meta(min_length=1, max_length=5)]
    inner: Inner
    limit: Annotated[int, Meta(ge=1, le=9)] = 5
    order: Literal["up", "down"] = "up"
    colour: Annotated[str, Meta(pattern="^[a-z]+$")] | None = None
    ratio: float | None = None
    data: Raw = Raw(b"null")
    counts: dict[str, int] | None = None


def trial(_ctx: Context, params: TrialParams) -> TrialParams:
    """Return the params."""
    return params


TRIAL = Method("tests.trial", trial, "none", (), long=False)
SOUND: dict[str, Any] = {"id": "a", "inner": {"name": "n"}}


class NoParams(Params, frozen=True):
    """Params without members."""


def empty(_ctx: Context, params: NoParams) -> NoParams:
    """Return the params."""
    return params


EMPTY = Method("tests.empty", empty, "none", (), long=False)

SECRET = "hunter2"
FAULTS: dict[str, tuple[Any, str]] = {
    "missing": ({"inner": {"name": "n"}}, "$.params.id"),
    "all missing": ({}, "$.params.id"),
    "unknown": ({**SOUND, SECRET: 1}, f"$.params.{SECRET}"),
    "wrong type": ({**SOUND, "id": 7}, "$.params.id"),
    "null of a required member": ({**SOUND, "id": None}, "$.params.id"),
    "too short": ({**SOUND, "id": ""}, "$.params.id"),
    "too long": ({**SOUND, "id": SECRET}, "$.params.id"),
    "too small": ({**SOUND, "limit": 0}, "$.params.limit"),
    "too large": ({**SOUND, "limit": 1234567}, "$.params.limit"),
    "huge": ({**SOUND, "limit": 10**30}, "$.params.limit"),
    "fraction": ({**SOUND, "limit": 1.5}, "$.params.limit"),
    "boolean for a number": ({**SOUND, "limit": True}, "$.params.limit"),
    "no choice": ({**SOUND, "order": SECRET}, "$.params.order"),
    "pattern": ({**SOUND, "colour": SECRET}, "$.params.colour"),
    "text for a number": ({**SOUND, "ratio": SECRET}, "$.params.ratio"),
    "inner is a string": ({**SOUND, "inner": SECRET}, "$.params.inner"),
    "inner is missing a member": ({"id": "a", "inner": {}}, "$.params.inner.name"),
    "inner has an unknown member": (
        {"id": "a", "inner": {"name": "n", "x": SECRET}},
        "$.params.inner.x",
    ),
    "inner member too long": ({"id": "a", "inner": {"name": SECRET}}, "$.params.inner.name"),
    "item of a list": (
        {"id": "a", "inner": {"name": "n", "tags": ["a", ""]}},
        "$.params.inner.tags[1]",
    ),
    "value of a map": ({**SOUND, "counts": {SECRET: "x"}}, "$.params.counts[...]"),
}
BY_POSITION: dict[str, tuple[Any, str]] = {
    "too few": (["a"], "$.params"),
    "none": ([], "$.params"),
    "too many": (["a", {"name": "n"}, 1, "up", None, None, None, {}, SECRET], "$.params"),
    "wrong type": ([7, {"name": "n"}], "$.params[0]"),
    "inner": (["a", {"name": 1}], "$.params[1].name"),
    "no choice": (["a", {"name": "n"}, 1, SECRET], "$.params[3]"),
}


def refused(params: bytes, method: Method = TRIAL) -> InvalidParams:
    """Return the error for these params."""
    with pytest.raises(InvalidParams) as raised:
        decode_params(method, Raw(params))
    return raised.value


@pytest.mark.parametrize(("params", "path"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_by_its_path_without_the_value(params: Any, path: str) -> None:
    error = refused(msgspec.json.encode(params))

    assert error.data["path"] == path
    assert error.message.endswith(".")
    assert SECRET not in error.message
    assert "1234567" not in error.message


@pytest.mark.parametrize(("params", "path"), BY_POSITION.values(), ids=BY_POSITION)
def test_a_fault_by_position_is_told_by_its_place(params: Any, path: str) -> None:
    error = refused(msgspec.json.encode(params))

    assert error.data["path"] == path
    assert SECRET not in error.message


def test_by_position_the_names_are_told_when_the_number_of_params_is_wrong() -> None:
    assert "id, inner, limit, order" in refused(b"[]").message


def test_by_position_and_by_name_give_the_same_params() -> None:
    by_name = decode_params(TRIAL, Raw(b'{"id":"a","inner":{"name":"n"},"limit":2}'))
    by_position = decode_params(TRIAL, Raw(b'["a",{"name":"n"},2]'))

    assert msgspec.json.encode(by_position) == msgspec.json.encode(by_name)


def test_a_null_means_that_the_member_is_left_out_at_any_depth_and_by_position() -> None:
    left_out = msgspec.json.encode(decode_params(TRIAL, Raw(msgspec.json.encode(SOUND))))
    optional = dict.fromkeys(("limit", "order", "colour", "ratio", "data", "counts"))
    nulls = {"id": "a", "inner": {"name": "n", "tags": None}, **optional}

    for params in (nulls, list(nulls.values())):
        decoded = decode_params(TRIAL, Raw(msgspec.json.encode(params)))
        assert isinstance(decoded, TrialParams)
        assert msgspec.json.encode(decoded) == left_out


@pytest.mark.parametrize(
    ("params", "meant"),
    [
        ({**SOUND, "limmit": 5}, "limit"),
        ({**SOUND, "zzz": 5}, None),
        ({"id": "a", "inner": {"name": "n", "tag": ["x"]}}, "tags"),
    ],
)
def test_an_unknown_member_is_answered_with_the_most_similar_one(
    params: Any, meant: str | None
) -> None:
    assert refused(msgspec.json.encode(params)).data["did_you_mean"] == meant


@pytest.mark.parametrize("params", [UNSET, Raw(b"null"), Raw(b"{}"), Raw(b"[]")])
def test_absent_null_and_empty_params_are_none(params: Any) -> None:
    assert decode_params(EMPTY, params) == NoParams()


def test_a_method_without_params_refuses_some() -> None:
    assert refused(b'{"a":1}', EMPTY).data["path"] == "$.params.a"
    assert refused(b"[1]", EMPTY).data["path"] == "$.params"


def test_an_absurd_member_name_is_cut_in_the_path() -> None:
    error = refused(msgspec.json.encode({**SOUND, "x" * 10_000: 1}))

    assert len(str(error.data["path"])) <= len("$.params.") + limits.FIELD_NAME_MAX_CHARS


def test_raw_bodies_pass_byte_for_byte() -> None:
    body = b'{"b" : 1.10, "a":\t"\\u00e9", "n": 1E5}'

    got = decode_params(TRIAL, Raw(b'{"id":"a","inner":{"name":"n"},"data":%b}' % body))

    assert bytes(got.data) == body


def test_nesting_that_exhausts_the_stack_is_an_invalid_param() -> None:
    """The dispatcher checks the depth first; without that check it is no internal error either."""
    error = refused(b'{"id":' + b"[" * 100_000 + b"]" * 100_000 + b"}")

    assert str(error.data["path"]).startswith("$.params")


WORDS = st.sampled_from(["id", "inner", "limit", "order", "name", "` - at `$", "x", "a`b"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 12) | st.text(max_size=7) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=12,
)


@given(st.dictionaries(WORDS, JSON, max_size=8) | st.lists(JSON, max_size=9))
def test_any_params_are_taken_or_refused_with_a_path(params: Any) -> None:
    try:
        decode_params(TRIAL, Raw(msgspec.json.encode(params)))
    except InvalidParams as error:
        assert str(error.data["path"]).startswith("$.params")
        assert error.message.endswith(".")


@pytest.fixture
def _declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, TRIAL.name, TRIAL)
    monkeypatch.setitem(METHODS, EMPTY.name, EMPTY)


@pytest.mark.usefixtures("_declared")
@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","id":1,"method":"tests.trial","params":{"id":"a","inner":{"name":"n"}}}',
        b'{"method": "tests.trial","params":{"inner":{"name":"n"},"id":"a"},"jsonrpc": "2.0"}',
        b'{"jsonrpc":"2.0","id":null,"method":"tests.empty","more":[1]}',
        b'{"jsonrpc":"2.0","id":1.5,"method":"tests.empty"}',
        b'{"params":{"id":"a","inner":{"name":"n"}},"id":"\\"method\\":","method":"tests.trial"'
        b',"jsonrpc":"2.0"}',
    ],
)
def test_a_call_decoded_in_one_pass_is_the_one_decoded_in_two(line: bytes) -> None:
    call = decode_call(line)
    try:
        request = envelope.decode_request(line)
    except msgspec.DecodeError:
        assert call is None
        return

    assert call is not None
    assert (call.method, call.jsonrpc, call.id) == (request.method, request.jsonrpc, request.id)
    method = METHODS[call.method]
    assert decode_params(method, call.params) == decode_params(method, request.params)


@pytest.mark.usefixtures("_declared")
@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","id":1,"method":"tests.trial","params":{"id":"a"}}',  # incomplete
        b'{"jsonrpc":"2.0","id":1,"method":"tests.trial","params":["a",{"name":"n"}]}',
        b'{"jsonrpc":"2.0","id":1,"method":"tests.empty","params":null}',
        b'{"jsonrpc":"2.0","id":1,"method":"tests.unknown","params":{}}',
        b'{"jsonrpc":"1.0","id":1,"method":"tests.empty"}',
        b'{"id":1,"method":"tests.empty"}',
        b'{"jsonrpc":"2.0","id":"%b","method":"tests.empty"}' % (b"i" * (limits.ID_MAX_CHARS + 1)),
        b'{"jsonrpc":"2.0","id":18446744073709551615,"method":"tests.empty"}',
        b'{"jsonrpc":"2.0","id":true,"method":"tests.empty"}',
        b'{"jsonrpc":"2.0","id":1,"m\\u0065thod":"tests.empty"}',
        b'{"x":{"method":"tests.empty"},"method":"tests.trial","params":{}}',
        b'{"x":{"method":"tests.empty"},"jsonrpc":"2.0","id":1,"method":"tests.none"}',
        b'{"jsonrpc":"2.0","id":1,"method":"tests.empty"',
    ],
)
def test_what_is_unusual_is_left_to_the_long_way(line: bytes) -> None:
    assert decode_call(line) is None


def patterns_in(schema: Any) -> set[str]:
    """Return every pattern in a JSON Schema."""
    if isinstance(schema, dict):
        own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
        return own.union(*map(patterns_in, schema.values()))
    return set().union(*map(patterns_in, schema)) if isinstance(schema, list) else set()


def test_every_pattern_of_a_param_is_told_in_words() -> None:
    """A person cannot read a regular expression."""
    ours = [each for name, each in METHODS.items() if not name.startswith(("test.", "trial."))]

    assert set().union(*(patterns_in(msgspec.json.schema(each.params)) for each in ours)) == set(
        PATTERNS
    )


def test_what_a_value_may_be_is_told() -> None:
    for name, params, told in (
        ("runs.list", {"statuses": ["done"]}, "cancelled, error, running, success"),
        ("workflows.list", {"order_by": "size"}, None),
        ("backups.restore", {"name": "x", "secrets": "mine"}, "backup, live"),
    ):
        with pytest.raises(InvalidParams) as caught:
            decode_params(METHODS[name], Raw(json.dumps(params).encode()))
        assert caught.value.message.startswith("The value is not one of those allowed: ")
        assert told is None or caught.value.message.endswith(f": {told}.")
        assert "mine" not in caught.value.message
