"""Database files as a whole, with the files that SQLite leaves beside them.

Nothing here is called for a file that SQLite has open: closing any descriptor of it would drop
SQLite's own POSIX locks (measured). `sidecar.files` has what concerns any file.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sidecar.errors import ReadOnly, StorageFailed
from sidecar.files import beside

SQLITE_LEFTOVERS = ("-wal", "-shm", "-journal")
"""What SQLite may leave beside a database; a swap that kept them would read the old data."""


_NAME_MAX_BYTES: Final = 255
_COMPANION_MAX_BYTES: Final = 43
"""The longest name of a file on every usual file system, and what of it the longest suffix takes:
that of an unfinished copy of the journal of a damaged database."""


def check_names(path: Path) -> None:
    """Check the name of a database, and the kind of every file whose name is made from it.

    Called before any of them is opened: opening a named pipe waits for another process.

    Raises:
        StorageFailed: the name leaves no room for the suffixes of the files beside the database.
        ReadOnly: a file beside the database is a named pipe or a device.
    """
    length = len(os.fsencode(path.name))
    most = _NAME_MAX_BYTES - _COMPANION_MAX_BYTES
    if length > most:
        raise StorageFailed(
            f"The name of the database has {length} bytes; it can have {most}, because the names"
            " of other files are made from it."
        )
    try:
        others = list(path.parent.iterdir())
    except OSError:
        return  # a missing folder is created, and one that cannot be read is refused later
    for other in others:
        if other.name.startswith((f"{path.name}-", f"{path.name}.")):
            mode = _mode(other)
            if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
                raise ReadOnly(f"{other} is a named pipe or a device and not a file; remove it.")


def _mode(path: Path) -> int:
    """Return the mode of a file, following links; 0 when there is none."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder that only this user can open, and remove it after the block."""
    import tempfile  # noqa: PLC0415 - most starts do not need it

    with tempfile.TemporaryDirectory(prefix="sim-examine-") as folder:
        yield Path(folder)


def copy_with(path: Path, folder: Path, suffixes: list[str]) -> Path:
    """Copy a database, and the files beside it with these suffixes, into `folder`."""
    import shutil  # noqa: PLC0415 - most starts do not need it

    for suffix in ("", *suffixes):
        shutil.copyfile(beside(path, suffix), folder / (path.name + suffix))
    return folder / path.name


def remove_database(path: Path) -> None:
    """Remove a database, if there is one, with what SQLite left beside it."""
    for suffix in ("", *SQLITE_LEFTOVERS):
        beside(path, suffix).unlink(missing_ok=True)
