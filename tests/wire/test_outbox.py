"""Tests of the outbox: answers are never dropped; dropped events are reported by one line.

The model is the list of everything that was pushed. The outbox may drop the oldest of the events
that wait, and puts one marker in the place of the first of them.
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sidecar.wire.outbox import Outbox

BOUND_BYTES = 200


def line(kind: str, number: int, size_bytes: int = 0) -> bytes:
    """Return a line that differs from all others."""
    return json.dumps({kind: number, "pad": "x" * size_bytes}).encode() + b"\n"


class SlowReader(RuleBasedStateMachine):
    """Pushes answers and events, and reads any number of bytes at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox(BOUND_BYTES)
        self.pushed: list[tuple[str, int]] = []
        self.received = b""
        self.seq = 0
        self.answers = 0

    @rule(size_bytes=st.integers(0, 300))
    def push_answer(self, size_bytes: int) -> None:
        """Push an answer of any size."""
        self.answers += 1
        self.pushed.append(("answer", self.answers))
        self.outbox.push(line("answer", self.answers, size_bytes))

    @rule(size_bytes=st.integers(0, 120), count=st.integers(1, 6))
    def push_events(self, size_bytes: int, count: int) -> None:
        """Push a few events; one may be so large that the bound allows no others."""
        for _ in range(count):
            self.seq += 1
            self.pushed.append(("event", self.seq))
            self.outbox.push_event(line("event", self.seq, size_bytes), self.seq)

    @rule(room_bytes=st.integers(1, 400))
    def read_some(self, room_bytes: int) -> None:
        """Read this many bytes, which may end anywhere in a line."""
        room = room_bytes

        def write(buffers: list[bytes | memoryview]) -> int:
            nonlocal room
            taken = b"".join(buffers)[:room]
            room -= len(taken)
            self.received += taken
            return len(taken)

        self.outbox.flush(write)

    @precondition(lambda self: bool(self.outbox))
    @rule()
    def read_nothing(self) -> None:
        """Read nothing: the pipe is full."""
        self.outbox.flush(lambda _buffers: 0)

    def taken_all(self) -> list[dict[str, Any]]:
        """Return all messages that were read or are still to be read."""
        rest = b""
        if self.outbox._partial is not None:
            rest += bytes(self.outbox._partial)
        for entry in self.outbox._entries:
            if entry.dropped:
                marker = {"lost": entry.dropped, "resume_after": entry.resume_after}
                rest += json.dumps({"params": marker}).encode() + b"\n"
            else:
                rest += entry.data or b""
        return [json.loads(text) for text in (self.received + rest).splitlines()]

    @invariant()
    def holds_what_the_model_allows(self) -> None:
        """Assert that all answers are there in order, that events rise and markers are exact."""
        told = self.taken_all()
        assert [each["answer"] for each in told if "answer" in each] == [
            *range(1, self.answers + 1)
        ]
        self.check_gaps(told)

    def check_gaps(self, told: list[dict[str, Any]]) -> None:
        """Assert that a marker reports every gap in the events."""
        position = {each: place for place, each in enumerate(self.pushed)}
        seen: set[int] = set()
        lost_told = 0
        previous = -1
        for each in told:
            if "params" in each:
                resume_after = each["params"]["resume_after"]
                lost_told += each["params"]["lost"]
                assert resume_after + 1 not in seen, "the first lost event was not sent"
                assert all(seq in seen or self.is_lost(seq, told) for seq in range(1, self.seq))
                continue
            kind = "event" if "event" in each else "answer"
            place = position[kind, each[kind]]
            assert place > previous
            previous = place
            if kind == "event":
                seen.add(each["event"])
        assert lost_told == self.seq - len(seen)

    @staticmethod
    def is_lost(seq: int, told: list[dict[str, Any]]) -> bool:
        """Return whether audit.list after the number in a marker has the event."""
        sent = {each["event"] for each in told if "event" in each}
        markers = [each["params"]["resume_after"] for each in told if "params" in each]
        return seq in sent or any(after < seq for after in markers)

    @invariant()
    def waiting_markers_are_one_at_most(self) -> None:
        """Assert that there is one marker at most that is not yet written."""
        assert sum(bool(entry.dropped) for entry in self.outbox._entries) <= 1

    @invariant()
    def events_stay_within_the_bound(self) -> None:
        """Assert that waiting events do not exceed the bound."""
        waiting = sum(len(e.data or b"") for e in self.outbox._entries if e.is_event)
        assert waiting == self.outbox._events_bytes <= BOUND_BYTES

    @invariant()
    def bytes_are_counted(self) -> None:
        """Assert that pending_bytes, which decides whether requests may start, is right."""
        held = sum(len(entry.data or b"") for entry in self.outbox._entries)
        held += len(self.outbox._partial or b"")
        assert self.outbox.pending_bytes == held

    def teardown(self) -> None:
        """Read everything to the end."""
        self.read_some(10**9)
        assert not self.outbox
        assert self.outbox.pending_bytes == 0
        self.holds_what_the_model_allows()


TestSlowReader = SlowReader.TestCase


def read_all(outbox: Outbox, step: int = 10**9) -> list[dict[str, Any]]:
    """Read everything, `step` bytes at a time, and return the messages."""
    received = bytearray()

    def write(buffers: list[bytes | memoryview]) -> int:
        taken = b"".join(buffers)[:step]
        received.extend(taken)
        return len(taken)

    outbox.flush(write)
    return [json.loads(text) for text in bytes(received).splitlines()]


@given(st.integers(1, 40), st.lists(st.booleans(), min_size=1, max_size=20))
def test_a_write_may_end_at_any_byte(step: int, kinds: list[bool]) -> None:
    outbox = Outbox()
    for number, is_event in enumerate(kinds):
        if is_event:
            outbox.push_event(line("event", number), number)
        else:
            outbox.push(line("answer", number))

    told = read_all(outbox, step)

    assert [each.get("event", each.get("answer")) for each in told] == [*range(len(kinds))]


def test_the_oldest_events_drop_and_one_marker_takes_their_place() -> None:
    size_bytes = len(line("event", 10))
    outbox = Outbox(3 * size_bytes)
    outbox.push(line("answer", 1))
    for seq in range(10, 20):
        outbox.push_event(line("event", seq), seq)
    outbox.push(line("answer", 2))

    told = read_all(outbox)

    assert told[0]["answer"] == 1
    assert told[1]["method"] == "audit.overflow"
    assert told[1]["params"] == {"lost": 7, "resume_after": 9}
    assert [each.get("event") for each in told[2:5]] == [17, 18, 19]
    assert told[5]["answer"] == 2


def test_a_second_run_of_drops_gets_a_second_marker_once_the_first_has_left() -> None:
    outbox = Outbox(2 * len(line("event", 10)))
    for seq in range(10, 14):
        outbox.push_event(line("event", seq), seq)
    first = read_all(outbox)
    for seq in range(14, 18):
        outbox.push_event(line("event", seq), seq)
    second = read_all(outbox)

    markers = [each["params"] for each in first + second if "params" in each]

    assert markers == [{"lost": 2, "resume_after": 9}, {"lost": 2, "resume_after": 13}]


def test_an_event_whose_first_bytes_have_left_is_written_to_its_end() -> None:
    outbox = Outbox(2 * len(line("event", 10)))
    outbox.push_event(line("event", 10), 10)
    received: list[bytes] = []

    def write_three_bytes(buffers: list[bytes | memoryview]) -> int:
        if received:
            return 0
        received.append(b"".join(buffers)[:3])
        return 3

    outbox.flush(write_three_bytes)
    for seq in range(11, 20):
        outbox.push_event(line("event", seq), seq)

    def take(buffers: list[bytes | memoryview]) -> int:
        received.append(b"".join(buffers))
        return len(received[-1])

    outbox.flush(take)

    told = [json.loads(text) for text in b"".join(received).splitlines()]

    assert told[0]["event"] == 10
    assert told[1]["params"]["resume_after"] == 10


def test_a_hundred_thousand_dropped_events_leave_no_heap_of_empty_places() -> None:
    outbox = Outbox(1000)
    outbox.push(line("answer", 1))
    for seq in range(1, 100_001):
        outbox.push_event(line("event", seq), seq)

    assert len(outbox._entries) < 10_000
    assert read_all(outbox)[1]["params"]["lost"] + 1000 // len(line("event", 99_999)) == 100_000


def test_a_broken_pipe_is_told_to_the_caller() -> None:
    outbox = Outbox()
    outbox.push(b"x\n")

    def broken(_buffers: list[bytes | memoryview]) -> int:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        outbox.flush(broken)


def test_a_closed_outbox_keeps_only_the_line_that_is_begun() -> None:
    outbox = Outbox()
    begun = line("answer", 1)
    outbox.push(begun)
    outbox.push(line("answer", 2))
    outbox.push(b'{"jsonrpc":"2.0","method":"system.closing","params":{}}\n')
    outbox.push_event(b'{"jsonrpc":"2.0","method":"audit.event","params":{}}\n', 1)
    takes = iter([3, 0])
    outbox.flush(lambda _buffers: next(takes))

    assert outbox.close() == 1, "one answer is lost"
    outbox.push(line("answer", 3))
    outbox.push_event(line("event", 2), 2)

    assert outbox.pending_bytes == len(begun) - 3
    written: list[bytes] = []

    def write(buffers: list[bytes | memoryview]) -> int:
        written.extend(map(bytes, buffers))
        return sum(map(len, buffers))

    outbox.flush(write)
    assert b"".join(written) == begun[3:]
    assert outbox.pending_bytes == 0


def test_the_rest_of_an_unread_line_is_dropped() -> None:
    outbox = Outbox()
    outbox.push(line("answer", 1))
    takes = iter([3, 0])
    outbox.flush(lambda _buffers: next(takes))

    assert outbox.drop_partial()
    assert not outbox.drop_partial()
    assert not outbox
    assert outbox.pending_bytes == 0
