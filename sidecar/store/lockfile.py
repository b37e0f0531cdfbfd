"""Allows one process per database, by operating system locks on two files.

The first is `<database>.lock`, which holds the pid of the process for the person who sees a second
start fail. Names can be removed and files can have several, so the second is the database file
itself (`file_lock`). The system releases both however the process ends, so a lock file that is
left over has no meaning, and one that was removed is created again.
"""

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from sidecar import files
from sidecar.clock import Clock, SystemClock
from sidecar.errors import ReadOnly, SidecarError, StorageFailed
from sidecar.store import file_lock
from sidecar.store.database_files import check_names

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

SUFFIX = ".lock"
_CONTENT_MAX_BYTES = 256
_LOCKED_BYTE = 1 << 30
"""Locks of Windows prevent reading, so a byte far beyond the content is locked."""


class AlreadyRunning(Exception):
    """Another process serves this database; `pid` is its id, None when that cannot be read.

    `ending` says that it is about to end, and still finishes what it was sent.
    """

    def __init__(self, pid: int | None, *, ending: bool = False) -> None:
        """Store what is known of the process and say its id in the message."""
        self.pid = pid
        self.ending = ending
        holder = f"process {pid}" if pid is not None else "another process"
        super().__init__(f"The database is already in use by {holder}.")


if sys.platform == "win32":

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int, path: Path) -> None:
        """Unlock the file and leave it there, because Windows does not remove open files."""
        del path
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as fault:
            message = "The file system of the database has no file locks; move it to a local disk."
            raise StorageFailed(message) from fault
        return True

    def _unlock(descriptor: int, path: Path) -> None:
        """Remove the file while it is locked, so that a process that has opened it notices."""
        if _is_named(descriptor, path):
            path.unlink(missing_ok=True)


def _is_named(descriptor: int, path: Path) -> bool:
    """Return whether `path` names the open file, which may have been removed or replaced."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


class DatabaseLock:
    """The lock of one database, held from `acquire` until `release` or the end of the process."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        """Name the database to lock, without creating or opening a file."""
        self.database = path
        self.path = files.beside(path, SUFFIX)
        now_ms = (clock or SystemClock()).now_ms()
        self._holder: dict[str, int] = {"pid": os.getpid(), "started_at": now_ms}
        self._descriptor: int | None = None
        self._identity: tuple[int, int] | None = None

    def acquire(self) -> None:
        """Acquire the lock without waiting, creating its file and folder when they are missing.

        The caller has no connection to the database.

        Raises:
            AlreadyRunning: another process holds it, or serves the same file under another name.
            ReadOnly: the file cannot be created, or is not a plain file.
            SidecarError: see `database_files.check_names`.
        """
        if self._descriptor is not None:
            return
        check_names(self.database)
        files.make_folder(self.path.parent)
        self._acquire_file()
        try:
            file_lock.hold(self.database)
        except file_lock.FileInUse:
            self._release_file()
            raise AlreadyRunning(None) from None

    def _acquire_file(self) -> None:
        """Lock the file beside the database."""
        descriptor: int | None = None
        while descriptor is None:
            opened = self._open()
            try:
                if not _try_lock(opened):
                    raise _read_holder(opened)
                if _is_named(opened, self.path):
                    self._write_holder(opened)
                    descriptor = opened
            finally:
                if descriptor is None:
                    os.close(opened)
        replaced, self._descriptor = self._descriptor, descriptor
        self._identity = files.identity(self.path)
        if replaced is not None:
            os.close(replaced)

    def is_named(self) -> bool:
        """Return whether the lock file is still where it was; one call of the system."""
        return files.identity(self.path) == self._identity

    def restore(self) -> bool:
        """Create the lock file again after it was removed; return False when that fails.

        Until it succeeds the lock of the database file alone keeps other processes out.
        """
        try:
            self._acquire_file()
        except (AlreadyRunning, SidecarError, OSError):
            return False
        return True

    def release(self) -> None:
        """Release the lock; does nothing when it is not held.

        The caller has closed every connection to the database.
        """
        if self._descriptor is not None:
            file_lock.release(self.database)
            self._release_file()

    def _release_file(self) -> None:
        """Release and remove the file beside the database."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            _unlock(descriptor, self.path)
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        # Descriptors of Python are not inheritable, so no child process keeps the lock alive.
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        if self.path.is_symlink():
            raise ReadOnly(f"The lock file {self.path} is a symbolic link; remove it.")
        try:
            descriptor = os.open(self.path, flags, files.FILE_MODE)
        except OSError as fault:
            message = f"The folder {self.path.parent} cannot be written: {fault.strerror}."
            raise ReadOnly(message) from fault
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ReadOnly(f"The lock file {self.path} is not a plain file; remove it.")
        return descriptor

    def mark_ending(self) -> None:
        """Write into the lock file that this process is ending, so that a start waits for it.

        The longer text replaces the shorter one in one write: a reader sees one of the two.
        """
        self._holder["ending"] = True
        if self._descriptor is not None:
            with suppress(OSError):  # a full disk: the start does not wait then
                os.lseek(self._descriptor, 0, os.SEEK_SET)
                os.write(self._descriptor, msgspec.json.encode(self._holder))

    def _write_holder(self, descriptor: int) -> None:
        if sys.platform != "win32":
            os.fchmod(descriptor, files.FILE_MODE)
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, msgspec.json.encode(self._holder))


def _read_holder(descriptor: int) -> AlreadyRunning:
    """Return what the file says of its holder: nothing while that is being written."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        holder = msgspec.json.decode(os.read(descriptor, _CONTENT_MAX_BYTES))
    except (msgspec.DecodeError, ValueError):
        return AlreadyRunning(None)
    known = holder if isinstance(holder, dict) else {}
    pid = known.get("pid")
    return AlreadyRunning(pid if type(pid) is int else None, ending=known.get("ending") is True)
