"""The shared connection to the served database, and the care for its log.

After an I/O error the connection is closed, since what SQLite then holds in memory cannot be
trusted, and opened again when it is next used: a disk that has room again needs no restart.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import apsw

from sidecar import limits
from sidecar.errors import RecoveryRequired
from sidecar.store import wal as log_files
from sidecar.store.pragmas import SHOWN_PRAGMAS, Connection, configure, configure_wal
from sidecar.store.wal import LogState, WriteAheadLog
from sidecar.store.watch import FileWatch


class SharedConnection:
    """The connection that all requests share; methods that do not acquire `lock` need it held."""

    def __init__(
        self,
        path: Path,
        *,
        vfs: str | None = None,
        rescue: RecoveryRequired | None = None,
        reads_only: bool = False,
    ) -> None:
        """Open `path`, which preflight and migrations have found fit, for reading and writing.

        `rescue` says why there is no file that can be opened; then nothing is opened.
        """
        self.path = path
        self.vfs = vfs
        self.lock = threading.RLock()
        self.rescue = rescue
        """Why no file is open: each access to the database is refused with it, until a restore or
        a recovery puts a file in place. None while the database is served."""
        self.on_rescued: Callable[[], None] = lambda: None
        """Called when a file was put in place and is served from then on."""
        self.reads_only = reads_only
        """Another process serves the file: here it is only read, in the state that the first read
        has found, without a lock of ours and without a change of it or its log."""
        self.damaged = rescue is not None or reads_only
        """Damage was confirmed, or `reads_only`: the file is only read from."""
        self.watch = FileWatch(path)
        self.wal = WriteAheadLog(path)
        self._in_transaction = False
        self.head_seq: int | None = None
        """Number of the newest audit entry, None when it is to be read."""
        self._db: Connection | None = None if rescue else self._open_shared()

    @property
    def db(self) -> Connection:
        """The shared connection, opened again when it was closed after an I/O error.

        Raises:
            RecoveryRequired: there is no file that can be opened.
            apsw.Error: it still cannot be opened.
        """
        if self._db is None:
            self._db = self._open_shared()
        return self._db

    def _open_shared(self) -> Connection:
        self.require_file()
        self.head_seq = None
        self.watch.check_names()
        db = apsw.Connection(
            str(self.path),
            flags=self._flags,
            vfs=self.vfs,
            statementcachesize=limits.STATEMENT_CACHE,
        )
        try:
            if self.reads_only:
                self._begin_to_read(db, cache_kib=limits.CACHE_SHARED_KIB)
            else:
                configure(db, cache_kib=limits.CACHE_SHARED_KIB)
                configure_wal(db)
                self.watch.check_names()
                self.wal.opened(db)
        except BaseException:
            db.close(True)
            raise
        return db

    @property
    def _flags(self) -> int:
        """How files are opened."""
        return apsw.SQLITE_OPEN_READONLY if self.reads_only else apsw.SQLITE_OPEN_READWRITE

    @property
    def takes_writes(self) -> bool:
        """Whether anything can be written, such as an audit entry."""
        return not (self.wal.is_cut or self.reads_only)

    def _begin_to_read(self, db: Connection, *, cache_kib: int) -> None:
        """Set up a connection to a file that another process serves, and see one state of it.

        A close does not move the log into the file: on POSIX because the file is not open for
        writing, elsewhere because SQLite is configured so. SQLite opens the log by its name at the
        first read: if the other process has replaced the file meanwhile, the log is not that of the
        open file.

        Raises:
            ReadOnly: another file is in place.
        """
        db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        configure(db, cache_kib=cache_kib, writable=False)
        db.execute("BEGIN")
        db.pragma("schema_version")
        self.watch.check_names()

    def require_file(self) -> None:
        """Check that there is a file that can be opened.

        Raises:
            RecoveryRequired: there is none.
        """
        if self.rescue is not None:
            raise RecoveryRequired(
                self.rescue.message,
                hint="backups.restore, or system.recover",
                reason=self.rescue.reason,
            )

    def end_rescue(self) -> None:
        """Serve the file that was put in place, from now on."""
        if self.rescue is not None:
            self.rescue = None
            self.on_rescued()

    def _close_shared(self, *, keep_log: bool) -> None:
        """Close the shared connection; the last one moves the log into the file and removes it.

        `keep_log` leaves the log as it is, beside a file that must not be written to.
        """
        self.wal.forget()
        discarded, self._db = self._db, None
        if discarded is not None:
            # What closing leaves undone, the next opening does.
            with suppress(apsw.Error):
                discarded.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, int(keep_log))
                discarded.close(True)

    def reopen(self) -> None:
        """Discard the shared connection after an I/O error; the next use opens another one.

        After such an error inside a search trigger the same connection reports corruption that
        the file does not have (measured), so it is never used again. Another one is not opened
        at once, because the disk may not allow it yet. Where the log was cut off it is kept: its
        cache has pages that are nowhere else.
        """
        with self.lock, suppress(apsw.Error):
            self._in_transaction = False
            if self._db is not None and self._db.in_transaction:
                with suppress(apsw.Error):
                    self._db.execute("ROLLBACK")
            if not self._log_is_cut():
                self._close_shared(keep_log=False)

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Close the connection for the block, which puts another file in place of this one."""
        # A damaged file is kept as it is: its log must not be moved into it.
        self._close_shared(keep_log=self.damaged or self._log_is_cut())
        yield
        self.watch.forget_file()
        self.wal.is_cut = False

    def _log_is_cut(self) -> bool:
        """Return whether a part of the log is lost; from then on the file is only read from.

        Another program that has emptied the log by a checkpoint has lost nothing: a new connection
        knows how much SQLite expects there, also while this one is in a transaction.
        """
        if not self.wal.is_cut and self._db is not None and self.wal.state() is LogState.CUT:
            with suppress(apsw.Error):  # it reads what is lost
                flags = apsw.SQLITE_OPEN_READWRITE
                with closing(apsw.Connection(str(self.path), flags=flags, vfs=self.vfs)) as db:
                    self.wal.count_frames(db)
            if self.wal.state() is LogState.CUT:
                self.wal.is_cut = self.damaged = True
                self.watch.warn("log_cut", log_files.CUT)
        return self.wal.is_cut

    # --- the log and what is shown of the file -----------------------------------------------

    def pragmas(self) -> dict[str, str | int]:
        """Return the pragmas that `system.info` shows, as the shared connection has them."""
        return {name: self.db.pragma(name) for name in SHOWN_PRAGMAS}

    def schema_version(self) -> int:
        """Return the version of the tables, from the header of the file."""
        return int(self.db.pragma("user_version"))

    @property
    def wal_pages(self) -> int:
        """Pages by which the WAL has grown since it was last moved into the database."""
        return self.wal.grown_pages

    def log_has_grown(self, max_pages: int) -> bool:
        """Return whether the WAL has grown by so many pages or more, or by an unknown number."""
        return not 0 <= self.wal.grown_pages < max_pages

    def checkpoint_beyond(self, max_pages: int) -> None:
        """Move the WAL into the database when it has grown by `max_pages` or more.

        Pages that a long reader still needs stay; they are tried again when as many were added.
        """
        if not self.log_has_grown(max_pages):
            return
        with self.lock:
            if not self._log_is_cut():
                self.wal.move_free_pages(self.db)

    def checkpoint(self) -> bool:
        """Move the whole WAL into the database and empty it; False when a reader prevents it.

        Also False where the log was cut off: the pages that are left would destroy the database.
        """
        with self.lock:
            if self._log_is_cut():
                return False
            # Requests wait for the lock meanwhile, so a reader is not waited for long.
            self.db.set_busy_timeout(limits.CHECKPOINT_WAIT_MS)
            try:
                return self.wal.empty(self.db)
            finally:
                self.db.set_busy_timeout(limits.BUSY_TIMEOUT_MS)

    def close(self) -> None:
        """Undo what is open and close; SQLite moves the log into the file and removes it."""
        with self.lock:
            self.reopen()
            if self._db is not None:
                self._close_shared(keep_log=True)
