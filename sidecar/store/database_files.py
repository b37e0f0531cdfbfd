"""Database files as a whole, with the files that SQLite leaves beside them.

Nothing here is called for a file that SQLite has open: closing any descriptor of it would drop
SQLite's own POSIX locks (measured). `sidecar.files` has what concerns any file.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sidecar.files import beside

SQLITE_LEFTOVERS = ("-wal", "-shm", "-journal")
"""What SQLite may leave beside a database; a swap that kept them would read the old data."""


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder that only this user can open, and remove it after the block."""
    with tempfile.TemporaryDirectory(prefix="sim-examine-") as folder:
        yield Path(folder)


def copy_with(path: Path, folder: Path, suffixes: list[str]) -> Path:
    """Copy a database, and the files beside it with these suffixes, into `folder`."""
    for suffix in ("", *suffixes):
        shutil.copyfile(beside(path, suffix), folder / (path.name + suffix))
    return folder / path.name


def remove_database(path: Path) -> None:
    """Remove a database, if there is one, with what SQLite left beside it."""
    for suffix in ("", *SQLITE_LEFTOVERS):
        beside(path, suffix).unlink(missing_ok=True)
