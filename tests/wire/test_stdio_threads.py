"""The channel with threads, on real pipes: how it counts what its reader has not read."""

import os
from collections.abc import Iterator
from contextlib import suppress

import pytest

from sidecar import limits
from sidecar.wire.stdio import Descriptors
from sidecar.wire.stdio_threads import ThreadedChannel
from tests.process.child_process import until

ANSWER = b'{"jsonrpc":"2.0","id":1,"result":"' + b"x" * 1000 + b'"}\n'
EVENT = b'{"jsonrpc":"2.0","method":"audit.event","params":"' + b"x" * 1000 + b'"}\n'
MORE_THAN_A_PIPE = 200


class Piped:
    """A channel with its client, who writes and reads pipes."""

    def __init__(self) -> None:
        reader, self.feeder = os.pipe()
        self.stdout, writer = os.pipe()
        self.channel = ThreadedChannel(Descriptors(reader, writer))

    def read(self, size_bytes: int) -> bytes:
        """Read that many bytes of the output."""
        data = b""
        while len(data) < size_bytes:
            data += os.read(self.stdout, size_bytes - len(data))
        return data

    def read_and_be_seen(self, size_bytes: int) -> None:
        """Read, and wait until the channel has counted it."""
        before = self.channel.unwritten_bytes()
        self.read(size_bytes)
        assert until(lambda: self.channel.unwritten_bytes() < before)

    def fill(self, lines: list[bytes]) -> None:
        """Have lines written until the pipe is full, which the channel has counted."""
        self.channel.write([*lines])
        assert until(lambda: self.channel.unwritten_bytes() < sum(map(len, lines)))


@pytest.fixture
def piped() -> Iterator[Piped]:
    """Return a channel of which nothing is read yet."""
    piped = Piped()
    yield piped
    os.close(piped.feeder)
    os.close(piped.stdout)
    with suppress(OSError):
        piped.channel.close()


def test_only_answers_count_as_not_delivered(piped: Piped) -> None:
    lines = [ANSWER, EVENT, ANSWER] * MORE_THAN_A_PIPE
    piped.fill(lines)

    written = b"".join(lines)[: -piped.channel.unwritten_bytes()]
    whole = written.splitlines(keepends=True).count(ANSWER)
    assert piped.channel.abandon_output() == 2 * MORE_THAN_A_PIPE - whole


def test_nothing_counts_as_not_delivered_when_only_events_are_left(piped: Piped) -> None:
    piped.fill([ANSWER, *[EVENT] * MORE_THAN_A_PIPE])

    assert piped.channel.abandon_output() == 0


def test_a_reader_of_few_bytes_is_seen_to_read_at_the_end(piped: Piped) -> None:
    piped.fill([ANSWER] * MORE_THAN_A_PIPE)
    piped.read_and_be_seen(limits.READ_CHUNK_BYTES)  # the write that had begun before the end

    for _ in range(5):
        piped.read_and_be_seen(2 * 4096)
