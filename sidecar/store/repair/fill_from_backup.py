"""Adds rows that a damaged database has lost from a backup."""

from pathlib import Path
from typing import Any, Final

from sidecar.store.connection import Connection
from sidecar.store.unserved_file import open_file

_OF_WORKFLOWS: Final = (
    "name, description, tags, category, revision, content_sha256, size_bytes, stored_bytes,"
    " created_at, updated_at, archived_at"
)
_OF_RUNS: Final = (
    "id, workflow, revision, status, started_at, seen_at, completed_at, duration_ms,"
    " error_message, blocks_executed, tokens_used, api_calls_made, summary_bytes, stored_bytes,"
    " pinned, interrupted_at, waiting, trigger, message_truncated, summary_state"
)
_DELETED: Final = "SELECT 1 FROM access_log WHERE action = ? AND resource = ? AND seq > ?"


def fill_from_backup(
    target: Connection, backup: Path | None, lost: dict[str, int]
) -> dict[str, int]:
    """Copy missing rows from a backup into `target` and return how many, by table.

    `backup` is the unpacked database of a verified backup of the same schema version, or None.
    Only tables that lost rows are filled, and only with rows that are missing. A workflow or run
    that was deleted after the backup, according to the audit log, is not copied.
    """
    if backup is None or not lost:
        return {}
    with open_file(backup, writable=False) as source:
        since = int(source.execute("SELECT seq FROM audit_state").get or 0)
        filled = {
            "workflows": _workflows(source, target, since) if "workflows" in lost else 0,
            "workflow_bodies": _bodies(source, target),
            "runs": _runs(source, target, since) if "runs" in lost else 0,
            "run_summaries": _summaries(source, target),
        }
    return {name: count for name, count in filled.items() if count}


def _has(db: Connection, sql: str, *values: object) -> bool:
    """Return whether a query returns a row."""
    return db.execute(sql, values).fetchone() is not None


def _workflows(source: Connection, target: Connection, since: int) -> int:
    """Copy missing workflows that were not deleted after audit entry `since`; return how many."""
    marks = ", ".join("?" * len(_OF_WORKFLOWS.split(",")))
    copied = 0
    for workflow_id, *row in source.execute(f"SELECT id, {_OF_WORKFLOWS} FROM workflows"):  # noqa: S608 - constants
        if _has(target, "SELECT 1 FROM workflows WHERE id = ?", workflow_id):
            continue
        if _has(target, _DELETED, "workflow_delete", workflow_id, since):
            continue
        target.execute(
            f"INSERT INTO workflows (id, {_OF_WORKFLOWS}) VALUES (?, {marks})",  # noqa: S608 - constants
            (workflow_id, *row),
        )
        copied += 1
    return copied


def _bodies(source: Connection, target: Connection) -> int:
    """Copy missing bodies if the backup has the same body as the header; return how many."""
    missing: list[Any] = target.execute(
        "SELECT rid, id, content_sha256 FROM workflows"
        " WHERE rid NOT IN (SELECT rid FROM workflow_bodies)"
    ).fetchall()
    copied = 0
    for rid, workflow_id, sha256 in missing:
        row = source.execute(
            "SELECT b.data FROM workflows AS w JOIN workflow_bodies AS b USING (rid)"
            " WHERE w.id = ? AND w.content_sha256 = ?",
            (workflow_id, sha256),
        ).fetchone()
        if row is not None:
            target.execute("INSERT INTO workflow_bodies (rid, data) VALUES (?, ?)", (rid, *row))
            copied += 1
    return copied


def _runs(source: Connection, target: Connection, since: int) -> int:
    """Copy missing runs that were not deleted after audit entry `since`; return how many."""
    columns = _OF_RUNS.split(", ")
    marks = ", ".join("?" * len(columns))
    of_run = ", ".join(f"r.{column}" for column in columns)
    copied = 0
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
        copied += 1
    return copied


def _summaries(source: Connection, target: Connection) -> int:
    """Copy missing summaries of runs; return how many."""
    missing: list[Any] = target.execute(
        "SELECT rid, id FROM runs WHERE summary_bytes IS NOT NULL"
        " AND rid NOT IN (SELECT rid FROM run_summaries)"
    ).fetchall()
    copied = 0
    for rid, run_id in missing:
        row = source.execute(
            "SELECT s.data, s.sha256 FROM runs AS r JOIN run_summaries AS s USING (rid)"
            " WHERE r.id = ?",
            (run_id,),
        ).fetchone()
        if row is not None:
            values = (rid, *row)
            target.execute("INSERT INTO run_summaries (rid, data, sha256) VALUES (?, ?, ?)", values)
            copied += 1
    return copied
