"""The served database: one shared connection, the lock that guards it, and its transactions.

There is one connection and not a pool: SQLite has one writer anyway, prepared statements and the
page cache are then shared by all requests, and no request can see half of another one's write.
Requests of one burst share a transaction, each in a savepoint of its own. Long methods read
through a short-lived connection of their own and write in short steps under the same lock.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw

from sidecar import limits
from sidecar.errors import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseFull,
    Maintenance,
    ReadOnly,
    RecoveryRequired,
    StorageFailed,
)
from sidecar.store import wal as log_files
from sidecar.store.ballast import Ballast
from sidecar.store.pragmas import Connection, configure
from sidecar.store.rows import fits
from sidecar.store.shared import SharedConnection
from sidecar.store.wal import LogState

__all__ = ["Connection", "Store", "one_row"]


def one_row(
    db: Connection, sql: str, values: tuple[object, ...] = (), *, types: Any = None
) -> tuple[Any, ...]:
    """Return the one row of a statement that always has one; `types` is the tuple type of it.

    Raises:
        DatabaseDamaged: there is none, or a cell is of another type, which only damage can cause.
    """
    row = db.execute(sql, values).fetchone()
    if row is None or not (types is None or fits(row, types)):
        raise DatabaseDamaged
    return tuple(row)


class Store(SharedConnection):
    """The open database: the shared connection, its lock and its transaction.

    `lock` is held for a whole burst, or for one step of a long method; methods that do not
    acquire it are called with it held.
    """

    def __init__(
        self,
        path: Path,
        *,
        vfs: str | None = None,
        rescue: RecoveryRequired | None = None,
        reads_only: bool = False,
    ) -> None:
        """Open the file at `path`, see `SharedConnection`."""
        super().__init__(path, vfs=vfs, rescue=rescue, reads_only=reads_only)
        self._readers = 0
        self._readers_changed = threading.Condition()
        self.maintenance = False
        self._request_waits = False
        self.memory: Connection | None = None
        """A database in memory with the rows of an ephemeral vault, None without one."""
        self.damage_suspected = False
        """Something hints at damage; a chore checks the file through another connection."""
        self.disk_full = False
        """The disk was full when something was last written."""
        self.ballast = Ballast(path)

    def close_memory(self) -> None:
        """Close the database in memory, which discards its rows."""
        if self.memory is not None:
            self.memory.close(True)
            self.memory = None

    # --- the transaction of a burst, or of one step ---------------------------------------

    @property
    def in_transaction(self) -> bool:
        """Whether a write transaction was begun and not ended here."""
        return self._in_transaction

    def begin(self) -> None:
        """Begin a write transaction unless one is open.

        It is IMMEDIATE, because a transaction that begins with a read can fail at its first write.

        Raises:
            RecoveryRequired: there is no file that can be opened.
            DatabaseDamaged: damage was confirmed, so nothing is written.
            DatabaseBusy: a reader needs the log, which was removed.
            StorageFailed: SQLite has undone the transaction by itself.
            ReadOnly: another process serves the file.
        """
        if self._in_transaction:
            self._require_transaction()
            return
        if self.reads_only:
            raise ReadOnly("Another process serves the database; here it is only read.")
        if self.wal.state() is not LogState.SOUND:
            self.tend_log()  # before anything is changed: to undo that needs the log
        if self.damaged:
            self.require_file()
            if self.wal.is_cut:
                raise DatabaseDamaged(log_files.CUT, hint="backups.create", outcome="not_applied")
            message = "The database is damaged and only read from; recover it."
            raise DatabaseDamaged(message, hint="system.recover", outcome="not_applied")
        self.db.execute("BEGIN IMMEDIATE")
        self._in_transaction = True

    def _require_transaction(self) -> None:
        """Refuse to write when SQLite has undone the transaction by itself, as after some errors.

        Without a transaction each statement would be committed by itself, although the others of
        its transaction are undone.

        Raises:
            StorageFailed: it is undone; the caller is to roll back.
        """
        if self._in_transaction and (self._db is None or not self._db.in_transaction):
            raise StorageFailed(outcome="not_applied")

    def make_room(self, *, frees_space: bool) -> None:
        """Give a write on a disk that was full what the ballast reserves, when it frees space.

        Raises:
            DatabaseFull: the disk is still full, and the write does not free space.
        """
        if not self.disk_full:
            return
        if frees_space:
            self.ballast.remove()
            # The log then fits into the file, and is written from its start again.
            with suppress(apsw.Error):
                self.checkpoint()
        elif self.ballast.create():
            self.disk_full = False
        else:
            raise DatabaseFull(outcome="not_applied")

    def commit(self) -> None:
        """Commit the transaction if one is open; it is on the disk when this returns.

        Raises:
            apsw.Error: the outcome is unknown, since a failed sync may have reached the disk.
            ReadOnly: the file is no longer where it was; nothing was committed.
            DatabaseDamaged: the log was cut off; nothing was committed.
            DatabaseBusy: a reader needs the log, which was removed; nothing was committed.
        """
        if self._in_transaction:
            self.watch.check_names()
            state = self.wal.state()
            if state is LogState.LOST:
                self._renew_log()
                return
            if state is LogState.CUT and self._log_is_cut():
                raise DatabaseDamaged(log_files.CUT, hint="backups.create", outcome="not_applied")
            self._in_transaction = False
            self.db.execute("COMMIT")

    def tend_log(self) -> None:
        """Open another log when that of this connection was removed, and stop writing when cut off.

        Raises:
            DatabaseBusy: a reader or a transaction needs the log that was removed.
        """
        with self.lock:
            if (
                self.reads_only
                or self._db is None
                or self._log_is_cut()
                or self.wal.state() is LogState.SOUND
            ):
                return
            if self._in_transaction:
                raise DatabaseBusy(outcome="not_applied")
            self._renew_log()

    def _renew_log(self) -> None:
        """Commit, move the log that was removed or replaced into the database, and open another.

        Another connection would see another log, so there must be no reader.

        Raises:
            DatabaseBusy: there is a reader; nothing was committed.
            StorageFailed: a reader of another program keeps a part in the log, without a name.
        """
        with self._readers_changed:
            if self._readers:
                raise DatabaseBusy(outcome="not_applied")
            if self._in_transaction:
                self._in_transaction = False
                self.db.execute("COMMIT")
            if not self.wal.move_free_pages(self.db):
                raise StorageFailed
            self.watch.warn("log_replaced", log_files.REPLACED)
            if self.wal.empty(self.db):
                self._close_shared(keep_log=False)
                self.wal.discard_other()
                self._db = self._open_shared()

    def rollback(self) -> None:
        """Undo the transaction if one is open; after an I/O error SQLite may have done it."""
        self._in_transaction = False
        self.head_seq = None
        if self._db is None or not self._db.in_transaction:
            return
        try:
            self._db.execute("ROLLBACK")
        except apsw.Error:
            self.reopen()  # closing the connection undoes it too

    def transaction_is_intact(self) -> bool:
        """Return False when SQLite has undone the transaction by itself, as after some errors."""
        return not self._in_transaction or (self._db is not None and self._db.in_transaction)

    def total_changes(self) -> int:
        """Return how many rows were changed through the shared connection since it was opened."""
        return int(self.db.total_changes())

    def begin_savepoint(self) -> None:
        """Begin a part of the transaction that can be undone by itself; parts may nest.

        Raises:
            StorageFailed: SQLite has undone the transaction by itself.
        """
        self._require_transaction()
        self.db.execute("SAVEPOINT part")

    def release_savepoint(self) -> None:
        """End the part begun last, so that it shares the fate of what it is a part of."""
        self.db.execute("RELEASE part")

    def rollback_to_savepoint(self) -> bool:
        """Undo the part begun last and end it; return False when SQLite has undone everything."""
        self.head_seq = None
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
            # Where SQLite has undone everything, whoever began the transaction is to notice it.
            if self.transaction_is_intact():
                self.rollback_to_savepoint()
            raise
        self.release_savepoint()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Run the block in a transaction of its own, under the lock; for steps of long methods."""
        with self.lock:
            self.begin()
            try:
                yield self.db
                self.commit()
            except BaseException:
                self.rollback()
                raise
            self.checkpoint_beyond(limits.WAL_MAX_PAGES)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads of the block see one state; each alone takes and frees a lock of the log.

        An open transaction sees one state already.
        """
        db = self.db
        begins = not db.in_transaction
        if begins:
            db.execute("BEGIN")
        try:
            yield
        finally:
            if begins and db.in_transaction:  # SQLite ends it itself after some errors
                db.execute("COMMIT")

    # --- other connections, other states --------------------------------------------------

    @contextmanager
    def reader(self, *, snapshot: bool = False) -> Iterator[Connection]:
        """Open a connection that cannot write, for long reads beside the shared connection.

        With `snapshot` all of its reads see the state that its first read sees. Where the log was
        cut off only the shared connection has all pages, so it is used, and the lock is held.

        Raises:
            Maintenance: a restore, compaction or recovery has exclusive use of the database.
            RecoveryRequired: there is no file that can be opened.
            DatabaseBusy: the log was removed, and an earlier reader still needs it.
        """
        if self.maintenance:
            raise Maintenance
        self.require_file()
        self.acquire()
        try:
            self.tend_log()
            if self.wal.is_cut:
                yield self.db
                return
        finally:
            self.lock.release()
        with self._readers_changed:
            if self.maintenance:
                raise Maintenance
            self._readers += 1
        db: Connection | None = None
        try:
            # Not opened read-only: then SQLite's own check would leave out the CHECK constraints.
            db = apsw.Connection(str(self.path), flags=self._flags, vfs=self.vfs)
            if self.reads_only:
                self._begin_to_read(db, cache_kib=limits.CACHE_SHORT_LIVED_KIB)
                if not snapshot:
                    db.execute("COMMIT")
                yield db
                return
            # Closing the last connection moves the log into the file: a read must not write.
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
    def exclusive(self) -> Iterator[None]:
        """Hold the lock while there are no readers; new readers and requests are refused.

        Raises:
            DatabaseBusy: a reader did not end in time.
            Maintenance: another thread has exclusive use already.
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
            Maintenance: another thread has exclusive use, for longer than a request may wait.
        """
        if self.lock.acquire(blocking=False):
            return
        self._request_waits = True
        try:
            while not self.lock.acquire(timeout=limits.LOCK_WAIT_SLICE_MS / 1000):
                if self.maintenance:
                    raise Maintenance
        finally:
            self._request_waits = False

    def yield_to_requests(self) -> None:
        """Wait, within a bound, while a request waits for the lock; call it between two steps.

        Python's locks are not fair: a thread that releases one and acquires it at once keeps it.
        """
        for _look in range(limits.LOCK_WAIT_SLICE_MS):
            if not self._request_waits:
                return
            time.sleep(0.001)
