"""Archives and deletes workflows.

A caller that deletes also requests a purge in the same transaction: secure_delete overwrites what
it frees, but the WAL and the segments of the search indexes keep old text until they are rewritten.
"""

from typing import Any, Final, NamedTuple

from sidecar import limits
from sidecar.store import delete_steps
from sidecar.store.connection import Connection
from sidecar.store.workflows import revisions
from sidecar.store.workflows.save import DROP_TAGS

_SET_ARCHIVED: Final = "UPDATE workflows SET archived_at = ? WHERE rid = ?"
_COUNT_RUNS: Final = "SELECT count(*) FROM runs WHERE workflow = ?"
_OLDEST_RUNS: Final = (
    "SELECT rid, coalesce(stored_bytes, 0) FROM runs WHERE workflow = ?"
    " ORDER BY started_at, rid LIMIT ?"
)
_FEWER_RUNS: Final = "UPDATE workflows SET run_count = max(run_count - ?, 0) WHERE rid = ?"
_FIRST_REVISION: Final = "SELECT min(revision) FROM workflow_revisions WHERE workflow = ?"
_OLDEST_REVISIONS: Final = (
    "SELECT rid, coalesce(length(data), 0), form FROM workflow_revisions"
    " WHERE workflow = ? AND revision < ? ORDER BY revision"
)
_REVISION_BYTES: Final = (
    "SELECT coalesce(sum(length(data)), 0) FROM workflow_revisions WHERE workflow = ?"
)
_DELETE_RUNS: Final = "DELETE FROM runs WHERE workflow = ?"
_DELETE_REVISIONS: Final = "DELETE FROM workflow_revisions WHERE workflow = ?"
_TAGS_OF: Final = "SELECT json_array_length(tags), updated_at, tags FROM workflows WHERE rid = ?"
_DELETE: Final = "DELETE FROM workflows WHERE rid = ?"


class Deleted(NamedTuple):
    """How many rows were deleted with a workflow."""

    runs: int
    revisions: int


def set_archived(db: Connection, rid: int, archived_at: int | None) -> None:
    """Archive a workflow, or unarchive it when `archived_at` is None; its content stays."""
    db.execute(_SET_ARCHIVED, (archived_at, rid))


def list_archived_before(db: Connection, before_at: int, limit: int) -> list[str]:
    """Return ids of workflows that were archived before a time, the longest archived first."""
    return [
        str(row[0])
        for row in db.execute(
            "SELECT id FROM workflows WHERE archived_at < ? ORDER BY archived_at LIMIT ?",
            (before_at, limit),
        )
    ]


def count_runs(db: Connection, rid: int) -> int:
    """Return how many runs a workflow has."""
    return int(db.execute(_COUNT_RUNS, (rid,)).get)


def is_small(db: Connection, rid: int) -> bool:
    """Return whether a workflow can be deleted with all its runs and revisions in one step."""
    runs: list[Any] = db.execute(_OLDEST_RUNS, (rid, limits.RUNS_DELETE_INLINE_MAX + 1)).fetchall()
    if len(runs) > limits.RUNS_DELETE_INLINE_MAX:
        return False
    size_bytes = sum(int(row[1]) for row in runs) + int(db.execute(_REVISION_BYTES, (rid,)).get)
    return size_bytes <= limits.DELETE_STEP_BYTES


def delete_part(db: Connection, rid: int) -> Deleted:
    """Delete some of a workflow's runs, oldest first, or if it has none some of its revisions."""
    oldest: list[Any] = db.execute(_OLDEST_RUNS, (rid, limits.RUNS_DELETE_BATCH)).fetchall()
    chosen = delete_steps.first_step(oldest)
    db.executemany("DELETE FROM runs WHERE rid = ?", [(row[0],) for row in chosen])
    runs = len(chosen)
    db.execute(_FEWER_RUNS, (runs, rid))
    return Deleted(runs, 0 if runs else _delete_revisions(db, rid))


def _delete_revisions(db: Connection, rid: int) -> int:
    """Delete some revisions of the oldest group, its key frame last; return how many.

    The other revisions of the group cannot be unpacked without the key frame.
    """
    first = db.execute(_FIRST_REVISION, (rid,)).get
    if first is None:
        return 0
    end = revisions.group_start(first) + limits.REVISION_GROUP
    group: list[Any] = db.execute(_OLDEST_REVISIONS, (rid, end)).fetchall()
    chosen = delete_steps.first_step(sorted(group, key=lambda row: row[2] == "key"))
    db.executemany("DELETE FROM workflow_revisions WHERE rid = ?", [(row[0],) for row in chosen])
    return len(chosen)


def delete_workflow(db: Connection, rid: int) -> Deleted:
    """Delete a workflow with its body, tags, revisions and runs."""
    db.execute(_DELETE_RUNS, (rid,))
    runs = db.changes()
    db.execute(_DELETE_REVISIONS, (rid,))
    deleted = Deleted(runs, db.changes())
    _delete_tags(db, rid)
    db.execute(_DELETE, (rid,))
    return deleted


def _delete_tags(db: Connection, rid: int) -> None:
    """Delete the rows of a workflow's tags: by its row, or all by a scan if that misses one."""
    found = db.execute(_TAGS_OF, (rid,)).fetchone()
    if found is not None:
        count, updated_at, tags = found
        db.execute(DROP_TAGS, (rid, updated_at, tags))
        if db.changes() != count:
            db.execute("DELETE FROM workflow_tags WHERE workflow = ?", (rid,))
