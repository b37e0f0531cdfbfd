"""Tests that bytes are split into the same lines however they arrive."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import limits
from sidecar.wire.stdio import OVERSIZE, LineReader

MAX_BYTES = 8
TEXT = st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"bc", b"0123456789", b"\xff", b" "]))


def model(text: bytes, max_bytes: int) -> list[bytes | None]:
    """Return the lines of a text, split at once."""
    lines = text.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return [line if len(line) <= max_bytes else OVERSIZE for line in lines]


def feed(reader: LineReader, data: bytes) -> list[bytes | None]:
    """Return the lines that a piece completes; it is no longer than the room of the reader."""
    reader.room()[: len(data)] = data
    return reader.take(len(data))


def chunks(text: bytes, cuts: list[int]) -> list[bytes]:
    """Return the text in pieces."""
    at = sorted({cut % (len(text) + 1) for cut in cuts})
    return [text[begin:end] for begin, end in zip([0, *at], [*at, len(text)], strict=True)]


@given(TEXT, st.lists(st.integers(0, 1000), max_size=12))
def test_any_chunking_gives_the_same_lines(parts: list[bytes], cuts: list[int]) -> None:
    text = b"".join(parts)
    reader = LineReader(MAX_BYTES)

    got = [line for chunk in chunks(text, cuts) for line in feed(reader, chunk)]

    assert got + reader.finish() == model(text, MAX_BYTES)


@given(TEXT, st.lists(st.integers(0, 1000), max_size=12))
def test_no_byte_is_held_but_those_of_an_unfinished_line(
    parts: list[bytes], cuts: list[int]
) -> None:
    reader = LineReader(MAX_BYTES)
    given = b""

    for chunk in chunks(b"".join(parts), cuts):
        given += chunk
        feed(reader, chunk)

        unfinished = given.rpartition(b"\n")[2]
        held = unfinished if len(unfinished) <= MAX_BYTES else b""
        assert reader._buffer.rstrip(b"\0") == held


def test_a_line_that_is_longer_than_the_buffer_leaves_nothing_in_any() -> None:
    reader = LineReader()
    buffers = [reader._buffer]
    piece = b"x" * limits.READ_CHUNK_BYTES
    pieces = 3 * limits.READ_MAX_BYTES // len(piece)

    for _ in range(pieces):
        assert feed(reader, piece) == []
        if reader._buffer is not buffers[-1]:
            buffers.append(reader._buffer)
    lines = feed(reader, b"end\nnext\n")

    assert lines == [piece * pieces + b"end", b"next"]
    assert len(buffers) == 4
    assert b"".join(buffers).strip(b"\0") == b""


def test_an_endless_line_leaves_nothing_in_any_buffer() -> None:
    reader = LineReader(3 * limits.READ_CHUNK_BYTES)
    first = reader._buffer

    for _ in range(4):
        assert feed(reader, b"x" * limits.READ_CHUNK_BYTES) == []

    assert reader._buffer is not first
    assert (first + reader._buffer).strip(b"\0") == b""
    assert reader.finish() == [OVERSIZE]


def test_a_byte_order_mark_is_skipped_before_the_first_line_only() -> None:
    mark = b"\xef\xbb\xbf"
    reader = LineReader()
    feed(reader, mark[:2])

    assert feed(reader, mark[2:] + b"a\n" + mark + b"b\n") == [b"a", mark + b"b"]


def test_an_endless_line_is_told_once_and_the_next_one_is_served() -> None:
    reader = LineReader(MAX_BYTES)

    told = [line for _ in range(100) for line in feed(reader, b"xxxx")]
    told += feed(reader, b"\nnext\n")

    assert told == [OVERSIZE, b"next"]


def test_an_endless_line_that_ends_with_the_input_is_told_once() -> None:
    reader = LineReader(MAX_BYTES)
    feed(reader, b"x" * 100)

    assert reader.finish() == [OVERSIZE]


@pytest.mark.parametrize("size", [MAX_BYTES - 1, MAX_BYTES, MAX_BYTES + 1])
def test_the_limit_is_the_last_length_that_passes(size: int) -> None:
    line = b"x" * size

    assert feed(LineReader(MAX_BYTES), line + b"\n") == [line if size <= MAX_BYTES else OVERSIZE]


def test_input_that_ends_between_lines_leaves_nothing() -> None:
    reader = LineReader()
    feed(reader, b"line\n")

    assert reader.finish() == []
