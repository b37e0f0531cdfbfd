"""Finds the files of a path, which is a file, a folder or an archive, and reads them."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from sidecar import limits
from sidecar.documents.refused import Refused
from sidecar.files import EXPECTED

Identities = frozenset[tuple[int, int]]
"""Files that must not be opened, by device and inode: closing any descriptor of a database drops
the locks of its process."""

SUFFIXES: Final = (".json", ".yaml", ".yml", ".asl")
"""Suffixes of the files that are read in a folder or an archive."""

_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
)


class TooMany(Exception):
    """A folder or an archive has more files than an import accepts."""


def is_candidate(name: str) -> bool:
    """Return whether a file is read: by its suffix, and unless it is metadata of macOS.

    `name` may be a path with slashes.
    """
    base = name.rpartition("/")[2]
    is_about_another = base.startswith("._") or name.startswith("__MACOSX/")
    return base.lower().endswith(SUFFIXES) and not is_about_another


def belonging_to(database: Path) -> Identities:
    """Return the files in the folder of a database whose names begin with its name."""
    found = set()
    with os.scandir(database.parent) as entries:
        for entry in entries:
            if entry.name.startswith(database.name):
                status = os.lstat(entry.path)
                found.add((status.st_dev, status.st_ino))
    return frozenset(found)


@contextmanager
def opened(path: Path, forbidden: Identities) -> Iterator[IO[bytes]]:
    """Open an ordinary file for reading, following no link.

    Raises:
        Refused: it is not an ordinary file, is a forbidden file, or cannot be read.
    """
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            raise Refused("link")
        if not stat.S_ISREG(status.st_mode) or (status.st_dev, status.st_ino) in forbidden:
            raise Refused("not_a_file")
        descriptor = os.open(path, _FLAGS)
    except OSError as fault:
        raise _refusal(fault) from None
    with open(descriptor, "rb") as file:  # noqa: PTH123 - opens the checked descriptor, not the path
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Refused("not_a_file")
        yield file


def _refusal(fault: OSError) -> Refused:
    """Return the reason why a file could not be opened or read.

    Raises:
        OSError: the cause is not the file; for example, no descriptors are left.
    """
    if fault.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        raise fault
    return Refused("link" if fault.errno == errno.ELOOP else "unreadable")


def read(path: Path, forbidden: Identities) -> bytes:
    """Return the content of a file.

    Raises:
        Refused: it cannot be read, or is too large.
    """
    with opened(path, forbidden) as file:
        try:
            data = file.read(limits.IMPORT_FILE_MAX_BYTES + 1)
        except OSError as fault:
            raise _refusal(fault) from None
    if len(data) > limits.IMPORT_FILE_MAX_BYTES:
        raise Refused("too_large")
    return data


def names_in(folder: Path) -> list[str]:
    """Return the names of the candidates in a folder and the folders in it, in order.

    The names are relative to the folder, with slashes. They include links, also to folders, which
    are refused when they are read. Folders that cannot be read or are too deep are omitted.

    Raises:
        TooMany: there are more than `limits.IMPORT_FILES_MAX`.
    """
    found: list[str] = []
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        folders = []
        for entry in _sorted_entries(folder / inside):
            name = f"{inside}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                folders.append(f"{name}/")
            elif is_candidate(name):
                found.append(name)
        if len(found) > limits.IMPORT_FILES_MAX:
            raise TooMany
        if inside.count("/") < limits.IMPORT_FOLDERS_DEEP_MAX:
            waiting += reversed(folders)
    return found


def _sorted_entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return the entries of a folder by name; none when it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as fault:
        if fault.errno in EXPECTED or fault.errno in (errno.ENOENT, errno.ENOTDIR):
            return []
        raise


def shown(name: str) -> str:
    """Return a file's name as text, also when the system's name is not UTF-8."""
    return os.fsencode(name).decode(errors="replace")
