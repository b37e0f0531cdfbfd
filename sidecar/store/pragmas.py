"""Sets up every connection of the product: the version of SQLite and the pragmas.

Each pragma is set by a statement of its own and read back: when several statements are executed
together and the cursor is dropped after the first row, the others are skipped (measured with
APSW).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from sidecar import limits

Connection = apsw.Connection


def check_sqlite_version() -> None:
    """Refuse a SQLite that is older than the correction of the WAL-reset bug, which loses data.

    Raises:
        RuntimeError: the version is too old.
    """
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < limits.SQLITE_MIN_VERSION:
        wanted = ".".join(map(str, limits.SQLITE_MIN_VERSION))
        message = f"SQLite {apsw.sqlite_lib_version()} is too old; {wanted} or newer is needed."
        raise RuntimeError(message)


def sqlite_version() -> str:
    """Return the version of the SQLite library in use."""
    return apsw.sqlite_lib_version()


def set_pragma(db: Connection, name: str, value: str | int, expected: object) -> None:
    """Set one pragma and read it back.

    Raises:
        RuntimeError: the value that SQLite then returns is not `expected`.
    """
    db.execute(f"PRAGMA {name} = {value}").fetchall()
    got = db.pragma(name)
    if got != expected:
        message = f"SQLite did not take PRAGMA {name} = {value}: it says {got!r}."
        raise RuntimeError(message)


def configure(
    db: Connection, *, cache_kib: int, writable: bool = True, salvaging: bool = False
) -> None:
    """Set what all connections of the product have in common, the safest first.

    SQLite refuses a file that is shorter than its header says, unless schemas may be written:
    with `salvaging` such a file can be read as far as it goes. Never together with `writable`.
    """
    db.set_busy_timeout(limits.BUSY_TIMEOUT_MS)
    db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, int(not salvaging))
    db.config(apsw.SQLITE_DBCONFIG_WRITABLE_SCHEMA, int(salvaging))
    db.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    db.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    db.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    # Without this a statement with `LIMIT ?` is compiled again each time its limit is bound.
    db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    set_pragma(db, "trusted_schema", 0, 0)
    set_pragma(db, "cell_size_check", 1, 1)
    set_pragma(db, "temp_store", "MEMORY", 2)
    set_pragma(db, "mmap_size", 0, 0)
    set_pragma(db, "cache_size", -cache_kib, -cache_kib)
    set_pragma(db, "foreign_keys", 1, 1)
    set_pragma(db, "recursive_triggers", 1, 1)
    if not writable:
        set_pragma(db, "query_only", 1, 1)
        return
    set_pragma(db, "secure_delete", 1, 1)
    set_pragma(db, "synchronous", "FULL", 2)
    if sys.platform == "darwin":
        set_pragma(db, "checkpoint_fullfsync", 1, 1)


@contextmanager
def making_temporary_tables(db: Connection) -> Iterator[None]:
    """Allow temporary tables to be made in the block, also on a connection that only reads."""
    before = db.pragma("query_only")
    set_pragma(db, "query_only", 0, 0)
    try:
        yield
    finally:
        set_pragma(db, "query_only", before, before)


def configure_wal(db: Connection) -> None:
    """Switch the file to WAL, and limit the room that an empty WAL keeps on the disk."""
    set_pragma(db, "journal_mode", "WAL", "wal")
    limit_bytes = limits.JOURNAL_SIZE_LIMIT_BYTES
    set_pragma(db, "journal_size_limit", limit_bytes, limit_bytes)
    db.wal_autocheckpoint(limits.WAL_PAUSE_PAGES)


SHOWN_PRAGMAS = (
    "journal_mode",
    "foreign_keys",
    "secure_delete",
    "cache_size",
    "temp_store",
    "synchronous",
    "auto_vacuum",
    "trusted_schema",
    "cell_size_check",
)
"""The pragmas that `system.info` shows."""
