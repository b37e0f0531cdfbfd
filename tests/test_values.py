"""Tests of cursors: a cursor is read back as it was made, and nothing else is accepted."""

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import limits
from sidecar.values import decode_cursor, encode_cursor, stored_json

KINDS = st.lists(st.sampled_from([int, str, float]), max_size=4)
INTEGERS = st.integers(-limits.SAFE_INTEGER_MAX, limits.SAFE_INTEGER_MAX)
KEYS = st.lists(INTEGERS | st.text() | st.floats(allow_nan=False, allow_infinity=False), max_size=4)


def cursor_of(value: object) -> str:
    """Return a cursor with any content, as an attacker would make it."""
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).decode().rstrip("=")


@given(KEYS)
def test_a_cursor_comes_back_as_it_was_made(keys: list[int | str | float]) -> None:
    kinds = [type(key) for key in keys]

    assert decode_cursor(encode_cursor(*keys), *kinds) == tuple(keys)


@given(
    st.text(max_size=60) | st.binary(max_size=40).map(lambda data: data.decode("latin-1")), KINDS
)
def test_garbage_is_no_cursor(text: str, kinds: list[type]) -> None:
    got = decode_cursor(text, *kinds)

    assert got is None or [type(key) for key in got] == kinds


@pytest.mark.parametrize(
    "cursor",
    [
        "!", "é", "\0", "A", "====", "e30", cursor_of({}), cursor_of("text"), cursor_of(None),
        cursor_of([1]), cursor_of([1, "a", 2]), cursor_of(["a", 1]), cursor_of([True, "a"]),
        cursor_of([1.0, "a"]), cursor_of([None, "a"]), cursor_of([2**53, "a"]),
        cursor_of([-(2**53), "a"]), cursor_of([10**400, "a"]), cursor_of([[1], "a"]),
        "W" * 4096, "\ud800",
    ],
    ids=lambda text: ascii(text)[:16],
)  # fmt: skip
def test_a_cursor_of_other_keys_is_refused(cursor: str) -> None:
    assert decode_cursor(cursor, int, str) is None


def test_a_deep_forgery_is_no_cursor() -> None:
    text = base64.urlsafe_b64encode(b"[" * 3000).decode()

    assert decode_cursor(text, int) is None


def test_a_cursor_fits_where_cursors_are_taken() -> None:
    longest = encode_cursor("€" * limits.NAME_MAX_CHARS, "x" * limits.ID_TEXT_MAX_CHARS)

    assert len(longest) <= limits.CURSOR_MAX_CHARS


def test_stored_json_is_answered_as_it_lies() -> None:
    text = '{"b": 1.10, "a": [ ]}'

    assert msgspec.json.encode([stored_json(text)]) == f"[{text}]".encode()
