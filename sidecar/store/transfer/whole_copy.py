"""Copies a snapshot of a whole database by SQLite's backup API, without changing the database.

Another process may serve the file and continues meanwhile. When no process serves it, SQLite opens
it as immutable, because it would otherwise leave a log beside it.
"""

from contextlib import suppress
from pathlib import Path

import apsw

from sidecar import files
from sidecar.errors import StorageFailed
from sidecar.store.database_files import remove_database
from sidecar.store.search import indexes
from sidecar.store.sqlite_errors import as_wire_error
from sidecar.store.transfer.snapshot import copy_pages
from sidecar.store.unserved_file import open_unsynced, transaction

_INDEX_STEPS_MAX = 200
"""Most steps of indexing, about a second of work. After an update of the program everything is
pending; what these steps leave, a search says that it may miss."""

_TRIES = 5
"""A further try is needed when a process begins to serve the file during a copy."""


def copy_whole(source: Path, copy: Path) -> int:
    """Copy the database to a file that only its owner can read; return its tables' version.

    Raises:
        SidecarError: it cannot be read, or changes all the time.
    """
    for _ in range(_TRIES):
        remove_database(copy)
        files.create_private(copy)
        try:
            with files.wire_errors():
                version = _copy_once(source, copy)
        except apsw.Error as fault:
            raise as_wire_error(fault) or fault from fault
        if version is not None:
            return version
    raise StorageFailed(f"{source} changes while it is copied; try again.")


def _copy_once(source: Path, copy: Path) -> int | None:
    """Copy the database; return None when it has begun to be served meanwhile."""
    log = files.beside(source, "-wal")
    is_open = log.exists()
    before = source.stat()
    uri = source.absolute().as_uri() + ("?mode=ro" if is_open else "?mode=ro&immutable=1")
    db = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    try:
        # A close must not move what a crashed process left in its log into the file: on POSIX that
        # cannot happen, as the file is not open for writing.
        db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        # Without a transaction the copy begins again with each write of the other process.
        db.execute("BEGIN")
        version = int(db.pragma("user_version"))
        copy_pages(db, copy, lambda: False, lambda _bytes: None)
        db.execute("ROLLBACK")
    finally:
        db.close(True)
    after = source.stat()
    is_same = (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)
    return version if is_open or (is_same and not log.exists()) else None


def index_pending(copy: Path) -> None:
    """Index in a copy what the process that served the original had not indexed yet.

    A process that only reads the copy cannot do it. In a damaged copy it is left out.
    """
    with suppress(apsw.Error), open_unsynced(copy) as db, transaction(db):
        for step in (indexes.index_some_headers, indexes.index_some_texts):
            for _ in range(_INDEX_STEPS_MAX):
                if not step(db):
                    break
