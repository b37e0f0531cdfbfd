"""Tests of how the value of a body is read, whatever numbers it holds."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from sidecar import limits
from sidecar.bodies.difference import compare
from sidecar.bodies.parse import NotJSON, is_json, parse
from sidecar.bodies.text import text_of

DIGITS = st.text("0123456789", min_size=1, max_size=40)
LONG = st.integers(4301, 5000).map(lambda size: "7" * size)
WHOLE = st.integers().map(str) | DIGITS.map(lambda text: text.lstrip("0") or "0") | LONG
EXPONENT = st.integers(-2000, 2000).map(lambda each: f"e{each:+}") | st.just("")
NUMBER = st.builds("{}{}{}".format, WHOLE, DIGITS.map(".{}".format) | st.just(""), EXPONENT)
"""Texts of numbers, many of which no double holds."""


def _member(member: tuple[str, str]) -> str:
    """Return a member of an object, with white space that common line readers split at."""
    return f"{json.dumps(member[0])}\r:\r{member[1]}"


TEXT = st.recursive(
    NUMBER | st.text(max_size=8).map(lambda text: json.dumps(text, ensure_ascii=False)),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(st.text(max_size=4), inner, max_size=4).map(
            lambda members: f"{{{','.join(map(_member, members.items()))}}}"
        )
    ),
    max_leaves=12,
)
"""Texts of bodies, built as text, so that no number has been through a double."""


@given(TEXT)
def test_whatever_can_be_saved_is_read_compared_and_searched(text: str) -> None:
    body = f'{{"nodes":[{{"id":"1","name":"Kumquat","value":{text}}}],"more":{text}}}'.encode()

    assert is_json(body)
    assert not any(compare(parse(body), parse(body))[1:])
    for rounded in (True, False):
        assert text_of(parse(body, rounded=rounded)).text.startswith("Kumquat")


@given(NUMBER)
def test_a_number_is_a_double_where_that_holds_it_and_else_its_own_text(text: str) -> None:
    value = parse(text.encode())

    if isinstance(value, Raw):
        assert bytes(value).decode() == text
    elif len(text) < 500:
        assert Decimal(str(value)) == Decimal(text)


@given(NUMBER, NUMBER)
def test_two_numbers_of_different_value_differ(before: str, after: str) -> None:
    found = compare(parse(b'{"n":%b}' % before.encode()), parse(b'{"n":%b}' % after.encode()))

    if Decimal(before) != Decimal(after):
        assert [each.name for each in found.outside] == ["n"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1.0", 1.0),
        ("1.10", 1.1),
        ("1E+2", 100.0),
        ("-0.0", -0.0),
        ("0e999999", 0.0),
        ("0.0000000000000000000001", 1e-22),
        ("12345678901234567890123", 12345678901234567890123),
        ("1e999", Raw(b"1e999")),
        ("-1e999", Raw(b"-1e999")),
        ("1e-999", Raw(b"1e-999")),
        ("1e" + "9" * 5000, Raw(b"1e" + b"9" * 5000)),
        ("0.10000000000000000001", Raw(b"0.10000000000000000001")),
        ("9" * 5000, Raw(b"9" * 5000)),
        (f"-{'9' * 5000}.5", Raw(b"-%b.5" % (b"9" * 5000))),
    ],
    ids=lambda each: str(each)[:24] if isinstance(each, str) else "",
)
def test_numbers_of_every_size(text: str, value: Any) -> None:
    found = parse(text.encode())

    assert (type(found), found) == (type(value), value)


NO_JSON = [
    b"",
    b"[1,]",
    b"[NaN]",
    b"[01]",
    b'["\\ud800"]',
    b'["\xff"]',
    b'["\xed\xa0\x80"]',
    b"\xef\xbb\xbf1",
    b'["a\rb"]',
]


@pytest.mark.parametrize("body", NO_JSON, ids=repr)
@pytest.mark.parametrize("before", [b"%b", b'{"a":%b}', b"[%b,%%b]" % (b"9" * 5000)])
def test_what_is_no_json_is_refused(body: bytes, before: bytes) -> None:
    whole = before % body

    assert not is_json(whole)
    with pytest.raises(NotJSON):
        parse(whole)


@pytest.mark.parametrize("opener", [b"[", b'{"a":'])
@pytest.mark.parametrize("inner", [b"1", b"9" * 5000])
def test_the_deepest_body_that_can_be_saved_is_read(opener: bytes, inner: bytes) -> None:
    closer = b"]" if opener == b"[" else b"}"
    first, second = (
        opener * (limits.DEPTH_MAX - 1) + b'{"n":%b}' % each + closer * (limits.DEPTH_MAX - 1)
        for each in (inner, inner + b"0")
    )

    assert is_json(first)
    assert len(compare(parse(first), parse(second)).outside) == 1
    assert text_of(parse(first)).text == inner.decode()


@pytest.mark.parametrize(("opener", "closer"), ["[]", ('{"a":', "}")])
def test_a_reference_to_a_renamed_step_may_nest_as_deep_as_a_body(opener: str, closer: str) -> None:
    links = opener * (limits.DEPTH_MAX - 1) + '"%s"' + closer * (limits.DEPTH_MAX - 1)
    body = '{"nodes":[{"id":"1","name":"%s","type":"n8n-nodes-base.set","parameters":{},'
    body += f'"position":[0,0]}}],"connections":{links}}}'

    found = compare(*(parse((body % (name, name)).encode()) for name in ("Old", "New")))

    assert [each.after for each in found.renamed] == ["New"]


@pytest.mark.parametrize("levels", [limits.DEPTH_MAX + 1, 100_000])
def test_a_deeper_text_is_no_body(levels: int) -> None:
    assert not is_json(b"[" * levels + b"]" * levels)


@pytest.mark.parametrize("body", [b"[" * 100_000, b"[%b," % (b"9" * 5000) + b"[" * 100_000])
@pytest.mark.parametrize("rounded", [True, False])
def test_a_hostile_depth_is_refused(body: bytes, *, rounded: bool) -> None:
    with pytest.raises(NotJSON):
        parse(body + b"]" * body.count(b"["), rounded=rounded)
