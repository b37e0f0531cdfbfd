"""Creates, writes and syncs files and folders, and turns their failures into wire errors.

Knows paths and descriptors, and nothing of the content of a file.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sidecar import digests
from sidecar.errors import DatabaseFull, OutOfResources, ReadOnly, SidecarError, StorageFailed
from sidecar.limits import DESCRIPTORS_SPARE, MIB

FILE_MODE = 0o600
FOLDER_MODE = 0o700

_FULL = (errno.ENOSPC, errno.EDQUOT) if sys.platform != "win32" else (errno.ENOSPC,)
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
EXPECTED = (*_FULL, *_FORBIDDEN, errno.EIO, errno.EMFILE, errno.ENFILE)
"""Error numbers that any file can fail with; others mean that the name itself is impossible."""


def beside(path: Path, suffix: str) -> Path:
    """Return the path in the same folder whose name is that of `path` with `suffix` appended."""
    return path.with_name(path.name + suffix)


def is_companion(path: Path, database: Path) -> bool:
    """Return whether a path is the database, or belongs to it by name, or is within such a folder.

    Every name beside the database that continues its name with `-` or `.` belongs to it: of
    SQLite's files and of this program's, now and in later versions. Case does not matter, because
    it does not on every file system.
    """
    folder, name = database.parent.resolve(), database.name.casefold()
    for each in (path, *path.parents):
        other = each.name.casefold()
        is_named = other == name or other.startswith((f"{name}-", f"{name}."))
        if is_named and each.parent.resolve() == folder:
            return True
    return False


def make_folder(folder: Path) -> None:
    """Create a folder that only this user can open; one that exists is not changed.

    Raises:
        ReadOnly: it cannot be created.
    """
    if folder.is_dir():
        return
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as fault:
        message = f"The folder {folder} cannot be created: {fault.strerror}."
        raise ReadOnly(message) from fault


def create_private(path: Path) -> None:
    """Create an empty file that only this user can read, whatever the umask is."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))


def create_if_missing(path: Path) -> None:
    """Create an empty private file, durably, unless there is a file of that name."""
    try:
        create_private(path)
    except FileExistsError:
        return
    sync_folder(path.parent)


def publish(finished: Path, path: Path) -> None:
    """Give a finished file the name `path`, durably; it may keep its own name beside that one.

    Two processes that want the same name at the same time get one file each or an error.

    Raises:
        FileExistsError: there is a file of that name; it was not changed.
    """
    try:
        # A link refuses to take the place of a file, which a rename would not.
        os.link(finished, path)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems have no links: an empty file takes the name first.
        create_private(path)
        try:
            finished.replace(path)
        except BaseException:
            path.unlink()
            raise
    try:
        sync_folder(path.parent)
    except BaseException:
        path.unlink()
        raise


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells one file from another of the same name, or None when there is no file.

    On Windows it is always the same: an open file cannot be moved there.
    """
    if sys.platform == "win32":
        return (0, 0)
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time of Path.stat; asked at every commit
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def sync_file(path: Path) -> None:
    """Write a file's bytes to the disk before this returns (fsync)."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Write the names in a folder to the disk before this returns; Windows does so by itself."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file atomically: after a crash it has the old content or the new one."""
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
    """Return the SHA-256 of a file that nothing is writing to, in hexadecimal."""
    digest = digests.new_sha256()
    with path.open("rb") as file:
        while chunk := file.read(MIB):
            digest.update(chunk)
    return digest.hexdigest()


def as_wire_error(fault: OSError) -> SidecarError:
    """Return the wire error for a failure of the operating system."""
    if fault.errno in _FULL:
        return DatabaseFull()
    if fault.errno in _EXHAUSTED:
        return OutOfResources()
    if fault.errno in _FORBIDDEN:
        folder = Path(os.fsdecode(fault.filename)).parent if fault.filename else None
        return ReadOnly(f"The folder {folder} cannot be written." if folder else None)
    return StorageFailed()


def are_exhausted() -> bool:
    """Return whether the process, or the system, has hardly any descriptors left.

    SQLite reports only that it could not open a file, and uses several at a time. Those that the
    failed work had may be closed by now.
    """
    opened: list[int] = []
    try:
        while len(opened) < DESCRIPTORS_SPARE:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as fault:
        return fault.errno in _EXHAUSTED
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return False


@contextmanager
def wire_errors() -> Iterator[None]:
    """Raise wire errors in place of failures of the operating system."""
    try:
        yield
    except OSError as fault:
        raise as_wire_error(fault) from fault
