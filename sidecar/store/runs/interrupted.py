"""Ends the runs that a process left running, at the next start: it needs nothing of their rows."""

from sidecar.store.connection import Connection
from sidecar.store.rows import as_text, read_any

INTERRUPTED = "interrupted"
"""The `error_message` of an interrupted run, for people: `interrupted_at` says what it is."""


def close_interrupted(db: Connection, now_ms: int) -> int:
    """End every run that a process left running, unless it waits; return how many.

    Called when the database is opened or restored: a run that is still running then belonged to a
    process that ended. It ends at the time it was last heard of, and can be taken up again.
    """
    db.execute(
        "UPDATE runs SET status = 'error', error_message = ?, interrupted_at = ?,"
        " completed_at = max(started_at, min(seen_at, ?)),"
        " duration_ms = max(0, min(seen_at, ?) - started_at)"
        " WHERE status = 'running' AND waiting = 0",
        (INTERRUPTED, now_ms, now_ms, now_ms),
    )
    return db.changes()


def newest_interrupted(db: Connection, since_ms: int, limit: int) -> list[str]:
    """Return the ids of the runs that were found interrupted at a time or later, newest first."""
    sql = "SELECT id FROM runs WHERE interrupted_at >= ? ORDER BY started_at DESC LIMIT ?"
    return [as_text(row[0]) for row in read_any(db, 1, sql, (since_ms, limit))]
