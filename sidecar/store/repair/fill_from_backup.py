"""Adds rows that a damaged database has lost from a backup.

A backup is a copy of a file with its damage, so that its rows are held to the same rules as those
of the damaged file: other values replace damaged cells, a row whose id is damaged is left out, and
so is a body or a summary that is not the one that was stored.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sidecar.errors import DatabaseDamaged
from sidecar.store import codec
from sidecar.store.columns import Columns
from sidecar.store.connection import Connection
from sidecar.store.repair.salvage import mended
from sidecar.store.rows import read_cells
from sidecar.store.tables import TABLES, count
from sidecar.store.unserved_file import open_file

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


def count_rows(backup: Path | None) -> dict[str, int]:
    """Return the number of rows of each table of a backup that has any."""
    if backup is None:
        return {}
    names = [table.name for table in TABLES if not table.derived]
    with open_file(backup, writable=False) as source:
        counts = {name: count(source, name) for name in names}
    return {name: rows for name, rows in counts.items() if rows}


def _has(db: Connection, sql: str, *values: object) -> bool:
    """Return whether a query returns a row."""
    return db.execute(sql, values).fetchone() is not None


def _rows(source: Connection, target: Connection, table: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table that can be copied, as what `target` may hold, by column."""
    columns = Columns(target, table)
    sql = f"SELECT {', '.join(columns.names)} FROM {table} ORDER BY rid"  # noqa: S608 - names of this program's schema
    for cells in read_cells(source, len(columns.names), sql):
        row = mended(columns, cells)
        if row is not None and "id" not in columns.damaged_cells(cells):
            yield dict(zip(columns.names, row, strict=True))


def _insert(target: Connection, table: str, row: dict[str, Any]) -> None:
    """Insert a row under a new number: that of the backup may be another row's by now."""
    names = [name for name in row if name != "rid"]
    marks = ", ".join("?" * len(names))
    target.execute(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})",  # noqa: S608 - names of this program's schema
        [row[name] for name in names],
    )


def _workflows(source: Connection, target: Connection, since: int) -> int:
    """Copy missing workflows that were not deleted after audit entry `since`; return how many."""
    copied = 0
    for row in _rows(source, target, "workflows"):
        if _has(target, "SELECT 1 FROM workflows WHERE id = ?", row["id"]):
            continue
        if _has(target, _DELETED, "workflow_delete", row["id"], since):
            continue
        _insert(target, "workflows", row)
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
        rows = read_cells(
            source,
            2,
            "SELECT b.data, w.size_bytes FROM workflows AS w JOIN workflow_bodies AS b USING (rid)"
            " WHERE w.id = ? AND w.content_sha256 = ?",
            (workflow_id, sha256),
        )
        for data, size_bytes in rows:
            if _is_stored(data, sha256, size_bytes):
                sql = "INSERT INTO workflow_bodies (rid, data) VALUES (?, ?)"
                target.execute(sql, (rid, data))
                copied += 1
    return copied


def _runs(source: Connection, target: Connection, since: int) -> int:
    """Copy missing runs that were not deleted after audit entry `since`; return how many."""
    copied = 0
    for row in _rows(source, target, "runs"):
        owner = _owner(source, target, row["workflow"])
        if owner is None or _has(target, "SELECT 1 FROM runs WHERE id = ?", row["id"]):
            continue
        if _has(target, _DELETED, "run_delete", row["id"], since):
            continue
        _insert(target, "runs", row | {"workflow": owner})
        copied += 1
    return copied


def _owner(source: Connection, target: Connection, rid: int) -> int | None:
    """Return the number in `target` of the workflow that has a number in `source`, or None."""
    sql = "SELECT id FROM workflows WHERE rid = ?"
    for (workflow_id,) in read_cells(source, 1, sql, (rid,)):
        owner: int | None = target.execute(
            "SELECT rid FROM workflows WHERE id = ?", (workflow_id,)
        ).get
        return owner
    return None


def _summaries(source: Connection, target: Connection) -> int:
    """Copy missing summaries of runs; return how many."""
    missing: list[Any] = target.execute(
        "SELECT rid, id FROM runs WHERE summary_bytes IS NOT NULL"
        " AND rid NOT IN (SELECT rid FROM run_summaries)"
    ).fetchall()
    copied = 0
    for rid, run_id in missing:
        rows = read_cells(
            source,
            2,
            "SELECT s.data, s.sha256 FROM runs AS r JOIN run_summaries AS s USING (rid)"
            " WHERE r.id = ?",
            (run_id,),
        )
        for row in rows:
            if _is_stored(*row):
                target.execute(
                    "INSERT INTO run_summaries (rid, data, sha256) VALUES (?, ?, ?)", (rid, *row)
                )
                copied += 1
    return copied


def _is_stored(data: object, sha256: object, size_bytes: object = None) -> bool:
    """Return whether packed bytes are those that were stored under a hash and a size."""
    try:
        codec.unpack(data, sha256, size_bytes)
    except DatabaseDamaged:
        return False
    return True
