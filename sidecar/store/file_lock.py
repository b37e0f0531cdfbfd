"""Allows one process per database file, whatever names the file has.

The lock file stands beside a name; this lock is on the file itself, so it also refuses a hard
link, a bind mount and a start whose lock file was removed. It is on one byte of SQLite's lock page
that SQLite does not use: its own are the 512 bytes from 0x40000000. No data is ever stored there.

On Linux and macOS it is a lock of the open file description (OFD), which belongs to the descriptor
and not to the process. Closing any descriptor of a file drops the POSIX locks that SQLite has on
it (measured), so the descriptor is closed only while no connection to that file is open; for the
same reason nothing else opens the database while it is served. On Windows it is a byte range.
Windows has no replacement of an open file, so there the lock is released for the moment of a
swap, while the lock file, which cannot be removed there, is held. The ways of Windows and macOS
are reasoned from their documentation, not run. Where a file system has no such locks, the lock
file alone counts.

The locks are kept per process and not in an object, as the locks of SQLite are.
"""

import os
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sidecar.errors import ReadOnly

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_BYTE = 0x4000_0800

_held: dict[Path, int | None] = {}
"""The databases that this process has to itself, each with the descriptor that holds the lock;
None while there is no file, or one that preflight refuses."""


class FileInUse(Exception):
    """Another process has locked the file, perhaps under another name."""


if sys.platform == "win32":

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, _BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

elif sys.platform == "darwin":

    def _try_lock(descriptor: int) -> bool:
        set_lock = getattr(fcntl, "F_OFD_SETLK", 90)
        return _set(descriptor, set_lock, struct.pack("qqihh", _BYTE, 1, 0, fcntl.F_WRLCK, 0))

else:

    def _try_lock(descriptor: int) -> bool:
        set_lock = getattr(fcntl, "F_OFD_SETLK", None)
        if set_lock is None:
            return True
        return _set(descriptor, set_lock, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, _BYTE, 1, 0))


if sys.platform != "win32":

    def _set(descriptor: int, set_lock: int, lock: bytes) -> bool:
        """Lock the byte; return False when it is locked, and True where there are no such locks."""
        try:
            fcntl.fcntl(descriptor, set_lock, lock)
        except (BlockingIOError, PermissionError):
            return False
        except OSError:
            return True
        return True


def _open_locked(path: Path) -> int | None:
    """Open and lock the file; None when there is none, or one that preflight refuses.

    Raises:
        FileInUse: another process has locked it.
    """
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        descriptor = os.open(path, flags)
    except OSError:
        return None
    if not _try_lock(descriptor):
        os.close(descriptor)
        raise FileInUse
    return descriptor


def hold(path: Path) -> None:
    """Lock the file at `path`, and from then on each file that this process puts in its place.

    The caller has no connection to the file.

    Raises:
        FileInUse: another process has locked it.
    """
    descriptor = _open_locked(path)
    _held[path.absolute()] = descriptor


def release(path: Path) -> None:
    """Release the lock; the caller has closed every connection to the file."""
    descriptor = _held.pop(path.absolute(), None)
    if descriptor is not None:
        os.close(descriptor)


def is_held_elsewhere(path: Path) -> bool:
    """Return whether another process has locked the file; for one that has no connection to it."""
    try:
        descriptor = _open_locked(path)
    except FileInUse:
        return True
    if descriptor is not None:
        os.close(descriptor)
    return False


@contextmanager
def passed_to(staged: Path, path: Path) -> Iterator[None]:
    """Lock `staged`, which the block renames to `path`; the lock of the old file ends with it.

    The caller has no connection to either file. Does nothing where `path` is not held.

    Raises:
        ReadOnly: another process has locked the staged file.
    """
    path = path.absolute()
    if path not in _held:
        yield
        return
    old = _held[path]
    if sys.platform == "win32":
        _held[path] = None
        if old is not None:
            os.close(old)
        try:
            yield
        finally:
            hold(path)
        return
    try:
        new = _open_locked(staged)
    except FileInUse as used:
        raise ReadOnly(f"Another process has locked {staged}.") from used
    try:
        yield
    except BaseException:
        if new is not None:
            os.close(new)
        raise
    _held[path] = new
    if old is not None:
        os.close(old)
