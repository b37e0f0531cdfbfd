"""Tests of lines that clients send by mistake: the error, and the id where it is readable."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import asdict

from sidecar import limits
from sidecar.wire import envelope, malformed

DEEP = "[" * 200 + "]" * 200
UNREADABLE = {
    "blank": b"",
    "spaces": b"   ",
    "bare word": b"hello",
    "half": b'{"jsonrpc":"2.0","id":1,"method":',
    "two values": b'{"jsonrpc":"2.0","id":1,"method":"m"} {}',
    "byte order mark": b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"m"}',
    "bad UTF-8": b'{"jsonrpc":"2.0","id":1,"method":"\xff"}',
    "overlong UTF-8": b'{"jsonrpc":"2.0","id":1,"method":"\xc0\xaf"}',
    "surrogate in UTF-8": b'{"jsonrpc":"2.0","id":1,"method":"\xed\xa0\x80"}',
    "UTF-16": '{"jsonrpc":"2.0","id":1}'.encode("utf-16"),
    "NUL": b"\0",
    "single quotes": b"{'id': 1}",
    "trailing comma": b'{"id":1,}',
    "NaN alone": b"NaN",
    "openers without end": b"[" * 100,
}
NO_REQUEST = {
    "number": (b"1", None, None),
    "string": (b'"text"', None, None),
    "null": (b"null", None, None),
    "no version": (b'{"id":1,"method":"m"}', 1, "$.jsonrpc"),
    "version 1": (b'{"jsonrpc":"1.0","id":1,"method":"m"}', 1, "$.jsonrpc"),
    "version as number": (b'{"jsonrpc":2.0,"id":1,"method":"m"}', 1, "$.jsonrpc"),
    "no method": (b'{"jsonrpc":"2.0","id":"a"}', "a", "$.method"),
    "method is a number": (b'{"jsonrpc":"2.0","id":1,"method":1}', 1, "$.method"),
    "method is null": (b'{"jsonrpc":"2.0","id":1,"method":null}', 1, "$.method"),
    "boolean id": (b'{"jsonrpc":"2.0","id":true,"method":"m"}', None, "$.id"),
    "fractional id": (b'{"jsonrpc":"2.0","id":1.5,"method":"m"}', None, "$.id"),
    "object id": (b'{"jsonrpc":"2.0","id":{},"method":"m"}', None, "$.id"),
    "array id": (b'{"jsonrpc":"2.0","id":[1],"method":"m"}', None, "$.id"),
    "id of 5000 digits": (
        b'{"jsonrpc":"2.0","id":%b,"method":"m"}' % (b"9" * 5000),
        None,
        "$.id",
    ),
    "long id": (b'{"jsonrpc":"2.0","id":"%b","method":"m"}' % (b"x" * 1025), None, "$.id"),
    "params are a string": (
        b'{"jsonrpc":"2.0","id":1,"method":"m","params":"p"}',
        1,
        "$.params",
    ),
    "answer instead of a request": (b'{"jsonrpc":"2.0","id":7,"result":{}}', 7, "$.method"),
    "fault without an id is answered": (b'{"jsonrpc":"2.0","method":5}', None, "$.method"),
}
UNSOUND = {
    "NaN": ('{"data":NaN}', "$.params.data"),
    "Infinity": ('{"a":[1,Infinity]}', "$.params.a[1]"),
    "minus Infinity": ('{"a":{"b":-Infinity}}', "$.params.a.b"),
    "after a number beyond a double": ('{"b":1e999,"a":NaN}', "$.params.a"),
    "after a number of 5 000 digits": (f'{{"b":{"9" * 5000},"a":NaN}}', "$.params.a"),
    "lone high surrogate": ('{"name":"\\ud800"}', "$.params.name"),
    "lone low surrogate": ('{"name":"a\\udc00b"}', "$.params.name"),
    "surrogates the wrong way round": ('["\\udc00\\ud800"]', "$.params[0]"),
    "surrogate in a member's name": ('{"a":{"\\ud800":1}}', "$.params.a"),
}


def refusal(line: bytes) -> malformed.Refusal:
    """Return the refusal of a line."""
    with pytest.raises(malformed.Refusal) as raised:
        malformed.read(line)
    return raised.value


@pytest.mark.parametrize("line", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_not_json_in_utf8_is_a_parse_error_without_id(line: bytes) -> None:
    told = refusal(line)

    assert (told.error.code, told.request_id) == (-32700, None)


@pytest.mark.parametrize(("line", "request_id", "path"), NO_REQUEST.values(), ids=NO_REQUEST)
def test_what_is_no_request_is_an_invalid_request_with_the_id_that_was_readable(
    line: bytes, request_id: object, path: str | None
) -> None:
    told = refusal(line)

    assert told.error.code == -32600
    assert told.request_id == request_id
    assert told.error.data.get("path") == path


@pytest.mark.parametrize(("params", "path"), UNSOUND.values(), ids=UNSOUND)
def test_what_only_lax_parsers_accept_is_an_invalid_param_with_its_path(
    params: str, path: str
) -> None:
    """NaN, Infinity and lone surrogates, which some JSON libraries write and read."""
    told = refusal(f'{{"jsonrpc":"2.0","id":3,"method":"m","params":{params}}}'.encode())

    assert (told.error.code, told.request_id) == (-32602, 3)
    assert told.error.data["path"] == path


def test_such_a_notification_is_not_answered() -> None:
    assert refusal(b'{"jsonrpc":"2.0","method":"m","params":[NaN]}').request_id is UNSET


def test_a_lone_surrogate_outside_params_is_an_invalid_request() -> None:
    told = refusal(b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}')

    assert (told.error.code, told.error.data["path"]) == (-32600, "$.method")


def test_a_lone_surrogate_as_id_cannot_be_echoed() -> None:
    told = refusal(b'{"jsonrpc":"2.0","id":"\\ud800","method":"m"}')

    assert (told.error.code, told.request_id) == (-32600, None)


@pytest.mark.parametrize(
    "line", [b"Content-Length: 52\r", b"content-length:9", b" Content-Length: 1"]
)
def test_headers_of_another_framing_get_a_hint(line: bytes) -> None:
    told = refusal(line)

    assert told.error.code == -32700
    assert "NDJSON" in str(told.error.data["hint"])


@pytest.mark.parametrize(
    "line",
    [
        '{"jsonrpc":"2.0","id":5,"method":"m","params":%s}',
        '{"id":5,"params":{"a":%s},"method":"m","jsonrpc":"2.0"}',
        ' {"method":"a{[\\"","id":5,"jsonrpc":"2.0","params":[[1],%s,"]}"]} ',
        '{"jsonrpc":"2.0","params":{"x":"}]","a":%s},"id":5,"method":"m"}\r',
    ],
)
def test_params_that_nest_too_deep_are_told_with_their_id(line: str) -> None:
    told = malformed.too_deep((line % DEEP).encode())

    assert (told.error.code, told.request_id) == (-32602, 5)
    assert told.error.data["path"] == "$.params"
    assert told.error.data["limit"] == limits.DEPTH_MAX


def test_a_deep_notification_is_not_answered() -> None:
    told = malformed.too_deep(f'{{"jsonrpc":"2.0","method":"m","params":{DEEP}}}'.encode())

    assert told.request_id is UNSET


@pytest.mark.parametrize(
    "line",
    [
        DEEP,
        f'[{{"jsonrpc":"2.0","id":1,"method":"m","params":{DEEP}}}]',
        f'{{"jsonrpc":"2.0","id":{DEEP},"method":"m"}}',
        f'{{"jsonrpc":"2.0","id":1,"method":{DEEP}}}',
        f'{{"jsonrpc":"2.0","id":1,"method":"m","more":{DEEP}}}',
        "[" * 200_000,
        '{"a":' * 100_000,
        '{"jsonrpc":"2.0","id":1,"method":"m","params":' + "[" * 5000,
    ],
    ids=lambda text: text[:24],
)
def test_depth_elsewhere_is_one_invalid_request_without_id(line: str) -> None:
    told = malformed.too_deep(line.encode())

    assert (told.error.code, told.request_id) == (-32600, None)
    assert told.error.data["limit"] == limits.DEPTH_MAX


def test_a_line_over_the_limit_tells_the_limit() -> None:
    error = malformed.oversize()

    assert (error.code, error.data["limit"]) == (-32600, limits.LINE_MAX_BYTES)


@pytest.mark.parametrize("value", ["NaN", "Infinity", '"\\ud800"'])
def test_a_number_of_many_digits_beside_another_fault_does_no_harm(value: str) -> None:
    """Python's json module refuses numbers with more than 4300 digits."""
    line = f'{{"jsonrpc":"2.0","id":1,"method":"m","params":[{"9" * 5000},{value}]}}'

    assert refusal(line.encode()).error.code in (-32700, -32602)


def test_a_sound_request_with_a_lone_escape_pair_passes() -> None:
    line = b'{"jsonrpc":"2.0","id":1,"method":"m","params":["\\ud83d\\ude00"]}'

    assert asdict(malformed.read(line)) == asdict(envelope.decode_request(line))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | JSON,
        "id": st.integers() | st.text(max_size=3) | JSON,
        "method": st.just("m") | JSON,
        "params": JSON,
    },
)


@given(st.binary(max_size=60) | MEMBERS.map(lambda value: json.dumps(value).encode()))
def test_any_line_is_a_sound_request_or_one_standard_error(line: bytes) -> None:
    try:
        request = malformed.read(line)
    except malformed.Refusal as told:
        assert told.error.code in (-32700, -32600, -32602)
        assert told.request_id is UNSET or envelope.request_id_fits(told.request_id)
        encoded: Any = envelope.encode_error(None, told.error)
        assert encoded.endswith(b"\n")
    else:
        envelope.check(request)
