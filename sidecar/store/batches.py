"""Cutting a list of rows that shall go into steps that each fit a short transaction.

A step is bounded in bytes, not only in rows: what is deleted is overwritten, so that a hundred
large rows are as many megabytes of log, for which a full disk has no room and a save no time.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sidecar import limits

Row = Sequence[Any]
"""Its id, how many bytes go with it, and whatever else."""


def first(rows: list[Row]) -> list[Row]:
    """The rows of the first step: at least one, if there is any."""
    return next(cut(rows), [])


def cut(rows: list[Row]) -> Iterator[list[Row]]:
    """The rows of each step, in order."""
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
