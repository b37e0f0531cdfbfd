"""Archiving and deleting workflows.

A delete asks for a purge in its own transaction: secure_delete overwrites what it frees, but
the WAL and the segments of the search indexes keep old text until they are rewritten.
"""

from typing import Final, NamedTuple

from sidecar.store import purge
from sidecar.store.connection import Connection

_SET_ARCHIVED: Final = "UPDATE workflows SET archived_at = ? WHERE rid = ?"
_COUNT_RUNS: Final = "SELECT count(*) FROM runs WHERE workflow = ?"
_DELETE_OLDEST_RUNS: Final = (
    "DELETE FROM runs WHERE rid IN"
    " (SELECT rid FROM runs WHERE workflow = ? ORDER BY started_at LIMIT ?)"
)
_FEWER_RUNS: Final = "UPDATE workflows SET run_count = max(run_count - ?, 0) WHERE rid = ?"
_DELETE_RUNS: Final = "DELETE FROM runs WHERE workflow = ?"
_DELETE_REVISIONS: Final = "DELETE FROM workflow_revisions WHERE workflow = ?"
_DELETE: Final = "DELETE FROM workflows WHERE rid = ?"


class Deleted(NamedTuple):
    """What went with a workflow."""

    runs: int
    revisions: int


def set_archived(db: Connection, rid: int, archived_at: int | None) -> None:
    """Archive a workflow, or with None bring it back; its content and revision stay."""
    db.execute(_SET_ARCHIVED, (archived_at, rid))


def archived_before(db: Connection, before_at: int, limit: int) -> list[str]:
    """Ids of workflows archived before a time, the longest archived first."""
    return [
        str(row[0])
        for row in db.execute(
            "SELECT id FROM workflows WHERE archived_at < ? ORDER BY archived_at LIMIT ?",
            (before_at, limit),
        )
    ]


def count_runs(db: Connection, rid: int) -> int:
    """How many runs a workflow has."""
    return int(db.execute(_COUNT_RUNS, (rid,)).get)


def delete_oldest_runs(db: Connection, rid: int, limit: int) -> int:
    """Delete at most `limit` runs of a workflow, oldest first; return how many went."""
    db.execute(_DELETE_OLDEST_RUNS, (rid, limit))
    deleted = db.changes()
    db.execute(_FEWER_RUNS, (deleted, rid))
    purge.ask(db)
    return deleted


def delete(db: Connection, rid: int) -> Deleted:
    """Delete a workflow with its body, tags, revisions and runs."""
    db.execute(_DELETE_RUNS, (rid,))
    runs = db.changes()
    db.execute(_DELETE_REVISIONS, (rid,))
    revisions = db.changes()
    db.execute(_DELETE, (rid,))
    purge.ask(db)
    return Deleted(runs, revisions)
