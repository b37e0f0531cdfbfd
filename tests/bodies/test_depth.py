"""Tests of how deep a JSON text nests, which is known before it is decoded."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar import limits
from sidecar.bodies import depth


def naive_depth(line: str) -> int:
    """Return the deepest nesting of brackets outside strings, found character by character."""
    depth = deepest = 0
    inside = escaped = False
    for char in line:
        if escaped:
            escaped = False
        elif inside:
            escaped = char == "\\"
            inside = char != '"'
        elif char == '"':
            inside = True
        elif char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
    return deepest


TRICKY = st.text(alphabet='[]{}\\"a:é', max_size=40)
SMALL = st.recursive(
    st.none() | st.integers() | TRICKY,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TRICKY, inner, max_size=4),
    max_leaves=30,
)


def nested(levels: int, inner: object, *, objects: bool) -> Any:
    """Return a value inside this many arrays or objects."""
    for _level in range(levels):
        inner = {'k]{"\\': inner} if objects else [inner]
    return inner


@settings(max_examples=40)
@given(
    levels=st.integers(0, 2) | st.integers(limits.DEPTH_MAX - 6, limits.DEPTH_MAX + 3),
    inner=SMALL,
    beside=SMALL,
    objects=st.booleans(),
    spaced=st.booleans(),
)
def test_depth_is_that_of_a_scan_a_character_at_a_time(
    levels: int, inner: object, beside: object, *, objects: bool, spaced: bool
) -> None:
    value = [beside, nested(levels, inner, objects=objects), *[beside] * 20]
    line = json.dumps(value, ensure_ascii=False, indent=1 if spaced else None)

    exceeded = depth.exceeds(line.encode())
    without_copy = depth.exceeds_without_copy(line.encode(), limits.DEPTH_MAX)

    assert exceeded == without_copy == (naive_depth(line) > limits.DEPTH_MAX)
    assert not (exceeded and depth.is_shallow(line.encode(), limits.DEPTH_MAX))


@pytest.mark.parametrize("copies", [1, 300])
@pytest.mark.parametrize("levels", [limits.DEPTH_MAX - 1, limits.DEPTH_MAX])
def test_the_pass_for_very_many_brackets_counts_the_same(levels: int, copies: int) -> None:
    """With very many brackets they are counted in another way."""
    line = json.dumps([nested(levels, "]", objects=True)] * copies).encode()

    assert depth.exceeds(line) == (levels + 1 > limits.DEPTH_MAX)


@pytest.mark.parametrize("objects", [False, True])
@pytest.mark.parametrize("before", ["", "x" * 5000])
@pytest.mark.parametrize("after", ["", "x" * 5000])
def test_a_text_is_surely_shallow_up_to_as_many_levels_wherever_they_are(
    before: str, after: str, *, objects: bool
) -> None:
    for levels in (limits.DEPTH_MAX - 1, limits.DEPTH_MAX):
        value = [before, nested(levels, 1, objects=objects), after]
        line = json.dumps(value).replace("]{", "").encode()

        assert depth.is_shallow(line, limits.DEPTH_MAX) == (levels + 1 <= limits.DEPTH_MAX)


def test_a_text_with_many_brackets_side_by_side_is_surely_shallow() -> None:
    line = json.dumps([{"a": []}] * (limits.DEPTH_MAX - 2)).encode()

    assert depth.count_openers(line) > limits.DEPTH_MAX
    assert depth.is_shallow(line, limits.DEPTH_MAX)


@pytest.mark.parametrize("openers", [b"[" * 100_000, b'{"a":' * 100_000])
def test_openers_that_are_never_closed_are_too_deep(openers: bytes) -> None:
    assert depth.exceeds(openers)


def test_brackets_in_strings_are_not_counted() -> None:
    line = json.dumps({"a": "[" * 1000, "b": '\\"{[' * 1000}).encode()

    assert not depth.exceeds(line)


@given(st.binary(max_size=400))
def test_depth_of_any_bytes_is_some_answer(line: bytes) -> None:
    assert depth.exceeds(line) in (True, False)
