"""Ends the runs that a process left running, at the next start: it needs nothing of their rows."""

from contextlib import suppress

import apsw

from sidecar.store.connection import Connection
from sidecar.store.rows import as_text, read_any

INTERRUPTED = "interrupted"
"""The `error_message` of an interrupted run, for people: `interrupted_at` says what it is."""


_CLOSE = (
    "UPDATE runs SET status = 'error', error_message = ?1, interrupted_at = ?2,"
    " completed_at = max(started_at, min(seen_at, ?2)),"
    " duration_ms = max(0, min(seen_at, ?2) - started_at)"
    " WHERE status = 'running' AND waiting = 0"
)


def close_interrupted(db: Connection, now_ms: int) -> int:
    """End every run that a process left running, unless it waits; return how many.

    Called when the database is opened or restored: a run that is still running then belonged to a
    process that ended. It ends at the time of its last sign, and can be resumed. A run
    with a damaged cell, which SQLite refuses to write again, stays as it is until it is recovered
    or deleted.
    """
    try:
        db.execute(_CLOSE, (INTERRUPTED, now_ms))
    except apsw.ConstraintError:
        return _close_one_by_one(db, now_ms)
    return db.changes()


def _close_one_by_one(db: Connection, now_ms: int) -> int:
    """End the runs that can be written; return how many."""
    rids = db.execute("SELECT rid FROM runs WHERE status = 'running' AND waiting = 0").fetchall()
    closed = 0
    for (rid,) in rids:
        with suppress(apsw.ConstraintError):
            db.execute(f"{_CLOSE} AND rid = ?3", (INTERRUPTED, now_ms, rid))
            closed += db.changes()
    return closed


def newest_interrupted(db: Connection, since_ms: int, limit: int) -> list[str]:
    """Return the ids of the runs that were found interrupted at a time or later, newest first."""
    sql = "SELECT id FROM runs WHERE interrupted_at >= ? ORDER BY started_at DESC LIMIT ?"
    return [as_text(row[0]) for row in read_any(db, 1, sql, (since_ms, limit))]
