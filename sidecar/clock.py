"""Time, ids and randomness, handed in so that tests can hold them still.

The only module that reads a clock or asks for random bytes. Owns no state but the last id's
time, so that ids made in one millisecond still rise.
"""

import os
import sys
import time
from typing import Protocol


class Clock(Protocol):
    """What the product asks of time and chance."""

    def now_ms(self) -> int:
        """Wall clock, milliseconds since the Unix epoch, UTC."""

    def monotonic_ms(self) -> float:
        """A clock that never jumps, in milliseconds, for durations; it may stand in sleep."""

    def elapsed_ms(self) -> float:
        """A clock that never jumps and goes on while the machine sleeps, in milliseconds."""

    def new_id(self) -> str:
        """A fresh UUIDv7 (RFC 9562, 5.7): time-ordered, so that indexes grow at their end."""

    def random_bytes(self, size_bytes: int) -> bytes:
        """Random bytes fit for keys."""


_COUNTER_MAX = 0xFFF
"""Largest value of the 12 counter bits of a UUIDv7."""


if sys.platform == "linux":

    def _awake_and_asleep_s() -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

elif sys.platform == "darwin":

    def _awake_and_asleep_s() -> float:
        # Python's own monotonic clock stands still in sleep here too; this one does not.
        return time.clock_gettime(time.CLOCK_MONOTONIC_RAW)

else:

    def _awake_and_asleep_s() -> float:
        # Windows counts what was slept; elsewhere nothing better is known.
        return time.monotonic()


class SystemClock:
    """The machine's own clock and randomness."""

    def __init__(self) -> None:
        """Start with no id made yet."""
        self._last_id_ms = 0
        self._id_counter = 0

    def now_ms(self) -> int:
        """Wall clock, milliseconds since the Unix epoch, UTC."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> float:
        """A clock that never jumps, in milliseconds."""
        return time.monotonic() * 1000

    def elapsed_ms(self) -> float:
        """A clock that never jumps and goes on while the machine sleeps, in milliseconds."""
        return _awake_and_asleep_s() * 1000

    def new_id(self) -> str:
        """A UUIDv7 whose 12 `rand_a` bits count up within a millisecond (RFC 9562, 6.2)."""
        now = self.now_ms()
        if now <= self._last_id_ms:
            now = self._last_id_ms
            self._id_counter += 1
            if self._id_counter > _COUNTER_MAX:
                now, self._id_counter = now + 1, 0
        else:
            self._id_counter = 0
        self._last_id_ms = now
        tail = int.from_bytes(os.urandom(8)) & 0x3FFF_FFFF_FFFF_FFFF
        value = (now << 80) | (0x7 << 76) | (self._id_counter << 64) | (0b10 << 62) | tail
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def random_bytes(self, size_bytes: int) -> bytes:
        """Random bytes from the operating system."""
        return os.urandom(size_bytes)
