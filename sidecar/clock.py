"""Time, ids and randomness, passed in as a `Clock` so that tests can set them.

The only module that reads a clock or asks for random bytes. Its only state is the time of the
last id, so that the ids made within one millisecond still rise.
"""

import os
import sys
import time
from typing import Protocol

from sidecar import limits


class Clock(Protocol):
    """What the program uses of time and randomness."""

    def now_ms(self) -> int:
        """Return the wall clock in milliseconds since the Unix epoch, UTC."""

    def monotonic_ms(self) -> float:
        """Return a time in milliseconds for durations: it never jumps, and may stop in sleep."""

    def elapsed_ms(self) -> float:
        """Return a time in milliseconds that never jumps and runs while the machine sleeps."""

    def new_id(self) -> str:
        """Return a new UUIDv7 (RFC 9562, 5.7): in order of time, so an index grows at its end."""

    def random_bytes(self, size_bytes: int) -> bytes:
        """Return random bytes that are fit for keys."""


class Countdown:
    """A time limit that does not run while the process is stopped.

    A process that is stopped for a minute, by a signal, a debugger or a paused machine, has not had
    that minute. So each look counts the time since the last one up to `limits.COUNTED_STEP_MS`; a
    caller that waits for the limit looks every `limits.COUNTED_LOOK_MS`.
    """

    def __init__(self, clock: Clock, limit_ms: float) -> None:
        """Start to count."""
        self._clock = clock
        self._looked_ms = clock.monotonic_ms()
        self._left_ms = limit_ms

    def left_ms(self) -> float:
        """Return the time that is left; 0 or less when the limit has passed."""
        now_ms = self._clock.monotonic_ms()
        self._left_ms -= min(now_ms - self._looked_ms, limits.COUNTED_STEP_MS)
        self._looked_ms = now_ms
        return self._left_ms

    def wait_ms(self) -> float:
        """Return how long a wait may take until the next look; 0 when the limit has passed."""
        return max(0.0, min(self.left_ms(), limits.COUNTED_LOOK_MS))

    def extend(self, more_ms: float) -> None:
        """Move the limit further away."""
        self._left_ms += more_ms


_COUNTER_MAX = 0xFFF
"""Largest value of the 12 counter bits of a UUIDv7."""


class SystemClock:
    """The clock and the randomness of the operating system."""

    def __init__(self) -> None:
        """Start without a last id."""
        self._last_id_ms = 0
        self._id_counter = 0

    def now_ms(self) -> int:
        """Return the wall clock in milliseconds since the Unix epoch, UTC."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> float:
        """Return a time in milliseconds that never jumps."""
        return time.monotonic() * 1000

    def elapsed_ms(self) -> float:
        """Return a time in milliseconds that never jumps and runs while the machine sleeps."""
        if sys.platform == "linux":
            return time.clock_gettime(time.CLOCK_BOOTTIME) * 1000
        if sys.platform == "darwin":
            # time.monotonic() stops during sleep here as well; this clock does not.
            return time.clock_gettime(time.CLOCK_MONOTONIC_RAW) * 1000
        # On Windows it includes sleep; on other systems there is nothing better.
        return time.monotonic() * 1000

    def new_id(self) -> str:
        """Return a UUIDv7 whose 12 `rand_a` bits count within a millisecond (RFC 9562, 6.2)."""
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
        """Return random bytes from the operating system."""
        return os.urandom(size_bytes)
