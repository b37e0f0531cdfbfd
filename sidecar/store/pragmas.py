"""How every connection of the product is set up: which SQLite, which pragmas.

Knows connections and no table. A pragma is set by itself and read back: a multi-statement execute
whose cursor is dropped after the first row silently skips the rest (measured with APSW).
"""

import sys

import apsw

from sidecar import limits

Connection = apsw.Connection


def check_sqlite_version() -> None:
    """Refuse a SQLite with the WAL-reset bug; a wrong wheel must not cost anybody's data."""
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < limits.SQLITE_MIN_VERSION:
        wanted = ".".join(map(str, limits.SQLITE_MIN_VERSION))
        message = f"SQLite {apsw.sqlite_lib_version()} is too old; {wanted} or newer is needed."
        raise RuntimeError(message)


def sqlite_version() -> str:
    """Version of the SQLite library in use."""
    return apsw.sqlite_lib_version()


def set_pragma(db: Connection, name: str, value: str | int, expected: object) -> None:
    """Set one pragma and read it back.

    Raises:
        RuntimeError: SQLite answered something else than `expected`.
    """
    db.execute(f"PRAGMA {name} = {value}").fetchall()
    got = db.pragma(name)
    if got != expected:
        message = f"SQLite did not take PRAGMA {name} = {value}: it says {got!r}."
        raise RuntimeError(message)


def configure(
    db: Connection, *, cache_kib: int, writable: bool = True, salvaging: bool = False
) -> None:
    """Set what every connection of the product shares, safest first.

    SQLite refuses a file that is shorter than its header says, but for who mends schemas: with
    `salvaging` it lets itself be read as far as it goes. Never together with `writable`.
    """
    db.set_busy_timeout(limits.BUSY_TIMEOUT_MS)
    db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, int(not salvaging))
    db.config(apsw.SQLITE_DBCONFIG_WRITABLE_SCHEMA, int(salvaging))
    db.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    db.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    db.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
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


def configure_wal(db: Connection) -> None:
    """Switch the file to WAL, and bound what the WAL keeps of the disk."""
    set_pragma(db, "journal_mode", "WAL", "wal")
    kept_bytes = limits.JOURNAL_SIZE_LIMIT_BYTES
    set_pragma(db, "journal_size_limit", kept_bytes, kept_bytes)
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
"""What system.info shows, read from the live connection."""
