"""Tests of the clock, and of ids that rise and have the form of RFC 9562."""

import shutil
import subprocess
import sys
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


def test_the_clock_that_goes_on_in_sleep_is_the_systems_and_never_falls() -> None:
    made = SystemClock()
    looked = [made.elapsed_ms() for _ in range(100)]

    assert sorted(looked) == looked
    if sys.platform == "linux":
        assert abs(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000 - looked[-1]) < 10_000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has namespaces of time")
def test_the_clock_that_goes_on_in_sleep_counts_what_was_slept() -> None:
    """In a time namespace the machine seems to have slept 100 000 seconds."""
    code = (
        "from sidecar.clock import SystemClock; made = SystemClock()\n"
        "print(made.elapsed_ms() - made.monotonic_ms())"
    )
    unshare = ["unshare", "--time", "--fork", "--boottime", "100000"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*unshare, "true"], check=False).returncode
    ):
        pytest.skip("namespaces of time are not allowed here")
    done = subprocess.run(
        [*unshare, sys.executable, "-c", code], capture_output=True, check=True, timeout=20
    )

    assert float(done.stdout) > 90_000_000


def test_random_bytes_are_as_many_as_asked_and_differ() -> None:
    made = SystemClock()

    assert len(made.random_bytes(32)) == 32
    assert made.random_bytes(32) != made.random_bytes(32)


def test_the_counter_has_twelve_bits() -> None:
    assert clock._COUNTER_MAX == 2**12 - 1
