"""What system.check looks at: the file, its references, its indexes, its bodies.

Each check yields findings: where, what, and the cure a person can apply. Nothing is repaired
here.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import apsw

from sidecar import limits
from sidecar.errors import DatabaseDamaged
from sidecar.store import codec
from sidecar.store.connection import Connection, one_row

Step = Callable[[int], None]
"""Called with the rows done so far; may raise to stop."""

_RESTORE = "Keep a copy of the file, then go back to a copy made before."


class Finding(NamedTuple):
    """One thing that is not as it should be."""

    kind: str
    where: str
    detail: str
    cure: str


def structure(db: Connection, *, full: bool) -> Iterator[Finding]:
    """SQLite's own check: pages and records; with `full` also that indexes match their tables."""
    pragma = "integrity_check" if full else "quick_check"
    for (text,) in db.execute(f"PRAGMA {pragma}"):
        if text != "ok":
            yield Finding("structure", "database", str(text)[:200], _RESTORE)


def references(db: Connection) -> Iterator[Finding]:
    """Rows whose owner is gone."""
    for table, rid, parent, _key in db.execute("PRAGMA foreign_key_check"):
        yield Finding("orphan", f"{table} {rid}", f"Its row in {parent} is gone.", _RESTORE)


SEARCH_INDEXES = ("workflows_fts", "workflows_trigram")


def search_index(db: Connection, name: str) -> Iterator[Finding]:
    """Whether a search index says what the table says; needs a connection that may write."""
    statements = {
        "workflows_fts": "INSERT INTO workflows_fts (workflows_fts, rank)"
        " VALUES ('integrity-check', 1)",
        "workflows_trigram": "INSERT INTO workflows_trigram (workflows_trigram, rank)"
        " VALUES ('integrity-check', 1)",
    }
    try:
        db.execute(statements[name])
    except apsw.CorruptError:
        yield Finding(
            "search_index", name, "It does not match the table.", "Save the workflows again."
        )


def bodies(db: Connection, step: Step) -> Iterator[Finding]:
    """Every body unpacked and compared with its hash."""
    after = done = 0
    while True:
        rows: list[tuple[int, str, bytes | None, bytes, int]] = _rows(
            db,
            "SELECT w.rid, w.id, b.data, w.content_sha256, w.size_bytes FROM workflows AS w"
            " LEFT JOIN workflow_bodies AS b ON b.rid = w.rid"
            " WHERE w.rid > ? ORDER BY w.rid LIMIT ?",
            (after, limits.CHECK_BATCH_ROWS),
        )
        for rid, workflow_id, data, sha256, size_bytes in rows:
            after = rid
            done += 1
            if data is None or not _is_sound(data, sha256, size_bytes):
                yield Finding(
                    "body", str(workflow_id), "The body is damaged.", "Save the workflow again."
                )
        step(done)
        if len(rows) < limits.CHECK_BATCH_ROWS:
            return


def summaries(db: Connection, step: Step) -> Iterator[Finding]:
    """Every run summary unpacked and compared with its hash."""
    after = done = 0
    while True:
        rows: list[tuple[int, str, bytes, bytes]] = _rows(
            db,
            "SELECT s.rid, r.id, s.data, s.sha256 FROM run_summaries AS s"
            " JOIN runs AS r ON r.rid = s.rid WHERE s.rid > ? ORDER BY s.rid LIMIT ?",
            (after, limits.CHECK_BATCH_ROWS),
        )
        for rid, run_id, data, sha256 in rows:
            after = rid
            done += 1
            if not _is_sound(data, sha256, None):
                yield Finding("summary", str(run_id), "The summary is damaged.", "Delete the run.")
        step(done)
        if len(rows) < limits.CHECK_BATCH_ROWS:
            return


def _rows(db: Connection, sql: str, values: tuple[int, int]) -> list[Any]:
    """All rows of a statement, typed by the caller, who wrote its columns."""
    return list(db.execute(sql, values))


def _is_sound(data: bytes, sha256: bytes, size_bytes: int | None) -> bool:
    try:
        codec.unpack(data, sha256, size_bytes)
    except DatabaseDamaged:
        return False
    return True


def run_counts(db: Connection) -> Iterator[Finding]:
    """Workflows whose kept run count is not the number of their runs."""
    for (workflow_id,) in db.execute(
        "SELECT w.id FROM workflows AS w WHERE w.run_count !="
        " (SELECT count(*) FROM runs AS r WHERE r.workflow = w.rid)"
    ):
        yield Finding("run_count", str(workflow_id), "The kept run count is wrong.", _RESTORE)


def counts(db: Connection) -> dict[str, int]:
    """What there is to be checked."""
    row = one_row(
        db,
        "SELECT (SELECT count(*) FROM workflows), (SELECT count(*) FROM run_summaries),"
        " (SELECT count(*) FROM access_log)",
    )
    return dict(zip(("workflows", "summaries", "audit_entries"), row, strict=True))
