"""What a backup still has of what damage took."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import apsw

from sidecar import limits
from sidecar.store.connection import Connection
from sidecar.store.pragmas import configure

_OF_WORKFLOWS: Final = (
    "name, description, tags, category, revision, content_sha256, size_bytes, stored_bytes,"
    " created_at, updated_at, archived_at"
)
_OF_RUNS: Final = (
    "id, workflow, revision, status, started_at, seen_at, completed_at, duration_ms,"
    " error_message, blocks_executed, tokens_used, api_calls_made, summary_bytes, stored_bytes,"
    " pinned"
)
_DELETED: Final = "SELECT 1 FROM access_log WHERE action = ? AND resource = ? AND seq > ?"


def fill_from_backup(
    target: Connection, backup: Path | None, lost: dict[str, int]
) -> dict[str, int]:
    """Put what is missing in `target` there from the newest verified backup; rows by table.

    `backup` is its unpacked database, of the same version, or None when there is none. Only tables
    that have lost something are looked at, and only their missing rows are taken; what the log
    says was deleted since the backup stays deleted.
    """
    if backup is None or not lost:
        return {}
    with _opened(backup) as source:
        since = int(source.execute("SELECT seq FROM audit_state").get or 0)
        filled = {
            "workflows": _workflows(source, target, since) if "workflows" in lost else 0,
            "workflow_bodies": _bodies(source, target),
            "runs": _runs(source, target, since) if "runs" in lost else 0,
            "run_summaries": _summaries(source, target),
        }
    return {name: count for name, count in filled.items() if count}


@contextmanager
def _opened(path: Path) -> Iterator[Connection]:
    # Not read-only: a file in WAL mode wants its -shm beside it.
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        configure(db, cache_kib=limits.CACHE_SHORT_LIVED_KIB, writable=False)
        yield db
    finally:
        db.close(True)


def _has(db: Connection, sql: str, *values: object) -> bool:
    return db.execute(sql, values).fetchone() is not None


def _workflows(source: Connection, target: Connection, since: int) -> int:
    marks = ", ".join("?" * len(_OF_WORKFLOWS.split(",")))
    taken = 0
    for workflow_id, *row in source.execute(f"SELECT id, {_OF_WORKFLOWS} FROM workflows"):  # noqa: S608 - constants
        if _has(target, "SELECT 1 FROM workflows WHERE id = ?", workflow_id):
            continue
        if _has(target, _DELETED, "workflow_delete", workflow_id, since):
            continue
        target.execute(
            f"INSERT INTO workflows (id, {_OF_WORKFLOWS}) VALUES (?, {marks})",  # noqa: S608 - constants
            (workflow_id, *row),
        )
        taken += 1
    return taken


def _bodies(source: Connection, target: Connection) -> int:
    """Bodies that are missing, where the backup's is the very one that the header speaks of."""
    missing: list[Any] = target.execute(
        "SELECT rid, id, content_sha256 FROM workflows"
        " WHERE rid NOT IN (SELECT rid FROM workflow_bodies)"
    ).fetchall()
    taken = 0
    for rid, workflow_id, sha256 in missing:
        row = source.execute(
            "SELECT b.data FROM workflows AS w JOIN workflow_bodies AS b USING (rid)"
            " WHERE w.id = ? AND w.content_sha256 = ?",
            (workflow_id, sha256),
        ).fetchone()
        if row is not None:
            target.execute("INSERT INTO workflow_bodies (rid, data) VALUES (?, ?)", (rid, *row))
            taken += 1
    return taken


def _runs(source: Connection, target: Connection, since: int) -> int:
    columns = _OF_RUNS.split(", ")
    marks = ", ".join("?" * len(columns))
    of_run = ", ".join(f"r.{column}" for column in columns)
    taken = 0
    rows = source.execute(
        f"SELECT w.id, {of_run} FROM runs AS r JOIN workflows AS w ON w.rid = r.workflow"  # noqa: S608 - constants
    )
    for workflow_id, run_id, _workflow, *rest in rows:
        owner = target.execute("SELECT rid FROM workflows WHERE id = ?", (workflow_id,)).get
        if owner is None or _has(target, "SELECT 1 FROM runs WHERE id = ?", run_id):
            continue
        if _has(target, _DELETED, "run_delete", run_id, since):
            continue
        target.execute(
            f"INSERT INTO runs ({_OF_RUNS}) VALUES ({marks})",  # noqa: S608 - constants
            (run_id, owner, *rest),
        )
        taken += 1
    return taken


def _summaries(source: Connection, target: Connection) -> int:
    missing: list[Any] = target.execute(
        "SELECT rid, id FROM runs WHERE summary_bytes IS NOT NULL"
        " AND rid NOT IN (SELECT rid FROM run_summaries)"
    ).fetchall()
    taken = 0
    for rid, run_id in missing:
        row = source.execute(
            "SELECT s.data, s.sha256 FROM runs AS r JOIN run_summaries AS s USING (rid)"
            " WHERE r.id = ?",
            (run_id,),
        ).fetchone()
        if row is not None:
            values = (rid, *row)
            target.execute("INSERT INTO run_summaries (rid, data, sha256) VALUES (?, ?, ?)", values)
            taken += 1
    return taken
