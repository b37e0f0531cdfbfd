"""The purge: afterwards no byte of what was deleted is in the file, its indexes or its log.

SQLite's secure_delete overwrites rows when they are deleted. It does not reach the segments of
the search indexes, which hold what was deleted until they are merged, the statistics of ANALYZE,
which hold samples, and the write-ahead log, which holds old pages. A purge merges, renews and
empties those in steps. The request for a purge is a row of the file, written in the transaction
that deletes and cleared only by a purge that began after it.

Out of reach are blocks of a solid-state disk, snapshots of a file system, and copies made before.
"""

from sidecar import limits
from sidecar.store import meta
from sidecar.store.pragmas import Connection


def add_request(db: Connection) -> None:
    """Note in the caller's transaction that something was deleted and a purge is due."""
    meta.write(db, meta.PURGE_PENDING, count_requests(db) + 1)


def count_requests(db: Connection) -> int:
    """Return how often a purge was requested since the last one; 0 when none is due.

    A damaged number counts as one request.
    """
    found = meta.read(db, meta.PURGE_PENDING)
    return int(found or 0) if meta.is_possible(meta.PURGE_PENDING, found) else 1


def clear_requests(db: Connection, seen: int) -> bool:
    """Note that a purge is done; return False when it was requested again since `seen` requests."""
    if count_requests(db) != seen:
        return False
    meta.write(db, meta.PURGE_PENDING, 0)
    return True


def begin_merge(db: Connection, index: str) -> bool:
    """Start to merge all segments of a search index into one; return whether work is left."""
    return _merge(db, index, -limits.MERGE_STEP_PAGES)


def continue_merge(db: Connection, index: str) -> bool:
    """Take one more step of a merge that was begun; return whether more is to do."""
    return _merge(db, index, limits.MERGE_STEP_PAGES)


def _merge(db: Connection, index: str, pages: int) -> bool:
    before = db.total_changes()
    db.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('merge', ?)", (pages,))  # noqa: S608 - constants
    # SQLite's documentation, fts5, 6.8: fewer than two changes mean that nothing was left to do.
    return db.total_changes() - before >= 2  # noqa: PLR2004 - see above


def renew_statistics(db: Connection) -> None:
    """Run ANALYZE again where it was run before, so that its samples are of rows that exist."""
    analysed = db.execute(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name IN ('sqlite_stat1', 'sqlite_stat4'))"
    ).get
    if analysed:
        db.execute(f"PRAGMA analysis_limit = {limits.ANALYSIS_ROWS}").fetchall()
        db.execute("ANALYZE").fetchall()


def cut_off_free_pages(db: Connection) -> bool:
    """Return some free pages to the file system; return whether the file has more of them."""
    if db.pragma("freelist_count"):
        db.execute(f"PRAGMA incremental_vacuum({limits.VACUUM_STEP_PAGES})").fetchall()
    return bool(db.pragma("freelist_count"))


def file_bytes(db: Connection) -> int:
    """Return the size of the database without its log."""
    return int(db.pragma("page_count")) * int(db.pragma("page_size"))
