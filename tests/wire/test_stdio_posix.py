"""Tests of the channel for pipes: when a wait sleeps."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

if sys.platform != "linux":
    pytest.skip("a pipe is opened again through /proc", allow_module_level=True)

from sidecar.wire.stdio import Descriptors
from sidecar.wire.stdio_posix import PosixChannel, open_without_blocking

WAIT_MS = 50


@pytest.fixture
def pipes() -> Iterator[tuple[PosixChannel, int]]:
    """Make a channel whose output is never read, and the descriptor that its input comes from."""
    (reader, ours), (unread, writer) = os.pipe(), os.pipe()
    again = open_without_blocking(writer)
    assert again is not None
    with closing(PosixChannel(Descriptors(reader, again))) as channel:
        yield channel, ours
    os.close(unread)


@pytest.mark.parametrize("given", [b"", b"{}\n"], ids=["input has ended", "input waits"])
def test_a_wait_for_room_in_the_output_sleeps_whatever_the_input_is(
    pipes: tuple[PosixChannel, int], given: bytes
) -> None:
    channel, ours = pipes
    os.write(ours, given)
    os.close(ours)
    while channel.write([bytes(65536)]):
        pass

    began = time.monotonic()
    ready = channel.wait(WAIT_MS, want_input=False, want_output=True)

    assert (ready.readable, ready.output_closed) == (False, False)
    assert time.monotonic() - began >= WAIT_MS / 1000


def test_input_that_comes_soon_after_an_answer_is_found_without_sleep(
    pipes: tuple[PosixChannel, int],
) -> None:
    channel, ours = pipes
    channel.write([b"{}\n"])
    os.write(ours, b"{}\n")

    assert channel.lingers()
    assert channel.wait(None, want_input=True, want_output=False).readable
    os.close(ours)
