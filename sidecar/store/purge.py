"""Deleted means gone: no byte of what was deleted stays in the file, its indexes or its log.

SQLite's secure_delete overwrites rows as they go. It does not reach the segments of the search
indexes, which keep what was deleted until they are merged, the statistics of ANALYZE, which hold
samples, and the write-ahead log, which holds old pages. A purge merges, renews and empties
those, in steps, and the flag that asks for it is set in the delete's own transaction and taken
back only by the purge that has seen it.

Out of reach: blocks of a solid-state disk, snapshots of a file system, copies made before.
"""

from typing import Final

from sidecar import limits
from sidecar.store import meta
from sidecar.store.connection import Connection
from sidecar.store.search import index as search_index

CHORE: Final = "purge"
"""Name of the chore that purges by itself."""

INDEXES: Final = (*search_index.HEADER_INDEXES, search_index.TEXT_INDEX)


def ask(db: Connection) -> None:
    """Note in the caller's transaction that something was deleted and a purge is due."""
    meta.write(db, meta.PURGE_PENDING, asked(db) + 1)


def asked(db: Connection) -> int:
    """How often a purge was asked for since the last one; 0 when none is due."""
    return int(meta.read(db, meta.PURGE_PENDING) or 0)


def settle(db: Connection, seen: int) -> bool:
    """Note that a purge is done, unless more was deleted since `asked` returned `seen`.

    Return whether it was noted.
    """
    done = asked(db) == seen
    if done:
        meta.write(db, meta.PURGE_PENDING, 0)
    return done


def begin_merge(db: Connection, index: str) -> bool:
    """Begin to merge all segments of an index into one; whether there is more to do."""
    return _merge(db, index, -limits.MERGE_STEP_PAGES)


def go_on_merging(db: Connection, index: str) -> bool:
    """A further step of it."""
    return _merge(db, index, limits.MERGE_STEP_PAGES)


def _merge(db: Connection, index: str, pages: int) -> bool:
    before = db.total_changes()
    db.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('merge', ?)", (pages,))  # noqa: S608 - constants
    # SQLite's documentation, fts5, 6.8: fewer than two changes mean that nothing was left to do.
    return db.total_changes() - before >= 2  # noqa: PLR2004 - see above


def renew_statistics(db: Connection) -> None:
    """Make ANALYZE's samples anew, where there are any."""
    kept = db.execute(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name IN ('sqlite_stat1', 'sqlite_stat4'))"
    ).get
    if kept:
        db.execute(f"PRAGMA analysis_limit = {limits.ANALYSIS_ROWS}").fetchall()
        db.execute("ANALYZE").fetchall()


def free_pages(db: Connection) -> int:
    """Pages of the file that hold nothing."""
    return int(db.pragma("freelist_count"))


def give_back(db: Connection) -> bool:
    """Cut some free pages off the file; whether there are more."""
    db.execute(f"PRAGMA incremental_vacuum({limits.VACUUM_STEP_PAGES})").fetchall()
    return free_pages(db) > 0


def file_bytes(db: Connection) -> int:
    """Size of the database without its log."""
    return int(db.pragma("page_count")) * int(db.pragma("page_size"))
