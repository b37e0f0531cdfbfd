"""The one shared SQLite connection behind one lock, its pragmas and its transactions.

The only door to APSW. It owns how a connection is opened and how a write begins and ends; it
knows no table. Above it stand the noun modules, which take a `Connection` as first argument.

One connection, not a pool: SQLite has one writer anyway, prepared statements and the page cache
are then shared by all requests, and no request can meet another's half-done write. Requests of
one burst share a transaction, each under its own savepoint; long methods read through their own
short-lived connection and write in short steps under the same lock.

After an I/O error the connection is closed, since SQLite's view of the file is not to be trusted
then, and opened again when it is next wanted: a disk that has room again needs no restart. Once
damage has been confirmed nothing is written any more (`damaged`), while reads go on.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw

from sidecar import files, limits
from sidecar.errors import DatabaseBusy, DatabaseDamaged, DatabaseFull, Maintenance, ReadOnly
from sidecar.store.ballast import Ballast
from sidecar.store.pragmas import SHOWN_PRAGMAS, Connection, configure, configure_wal

__all__ = ["Connection", "Store", "one_row"]


def one_row(db: Connection, sql: str, values: tuple[object, ...] = ()) -> tuple[Any, ...]:
    """The one row a statement must give.

    Raises:
        DatabaseDamaged: there is none, which only damage can cause.
    """
    row = db.execute(sql, values).fetchone()
    if row is None:
        raise DatabaseDamaged
    return tuple(row)


class Store:
    """The open database: the shared connection, its lock and its transaction.

    `lock` is held for a whole burst, or for one step of a long method. All other methods but
    `reader` want it held.
    """

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        """Open `path`, which preflight and migrations have found fit, for reading and writing."""
        self.path = path
        self.vfs = vfs
        self.lock = threading.RLock()
        self._readers = 0
        self._readers_changed = threading.Condition()
        self.maintenance = False
        self._wanted = False
        self._in_transaction = False
        self._wal_pages = self._wal_held_pages = 0
        self.memory: Connection | None = None
        """Rows that are in no file: those of an ephemeral vault."""
        self.damaged = False
        self.suspected = False
        """Something hints at damage; a look by a fresh connection is due (`damage.CHORE`)."""
        self.full = False
        """The disk was full when something was last written."""
        self.ballast = Ballast(path)
        self._identity: tuple[int, int] | None = None
        """Which file `path` names; None until it is opened, also anew after a swap of ours."""
        self._db: Connection | None = self._open_shared()

    @property
    def db(self) -> Connection:
        """The shared connection; opened again if an I/O error had it closed.

        Raises:
            apsw.Error: it still cannot be opened.
        """
        if self._db is None:
            self._db = self._open_shared()
        return self._db

    def forget_memory(self) -> None:
        """Drop the rows that are in no file."""
        if self.memory is not None:
            self.memory.close(True)
            self.memory = None

    def _open_shared(self) -> Connection:
        flags = apsw.SQLITE_OPEN_READWRITE
        db = apsw.Connection(
            str(self.path), flags=flags, vfs=self.vfs, statementcachesize=limits.STATEMENT_CACHE
        )
        try:
            configure(db, cache_kib=limits.CACHE_SHARED_KIB)
            configure_wal(db)
            self._refuse_moved()
        except BaseException:
            db.close(True)
            raise
        # In place of SQLite's own checkpoint, which is part of the commit that reaches the bound.
        db.set_wal_hook(self._note_wal)
        return db

    def _note_wal(self, _db: Connection, _schema: str, pages: int) -> int:
        self._wal_pages = pages
        return int(apsw.SQLITE_OK)

    # --- the transaction of a burst, or of one step ---------------------------------------

    @property
    def in_transaction(self) -> bool:
        """Whether a write transaction is open."""
        return self._in_transaction

    def begin(self) -> None:
        """Open the write transaction unless it is open; IMMEDIATE, since an upgrade can fail.

        Raises:
            DatabaseDamaged: damage has been confirmed; nothing is written on top of it.
        """
        if not self._in_transaction:
            if self.damaged:
                message = "The database is damaged and only read from; recover it."
                raise DatabaseDamaged(message, hint="system.recover", outcome="not_applied")
            self.db.execute("BEGIN IMMEDIATE")
            self._in_transaction = True

    def make_room(self, *, frees_space: bool) -> None:
        """Before a write on a disk that was full; `frees_space` says that the write makes room.

        Raises:
            DatabaseFull: it still is, and what is left is for those who make room.
        """
        if not self.full:
            return
        if frees_space:
            self.ballast.remove()
            # What is in the log then has room in the file, and the log is written from its start.
            with suppress(apsw.Error):
                self.checkpoint()
        elif self.ballast.create():
            self.full = False
        else:
            raise DatabaseFull(outcome="not_applied")

    def commit(self) -> None:
        """Commit what is open, and be durable when this returns.

        Raises:
            apsw.Error: nothing was acknowledged; the outcome is unknown (a failed sync may have
                reached the disk).
        """
        if self._in_transaction:
            self._refuse_moved()
            self._in_transaction = False
            self.db.execute("COMMIT")

    def _refuse_moved(self) -> None:
        """Acknowledge nothing in a file that nobody finds; SQLite would write on into it.

        Raises:
            ReadOnly: the name is gone or another file has it, by no act of ours.
        """
        found = files.identity(self.path)
        self._identity = self._identity or found
        if found != self._identity:
            raise ReadOnly(
                f"{self.path} was moved, removed or replaced while it was served.",
                hint="Put the file back, or end this process and start it again.",
                outcome="not_applied",
            )

    def rollback(self) -> None:
        """Undo what is open; after an I/O error SQLite may have done so by itself."""
        self._in_transaction = False
        if self._db is None or not self._db.in_transaction:
            return
        try:
            self._db.execute("ROLLBACK")
        except apsw.Error:
            self.reopen()  # which undoes it too

    def transaction_stands(self) -> bool:
        """Whether what was begun is still open; SQLite ends it by itself after some errors."""
        return not self._in_transaction or (self._db is not None and self._db.in_transaction)

    def changes(self) -> int:
        """Rows changed through the shared connection so far, a cheap measure of work done."""
        return int(self.db.total_changes())

    def begin_savepoint(self) -> None:
        """Begin a part of the transaction that can be undone by itself; parts may nest."""
        self.db.execute("SAVEPOINT part")

    def release_savepoint(self) -> None:
        """End the part begun last, so that it shares the fate of what it is a part of."""
        self.db.execute("RELEASE part")

    def rollback_to_savepoint(self) -> bool:
        """Undo the part begun last and end it; return False when SQLite has undone everything."""
        if self._db is None or not self._db.in_transaction:
            self._in_transaction = False
            return False
        self.db.execute("ROLLBACK TO part")
        self.db.execute("RELEASE part")
        return True

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what the block wrote, and nothing else of the transaction, when it raises."""
        self.begin_savepoint()
        try:
            yield
        except BaseException:
            # Where SQLite has undone everything, who began the transaction is to find that out.
            if self.transaction_stands():
                self.rollback_to_savepoint()
            raise
        self.release_savepoint()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One short transaction of its own under the lock, for steps of long methods and starts."""
        with self.lock:
            self.begin()
            try:
                yield self.db
            except BaseException:
                self.rollback()
                raise
            try:
                self.commit()
            except BaseException:
                self.rollback()
                raise
            self.relieve_wal(limits.WAL_MAX_PAGES)

    # --- other connections, other states --------------------------------------------------

    @contextmanager
    def reader(self, *, snapshot: bool = False) -> Iterator[Connection]:
        """Open a connection that cannot write, for long reads beside the shared connection.

        With `snapshot` all of its reads see the state that its first read sees.

        Raises:
            Maintenance: somebody has the file to himself.
        """
        with self._readers_changed:
            if self.maintenance:
                raise Maintenance
            self._readers += 1
        db: Connection | None = None
        try:
            # Not opened read-only: then SQLite's own check would leave out the CHECK constraints.
            db = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=self.vfs)
            # Were it the last one, closing it would write: a full disk must not fail a read.
            db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            configure(db, cache_kib=limits.CACHE_SHORT_LIVED_KIB, writable=False)
            if snapshot:
                db.execute("BEGIN")
            yield db
        finally:
            if db is not None:
                with suppress(apsw.Error):
                    db.close(True)
            with self._readers_changed:
                self._readers -= 1
                self._readers_changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Have the file to oneself: the lock is held, no reader is left and none comes.

        Raises:
            DatabaseBusy: a reader did not end in time.
            Maintenance: somebody else has it.
        """
        with self._readers_changed:
            if self.maintenance:
                raise Maintenance
            self.maintenance = True
            try:
                wait_s = limits.ALONE_WAIT_MS / 1000
                if not self._readers_changed.wait_for(lambda: self._readers == 0, wait_s):
                    raise DatabaseBusy
            except BaseException:
                self.maintenance = False
                raise
        try:
            with self.lock:
                yield
        finally:
            self.maintenance = False

    def acquire(self) -> None:
        """Take the lock for a request.

        Raises:
            Maintenance: somebody has the file to himself, for longer than a request may wait.
        """
        if self.lock.acquire(blocking=False):
            return
        self._wanted = True
        try:
            while not self.lock.acquire(timeout=limits.LOCK_WAIT_SLICE_MS / 1000):
                if self.maintenance:
                    raise Maintenance
        finally:
            self._wanted = False

    def let_requests_go_first(self) -> None:
        """Wait, within a bound, while a request waits for the lock; call it between two steps.

        Python's locks are not fair: who gives one back and takes it again at once keeps it.
        """
        for _look in range(limits.LOCK_WAIT_SLICE_MS):
            if not self._wanted:
                return
            time.sleep(0.001)

    @contextmanager
    def closed(self) -> Iterator[None]:
        """The file without a handle on it, for who puts another in its place."""
        if self._db is not None:
            # A damaged file is to be kept as it is: its log must not be moved into it.
            self._db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, int(self.damaged))
            self._db.close(True)
        self._db = None
        yield
        self._identity = None
        self._wal_pages = self._wal_held_pages = 0

    def reopen(self) -> None:
        """Have a new shared connection after an I/O error, which leaves this one untrustworthy.

        After such an error inside a search trigger the same connection reports corruption that
        the file does not have (measured), so it is never used again. The new one is opened when
        it is wanted: the disk may not let us now.
        """
        with self.lock:
            self._in_transaction = False
            self._wal_pages = self._wal_held_pages = 0
            spoiled, self._db = self._db, None
            if spoiled is not None:
                # What closing could not do, the next opening does.
                with suppress(apsw.Error):
                    spoiled.close(True)

    def pragmas(self) -> dict[str, str | int]:
        """The pragmas a person may ask for, as the live connection has them."""
        return {name: self.db.pragma(name) for name in SHOWN_PRAGMAS}

    def schema_version(self) -> int:
        """Version of the tables, from the file's header."""
        return int(self.db.pragma("user_version"))

    @property
    def wal_pages(self) -> int:
        """Pages that the WAL has grown by since it was last moved."""
        return self._wal_pages - self._wal_held_pages

    def relieve_wal(self, most_pages: int) -> None:
        """Move the WAL into the database when it has grown past so many pages.

        What a long reader still needs stays; it is tried again when as much has been added.
        """
        if 0 <= self.wal_pages < most_pages:
            return
        with self.lock:
            total, moved = self.db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            self._wal_held_pages = total if moved < total else 0
            self._wal_pages = self._wal_held_pages

    def checkpoint(self) -> bool:
        """Move the whole WAL into the database and empty it; False when a reader prevents it."""
        with self.lock:
            # The lock is held: who is in the way is not waited for long.
            self.db.set_busy_timeout(limits.CHECKPOINT_WAIT_MS)
            try:
                _frames, moved = self.db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except apsw.BusyError:
                return False
            finally:
                self.db.set_busy_timeout(limits.BUSY_TIMEOUT_MS)
            self._wal_pages = self._wal_held_pages = 0
            return bool(moved == 0)

    def close(self) -> None:
        """Checkpoint and close; the -wal and -shm files are gone afterwards."""
        with self.lock:
            if self._in_transaction:
                self.rollback()
            self.reopen()
