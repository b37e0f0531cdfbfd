"""Finds the runs to prune and deletes them in steps.

Running runs that do not wait, pinned runs and runs that were interrupted lately always stay.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from sidecar import limits
from sidecar.store import delete_steps
from sidecar.store.connection import Connection
from sidecar.store.rows import as_text, read_any
from sidecar.store.runs.rows import as_status
from sidecar.vocabularies import RunStatus

_FIRST: Final = (-1, -1)
_NEVER: Final = -(2**62)
"""A time before any other."""


class Criteria(NamedTuple):
    """Which runs to prune: those to which any of the members applies; None applies to no run."""

    before_at: int | None
    """Runs that were started before this time."""
    keep_last: int | None
    """All runs of each workflow except this number of its newest."""
    max_bytes: int | None
    """The oldest runs, so many that the summaries of the others take at most this."""
    now_ms: int

    @property
    def prunable(self) -> str:
        """The SQL condition for runs that may be pruned at all."""
        return (
            "(status <> 'running' OR waiting = 1) AND pinned = 0 AND"
            f" coalesce(interrupted_at, {_NEVER}) <= {self.now_ms - limits.INTERRUPTED_SPARED_MS}"
        )


def steps(db: Connection, criteria: Criteria) -> Iterator[list[Any]]:
    """Yield the runs to prune, each once, as (rid, stored_bytes), in steps of one transaction."""
    for rows in _pages(db, criteria):
        yield from delete_steps.split(rows)


def _pages(db: Connection, criteria: Criteria) -> Iterator[list[Any]]:
    """Yield the runs to prune, each once, in pages of one statement."""
    pruned_below = _bound(db, criteria)
    if pruned_below is not None:
        yield from _older(db, criteria.prunable, (), pruned_below)
    if criteria.keep_last is not None:
        for (workflow,) in db.execute(
            "SELECT rid FROM workflows WHERE run_count > ?", (criteria.keep_last,)
        ).fetchall():
            bound = db.execute(
                "SELECT started_at, rid FROM runs WHERE workflow = ?"
                " ORDER BY started_at DESC, rid DESC LIMIT 1 OFFSET ?",
                (workflow, criteria.keep_last),
            ).fetchone()
            if bound is not None:
                upper = (int(bound[0]), int(bound[1]) + 1)
                condition = f"workflow = ? AND {criteria.prunable}"
                yield from _older(db, condition, (workflow,), upper, pruned_below)


def _bound(db: Connection, criteria: Criteria) -> tuple[int, int] | None:
    """Return the (started_at, rid) below which runs of any workflow are pruned; None for none."""
    prunable = criteria.prunable
    bounds = [] if criteria.before_at is None else [(criteria.before_at, 0)]
    if criteria.max_bytes is not None:
        row = db.execute(
            "SELECT started_at, rid FROM (SELECT started_at, rid, sum(stored_bytes)"  # noqa: S608 - constants
            f" OVER (ORDER BY started_at DESC, rid DESC) AS taken FROM runs WHERE {prunable})"
            " WHERE taken > ? - (SELECT coalesce(sum(stored_bytes), 0) FROM runs"
            f" WHERE NOT ({prunable})) ORDER BY started_at DESC, rid DESC LIMIT 1",
            (criteria.max_bytes,),
        ).fetchone()
        if row is not None:
            bounds.append((int(row[0]), int(row[1]) + 1))
    return max(bounds, default=None)


def _older(
    db: Connection,
    condition: str,
    values: tuple[object, ...],
    upper: tuple[int, int],
    pruned_below: tuple[int, int] | None = None,
) -> Iterator[list[Any]]:
    """Yield pages of the prunable runs below `upper` and not below `pruned_below`, oldest first."""
    lower = _FIRST if pruned_below is None else (pruned_below[0], pruned_below[1] - 1)
    while True:
        rows: list[Any] = db.execute(
            "SELECT rid, coalesce(stored_bytes, 0), started_at FROM runs"  # noqa: S608 - constants
            f" WHERE {condition}"
            " AND started_at >= ? AND (started_at, rid) > (?, ?) AND (started_at, rid) < (?, ?)"
            " ORDER BY started_at, rid LIMIT ?",
            (*values, lower[0], *lower, *upper, limits.PRUNE_BATCH),
        ).fetchall()
        if not rows:
            return
        yield rows
        lower = (rows[-1][2], rows[-1][0])


class Deleted(NamedTuple):
    """A run that was deleted."""

    id: str
    workflow_id: str
    status: RunStatus
    workflow: int


def delete_runs(db: Connection, rids: list[int], criteria: Criteria) -> list[Deleted]:
    """Delete those of the runs that are prunable still, with their summaries, and return them."""
    marks = ", ".join("?" * len(rids))
    condition = f"rid IN ({marks}) AND {criteria.prunable}"
    sql = (
        "SELECT r.id, w.id, r.status, r.workflow FROM runs AS r"  # noqa: S608 - marks
        " JOIN workflows AS w ON w.rid = r.workflow"
        f" WHERE r.rid IN (SELECT rid FROM runs WHERE {condition})"
    )
    deleted = [
        Deleted(as_text(run_id), as_text(workflow_id), as_status(status), workflow)
        for run_id, workflow_id, status, workflow in read_any(db, 4, sql, tuple(rids))
    ]
    db.execute(f"DELETE FROM runs WHERE {condition}", rids)  # noqa: S608 - marks
    db.executemany(
        "UPDATE workflows SET run_count = run_count - ?2, last_run_at ="
        " (SELECT max(started_at) FROM runs WHERE workflow = ?1) WHERE rid = ?1",
        Counter(run.workflow for run in deleted).items(),
    )
    return deleted


def set_pinned(db: Connection, rid: int, *, pinned: bool) -> None:
    """Set whether a run is pinned, which protects it from pruning."""
    db.execute("UPDATE runs SET pinned = ? WHERE rid = ?", (int(pinned), rid))
