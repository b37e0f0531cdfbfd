"""Connections to files that are not served: copies, staged databases, backups being restored.

The served file's connection and transactions are those of `connection.Store`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from sidecar import limits
from sidecar.store.pragmas import Connection, configure, set_pragma


@contextmanager
def transaction(db: Connection) -> Iterator[None]:
    """Commit what the block writes, or undo all of it when the block or the COMMIT fails.

    APSW's own `with db` is not used: after SQLite has rolled back by itself, as on a full disk,
    it raises an error of its own in place of the one that was the reason.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextmanager
def open_file(
    path: Path,
    *,
    vfs: str | None = None,
    cache_kib: int = limits.CACHE_SHORT_LIVED_KIB,
    writable: bool = True,
) -> Iterator[Connection]:
    """Open a file for the block, with full durability unless the block sets another.

    It is not opened read-only even where `writable` is False: then SQLite could not create the
    -shm file that it needs for a file in WAL mode, and would not check the CHECK constraints.
    """
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
    try:
        configure(db, cache_kib=cache_kib, writable=writable)
        yield db
    finally:
        db.close(True)


@contextmanager
def open_to_serve(path: Path, vfs: str | None = None) -> Iterator[Connection]:
    """Open a file for the last transaction before it takes the place of the served one.

    Afterwards the file is in WAL mode. Were it switched only when it is served, the switch would
    have to wait for every reader that is quicker.
    """
    with open_unsynced(path, vfs) as db:
        with transaction(db):
            yield db
        set_pragma(db, "journal_mode", "WAL", "wal")


@contextmanager
def open_unsynced(path: Path, vfs: str | None = None) -> Iterator[Connection]:
    """Open a file for any number of transactions, none of which is synced to the disk.

    Whoever puts the file in its place syncs it first.
    """
    with open_file(path, vfs=vfs, cache_kib=limits.CACHE_SNAPSHOT_KIB) as db:
        set_pragma(db, "synchronous", "OFF", 0)
        yield db
