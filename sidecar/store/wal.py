"""Watches the write-ahead log (`-wal`) of the served file: its growth, its name and its size.

SQLite keeps the log open and does not notice when another program removes, replaces or cuts off the
file: it continues to write to a file without a name, which is lost after a kill, and a checkpoint
of a truncated log destroys the database (measured). So the file is compared with the one that was
opened before each COMMIT, checkpoint and new connection, by one call of the system. Windows lets no
other program do any of this to an open file (reasoned, not run).
"""

import os
import sys
from enum import Enum
from pathlib import Path

import apsw

from sidecar.files import beside
from sidecar.store.file_look import FileLooker, find_statx
from sidecar.store.pragmas import Connection

CUT = (
    "The log of the database (-wal) was cut off by another program while it was served. The"
    " database is only read from now: make a backup at once, then end this process and restore it."
)
REPLACED = (
    "The log of the database (-wal) was removed or replaced by another program while it was served."
    " Nothing is lost: it was moved into the database, and another log was opened."
)

_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24


class LogState(Enum):
    """The state of the write-ahead log."""

    SOUND = "sound"
    LOST = "lost"
    """The log was removed or replaced: the open file is complete, but has no name."""
    CUT = "cut"
    """The log is shorter than the data that was written to it and is not in the database yet."""


class WriteAheadLog:
    """The log of one open database; the caller holds the store's lock."""

    def __init__(self, database: Path) -> None:
        """Name the file; nothing is read before `opened`."""
        self.path = beside(database, "-wal")
        self.is_cut = False
        """The log was cut off: the pages in the cache of the connection are the only ones left."""
        self.is_short = True
        """The file may have to grow at the next commits, see `log_room`."""
        self._looker = FileLooker(self.path, find_statx())
        self._identity: tuple[int, int] | None = None
        self._frame_bytes = self._frames = self._moved = 0
        self._pages = self._held_pages = 0

    def opened(self, db: Connection) -> None:
        """Remember the file that a new connection has opened, and follow its growth.

        The hook stands in place of SQLite's own checkpoint, which would be part of the COMMIT that
        reaches the bound.
        """
        self._frame_bytes = int(db.pragma("page_size")) + _FRAME_HEADER_BYTES
        self.count_frames(db)
        self._identity = None
        self.state()
        db.set_wal_hook(self._note_commit)

    def forget(self) -> None:
        """Forget the file, because the connection is closed or its log is empty."""
        self._frames = self._moved = self._pages = self._held_pages = 0
        self.is_short = True

    def _note_commit(self, _db: Connection, _schema: str, frames: int) -> int:
        if frames <= self._frames:
            self._moved = 0  # SQLite has begun to write the log from its start again
        self._frames = self._pages = frames
        return int(apsw.SQLITE_OK)

    def count_frames(self, db: Connection) -> None:
        """Ask SQLite how many frames the log has, as another program may have emptied it."""
        db.pragma("schema_version")  # a connection opens the log when it first reads
        frames, moved = db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
        self._frames, self._moved = max(0, frames), max(0, moved)

    def state(self) -> LogState:
        """Compare the file with the one that was opened and with what was written to it."""
        if sys.platform == "win32":
            return LogState.SOUND
        try:
            identity, size_bytes = self._looker.look()
        except FileNotFoundError:
            return LogState.LOST
        if identity != self._identity:
            if self._identity is not None:
                return LogState.LOST
            self._identity = identity
        if not self._frames or size_bytes >= _HEADER_BYTES + self._frames * self._frame_bytes:
            return LogState.SOUND
        return LogState.CUT if self._moved < self._frames else LogState.LOST

    @property
    def grown_pages(self) -> int:
        """Pages by which the log has grown since it was last moved into the database."""
        return self._pages - self._held_pages

    def move_free_pages(self, db: Connection) -> bool:
        """Move what no reader needs into the database; return whether everything was moved."""
        self._frames, self._moved = total, moved = db.wal_checkpoint(
            mode=apsw.SQLITE_CHECKPOINT_PASSIVE
        )
        self._pages = self._held_pages = total if moved < total else 0
        return bool(moved >= total)

    def empty(self, db: Connection) -> bool:
        """Move everything into the database and empty the file; False when a reader prevents it."""
        try:
            _frames, moved = db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.BusyError:
            return False
        self.forget()
        return bool(moved == 0)

    def discard_other(self) -> None:
        """Empty a file that has taken the name, so that nothing in it is taken for this log."""
        if self.path.exists():
            os.truncate(self.path, 0)
