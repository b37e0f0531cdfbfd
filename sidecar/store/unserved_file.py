"""Files that nobody serves yet: copies and staged databases, opened for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from sidecar import limits
from sidecar.store.pragmas import Connection, configure, set_pragma
from sidecar.store.transaction import transaction


@contextmanager
def opened(path: Path, vfs: str | None = None) -> Iterator[Connection]:
    """One transaction in a file that nobody serves yet."""
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
    try:
        configure(db, cache_kib=limits.CACHE_SHORT_LIVED_KIB)
        with transaction(db):
            yield db
    finally:
        db.close(True)


@contextmanager
def opened_alone(path: Path) -> Iterator[Connection]:
    """A file that nobody serves yet, for as many transactions as it takes; none is synced.

    What puts the file in place syncs it first.
    """
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        configure(db, cache_kib=limits.CACHE_SNAPSHOT_KIB)
        set_pragma(db, "synchronous", "OFF", 0)
        yield db
    finally:
        db.close(True)
