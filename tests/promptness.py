"""Bounds of time that the code keeps, and that a busy machine may break now and then.

A test that finds one broken raises `TooSlowError`; `conftest.py` then runs that test again. Code
that is slow by itself breaks its bound every time.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class TooSlowError(AssertionError):
    """All that was looked at was right, but it came late."""


@contextmanager
def within(limit_s: float, *late: type[Exception]) -> Iterator[None]:
    """Run a block that must end in time; the errors `late` are what it raises when it does not."""
    began = time.monotonic()
    try:
        yield
    except late as error:
        raise TooSlowError(str(error)) from error
    assert_at_most(limit_s, time.monotonic() - began)


def assert_at_most(limit: float, took: float) -> None:
    """Assert that what was measured is within its bound."""
    if took > limit:
        raise TooSlowError(f"{took:.4g} is more than {limit:g}")


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that this many percent of all are at most."""
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]
