"""Ids that rise, in the form of RFC 9562."""

import time
import uuid

import pytest

from sidecar import clock
from sidecar.clock import SystemClock


def test_an_id_is_a_uuid_of_version_7_that_tells_its_time() -> None:
    before = time.time_ns() // 1_000_000
    text = SystemClock().new_id()
    after = time.time_ns() // 1_000_000

    made = uuid.UUID(text)

    assert str(made) == text
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= after


def test_ids_rise_and_never_repeat() -> None:
    made = SystemClock()
    ids = [made.new_id() for _ in range(20_000)]

    assert sorted(set(ids)) == ids


def test_ids_rise_when_the_wall_clock_stands_still_or_falls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = SystemClock()
    times = iter([5_000, 5_000, *[4_000] * 5_000, 5_001, 9_000])
    monkeypatch.setattr(made, "now_ms", lambda: next(times))
    ids = [made.new_id() for _ in range(5_004)]

    assert sorted(set(ids)) == ids
    assert {uuid.UUID(each).version for each in ids} == {7}


def test_times_are_milliseconds_and_the_other_clock_never_falls() -> None:
    made = SystemClock()

    assert abs(made.now_ms() - time.time() * 1000) < 10_000
    looked = [made.monotonic_ms() for _ in range(100)]
    assert sorted(looked) == looked


def test_random_bytes_are_as_many_as_asked_and_differ() -> None:
    made = SystemClock()

    assert len(made.random_bytes(32)) == 32
    assert made.random_bytes(32) != made.random_bytes(32)


def test_the_counter_has_twelve_bits() -> None:
    assert clock._COUNTER_MAX == 2**12 - 1
