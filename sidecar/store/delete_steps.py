"""Splits rows that are to be deleted into steps, each of which fits a short transaction.

A step is bounded in bytes and not only in rows: deleted bytes are overwritten, so that a hundred
large rows are as many megabytes of log, for which a full disk has no room and a save no time.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sidecar import limits

Row = Sequence[Any]
"""A row: its id, the number of bytes that are deleted with it, and what else the caller wants."""


def first_step(rows: list[Row]) -> list[Row]:
    """Return the rows of the first step: at least one, unless there are none."""
    return next(split(rows), [])


def split(rows: list[Row]) -> Iterator[list[Row]]:
    """Yield the rows of each step, in order."""
    step: list[Row] = []
    size_bytes = 0
    for row in rows:
        if step and size_bytes + row[1] > limits.DELETE_STEP_BYTES:
            yield step
            step, size_bytes = [], 0
        step.append(row)
        size_bytes += row[1]
    if step:
        yield step
