"""Files and folders of ours: their modes, how they reach the disk, what their failures mean.

Knows paths and descriptors, and nothing of what is in a file.
"""

import errno
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sidecar.errors import DatabaseFull, ReadOnly, SidecarError, StorageFailed
from sidecar.limits import MIB

FILE_MODE = 0o600
FOLDER_MODE = 0o700

_FULL = (errno.ENOSPC, errno.EDQUOT) if sys.platform != "win32" else (errno.ENOSPC,)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
EXPECTED = (*_FULL, *_FORBIDDEN, errno.EIO, errno.EMFILE, errno.ENFILE)
"""What may happen to any file; other failures to make one lie in its name."""


def beside(path: Path, suffix: str) -> Path:
    """The file whose name is the database's with `suffix` behind it."""
    return path.with_name(path.name + suffix)


def make_folder(folder: Path) -> None:
    """Create a missing folder for this user alone; one that exists stays as it is.

    Raises:
        ReadOnly: it cannot be created there.
    """
    if folder.is_dir():
        return
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as fault:
        message = f"The folder {folder} cannot be created: {fault.strerror}."
        raise ReadOnly(message) from fault


def create_private(path: Path) -> None:
    """Create an empty file nobody else may read, whatever the umask; SQLite then fills it."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))


def identity(path: Path) -> tuple[int, int] | None:
    """Which file has the name, None for none; Windows lets nobody move one that is open."""
    if sys.platform == "win32":
        return (0, 0)
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time of Path.stat; asked at every commit
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def sync_file(path: Path) -> None:
    """Have a file's bytes on the disk when this returns."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Have names created, renamed and removed on the disk; Windows journals them by itself."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file so that after a crash it is there whole or not at all."""
    partial = beside(path, ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    partial.replace(path)
    sync_folder(path.parent)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file nobody has open, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(MIB):
            digest.update(chunk)
    return digest.hexdigest()


def as_wire_error(fault: OSError) -> SidecarError:
    """What a failure of the operating system means to a client."""
    if fault.errno in _FULL:
        return DatabaseFull()
    if fault.errno in _FORBIDDEN:
        folder = Path(os.fsdecode(fault.filename)).parent if fault.filename else None
        return ReadOnly(f"The folder {folder} cannot be written." if folder else None)
    return StorageFailed()


@contextmanager
def wire_errors() -> Iterator[None]:
    """Turn failures of the operating system into wire errors."""
    try:
        yield
    except OSError as fault:
        raise as_wire_error(fault) from fault
