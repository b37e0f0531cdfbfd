"""Counts and sizes of the whole store, for `system.stats`."""

from pathlib import Path
from typing import NamedTuple

from sidecar.files import beside
from sidecar.store.connection import Connection, one_row
from sidecar.store.rows import bounded_sum


class Totals(NamedTuple):
    """Numbers of rows, and sizes of the bodies as they were sent and as they are stored."""

    workflows: int
    archived: int
    revisions: int
    runs: int
    audit_entries: int
    body_bytes: int
    stored_bytes: int


class Space(NamedTuple):
    """Bytes of the file that are in use and free, and bytes of its write-ahead log."""

    live_bytes: int
    free_bytes: int
    wal_bytes: int


def row_totals(db: Connection) -> Totals:
    """Count the rows of every noun, and add up the sizes of the bodies, archived ones too."""
    return Totals(
        *one_row(
            db,
            "SELECT (SELECT count(*) FROM workflows WHERE archived_at IS NULL),"  # noqa: S608 - constants
            " (SELECT count(*) FROM workflows WHERE archived_at IS NOT NULL),"
            " (SELECT count(*) FROM workflow_revisions),"
            " (SELECT count(*) FROM runs),"
            " (SELECT count(*) FROM access_log),"
            f" (SELECT {bounded_sum('size_bytes')} FROM workflows),"
            f" (SELECT {bounded_sum('stored_bytes')} FROM workflows)",
        )
    )


def file_space(db: Connection, path: Path) -> Space:
    """Return how the bytes of the file at `path` are used."""
    page_bytes, pages, free = (
        int(db.pragma(name)) for name in ("page_size", "page_count", "freelist_count")
    )
    wal = beside(path, "-wal")
    wal_bytes = wal.stat().st_size if wal.exists() else 0
    return Space((pages - free) * page_bytes, free * page_bytes, wal_bytes)
