"""Which runs may go, and their going in short batches. Running and pinned ones always stay."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from sidecar import limits
from sidecar.store.connection import Connection

_FIRST: Final = (-1, -1)
_MAY_GO: Final = "status <> 'running' AND pinned = 0"


class Wish(NamedTuple):
    """What shall go: a run goes when any of these says so; None says nothing."""

    before_at: int | None
    """Runs started before."""
    keep_last: int | None
    """All but the newest so many of each workflow."""
    max_bytes: int | None
    """The oldest, until the summaries that are left take no more."""


def batches(db: Connection, wish: Wish) -> Iterator[list[Any]]:
    """Pages of (rid, stored_bytes) that may go now, each row once; read from one state."""
    seen_before = _bound(db, wish)
    if seen_before is not None:
        yield from _older(db, "", (), seen_before)
    if wish.keep_last is not None:
        for (workflow,) in db.execute(
            "SELECT rid FROM workflows WHERE run_count > ?", (wish.keep_last,)
        ).fetchall():
            bound = db.execute(
                "SELECT started_at, rid FROM runs WHERE workflow = ?"
                " ORDER BY started_at DESC, rid DESC LIMIT 1 OFFSET ?",
                (workflow, wish.keep_last),
            ).fetchone()
            if bound is not None:
                upper = (int(bound[0]), int(bound[1]) + 1)
                yield from _older(db, "workflow = ? AND ", (workflow,), upper, seen_before)


def _bound(db: Connection, wish: Wish) -> tuple[int, int] | None:
    """Below which (started_at, rid) runs of every workflow go; None when none does."""
    bounds = [] if wish.before_at is None else [(wish.before_at, 0)]
    if wish.max_bytes is not None:
        row = db.execute(
            "SELECT started_at, rid FROM (SELECT started_at, rid, sum(stored_bytes)"  # noqa: S608 - constants
            f" OVER (ORDER BY started_at DESC, rid DESC) AS taken FROM runs WHERE {_MAY_GO})"
            " WHERE taken > ? - (SELECT coalesce(sum(stored_bytes), 0) FROM runs"
            f" WHERE NOT ({_MAY_GO})) ORDER BY started_at DESC, rid DESC LIMIT 1",
            (wish.max_bytes,),
        ).fetchone()
        if row is not None:
            bounds.append((int(row[0]), int(row[1]) + 1))
    return max(bounds, default=None)


def _older(
    db: Connection,
    condition: str,
    values: tuple[object, ...],
    upper: tuple[int, int],
    seen_before: tuple[int, int] | None = None,
) -> Iterator[list[Any]]:
    """Pages of what may go below a bound, oldest first, but for what was seen already."""
    lower = _FIRST if seen_before is None else (seen_before[0], seen_before[1] - 1)
    while True:
        rows: list[Any] = db.execute(
            "SELECT rid, coalesce(stored_bytes, 0), started_at FROM runs"  # noqa: S608 - constants
            f" WHERE {condition}{_MAY_GO}"
            " AND started_at >= ? AND (started_at, rid) > (?, ?) AND (started_at, rid) < (?, ?)"
            " ORDER BY started_at, rid LIMIT ?",
            (*values, lower[0], *lower, *upper, limits.PRUNE_BATCH),
        ).fetchall()
        if not rows:
            return
        yield rows
        lower = (rows[-1][2], rows[-1][0])


def delete(db: Connection, rids: list[int]) -> int:
    """Delete those runs that may still go, with their summaries; how many went."""
    marks = ", ".join("?" * len(rids))
    owners: list[Any] = db.execute(
        f"SELECT workflow, count(*) FROM runs WHERE rid IN ({marks}) AND {_MAY_GO}"  # noqa: S608 - marks
        " GROUP BY workflow",
        rids,
    ).fetchall()
    db.execute(f"DELETE FROM runs WHERE rid IN ({marks}) AND {_MAY_GO}", rids)  # noqa: S608 - marks
    db.executemany(
        "UPDATE workflows SET run_count = run_count - ?2, last_run_at ="
        " (SELECT max(started_at) FROM runs WHERE workflow = ?1) WHERE rid = ?1",
        owners,
    )
    return sum(int(count) for _workflow, count in owners)


def set_pinned(db: Connection, rid: int, *, pinned: bool) -> None:
    """Spare a run from pruning, or no longer."""
    db.execute("UPDATE runs SET pinned = ? WHERE rid = ?", (int(pinned), rid))
