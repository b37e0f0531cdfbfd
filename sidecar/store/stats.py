"""Counts and sizes of the whole store, for system.stats."""

from pathlib import Path
from typing import NamedTuple

from sidecar.store.connection import Connection, one_row


class Totals(NamedTuple):
    """How much there is."""

    workflows: int
    archived: int
    revisions: int
    runs: int
    audit_entries: int
    body_bytes: int
    stored_bytes: int


class Space(NamedTuple):
    """How the file's bytes are used."""

    live_bytes: int
    free_bytes: int
    wal_bytes: int


def totals(db: Connection) -> Totals:
    """Count the rows of every noun; sizes are those of the live and archived bodies."""
    return Totals(
        *one_row(
            db,
            "SELECT (SELECT count(*) FROM workflows WHERE archived_at IS NULL),"
            " (SELECT count(*) FROM workflows WHERE archived_at IS NOT NULL),"
            " (SELECT count(*) FROM workflow_revisions),"
            " (SELECT count(*) FROM runs),"
            " (SELECT count(*) FROM access_log),"
            " (SELECT coalesce(sum(size_bytes), 0) FROM workflows),"
            " (SELECT coalesce(sum(stored_bytes), 0) FROM workflows)",
        )
    )


def space(db: Connection, path: Path) -> Space:
    """Pages in use, pages free, and the write-ahead log."""
    page_bytes, pages, free = (
        int(db.pragma(name)) for name in ("page_size", "page_count", "freelist_count")
    )
    wal = path.with_name(f"{path.name}-wal")
    wal_bytes = wal.stat().st_size if wal.exists() else 0
    return Space((pages - free) * page_bytes, free * page_bytes, wal_bytes)
