"""The file beside the database in which a backup is unpacked or a copy is made."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sidecar.files import beside
from sidecar.store.database_files import remove_database


@contextmanager
def scratch_database(database: Path, suffix: str) -> Iterator[Path]:
    """Yield the path beside `database` that ends in `suffix`, without a file on it.

    A file that an earlier process left there is removed first, and whatever is there at the end
    is removed too.
    """
    path = beside(database, suffix)
    remove_database(path)
    try:
        yield path
    finally:
        remove_database(path)
