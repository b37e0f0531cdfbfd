"""Tests that bytes are split into the same lines however they arrive."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.wire.stdio import OVERSIZE, LineReader

MAX_BYTES = 8
TEXT = st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"bc", b"0123456789", b"\xff", b" "]))


def model(text: bytes, max_bytes: int) -> list[bytes | None]:
    """Return the lines of a text, split at once."""
    lines = text.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return [line if len(line) <= max_bytes else OVERSIZE for line in lines]


def chunks(text: bytes, cuts: list[int]) -> list[bytes]:
    """Return the text in pieces."""
    at = sorted({cut % (len(text) + 1) for cut in cuts})
    return [text[begin:end] for begin, end in zip([0, *at], [*at, len(text)], strict=True)]


@given(TEXT, st.lists(st.integers(0, 1000), max_size=12))
def test_any_chunking_gives_the_same_lines(parts: list[bytes], cuts: list[int]) -> None:
    text = b"".join(parts)
    reader = LineReader(MAX_BYTES)

    got = [line for chunk in chunks(text, cuts) for line in reader.feed(chunk)]

    assert got + reader.finish() == model(text, MAX_BYTES)


@given(TEXT, st.lists(st.integers(0, 1000), max_size=12))
def test_no_more_than_a_line_is_ever_held(parts: list[bytes], cuts: list[int]) -> None:
    reader = LineReader(MAX_BYTES)

    for chunk in chunks(b"".join(parts), cuts):
        reader.feed(chunk)

        assert sum(map(len, reader._parts)) == reader._held_bytes <= MAX_BYTES


def test_an_endless_line_is_told_once_and_the_next_one_is_served() -> None:
    reader = LineReader(MAX_BYTES)

    told = [line for _ in range(100) for line in reader.feed(b"xxxx")]
    told += reader.feed(b"\nnext\n")

    assert told == [OVERSIZE, b"next"]


def test_an_endless_line_that_ends_with_the_input_is_told_once() -> None:
    reader = LineReader(MAX_BYTES)
    reader.feed(b"x" * 100)

    assert reader.finish() == [OVERSIZE]


@pytest.mark.parametrize("size", [MAX_BYTES - 1, MAX_BYTES, MAX_BYTES + 1])
def test_the_limit_is_the_last_length_that_passes(size: int) -> None:
    line = b"x" * size

    assert LineReader(MAX_BYTES).feed(line + b"\n") == [line if size <= MAX_BYTES else OVERSIZE]


def test_input_that_ends_between_lines_leaves_nothing() -> None:
    reader = LineReader()
    reader.feed(b"line\n")

    assert reader.finish() == []
