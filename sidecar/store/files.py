"""Files beside the database: what `sidecar.files` has, and what only SQLite's files need.

Nothing here opens the database file itself while SQLite has it open: closing any descriptor of
it would drop SQLite's own POSIX locks (measured).
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sidecar.files import (
    EXPECTED,
    FILE_MODE,
    FOLDER_MODE,
    as_wire_error,
    beside,
    create_private,
    identity,
    make_folder,
    sha256_of,
    sync_file,
    sync_folder,
    wire_errors,
    write_whole,
)

__all__ = [
    "EXPECTED",
    "FILE_MODE",
    "FOLDER_MODE",
    "SQLITE_LEFTOVERS",
    "as_wire_error",
    "beside",
    "copy_with",
    "create_private",
    "identity",
    "make_folder",
    "private_folder",
    "remove_database",
    "sha256_of",
    "sync_file",
    "sync_folder",
    "wire_errors",
    "write_whole",
]

SQLITE_LEFTOVERS = ("-wal", "-shm", "-journal")
"""What SQLite may leave beside a database; a swap that kept them would read the old data."""


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder of this user's own outside the database's, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="sim-examine-") as folder:
        yield Path(folder)


def copy_with(path: Path, folder: Path, suffixes: list[str]) -> Path:
    """Copy a database nobody of this process has open, with files beside it, into `folder`."""
    for suffix in ("", *suffixes):
        shutil.copyfile(beside(path, suffix), folder / (path.name + suffix))
    return folder / path.name


def remove_database(path: Path) -> None:
    """Remove a database nobody has open, with what SQLite left beside it."""
    for suffix in ("", *SQLITE_LEFTOVERS):
        beside(path, suffix).unlink(missing_ok=True)
