"""The folder for work files beside the database, `<database>.scratch/`.

Each job that needs files of its own, such as a backup or a verification, works in a folder of its
own in there and removes it at its end. So jobs that run at the same time never share a file. What
a killed process has left is removed by the next one that holds the database's lock.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sidecar.errors import ReadOnly
from sidecar.files import beside, make_folder

SUFFIX: Final = ".scratch"
"""What the folder's name has after the database's name."""

_lock = threading.Lock()
"""Held while a folder is made or removed, so that none is made in a folder that is being removed.
"""


@contextmanager
def scratch_folder(database: Path) -> Iterator[Path]:
    """Make a folder for the files of one job, and remove it with all of them after the block.

    Raises:
        ReadOnly: the folder cannot be made, or a symbolic link has its name.
    """
    import shutil  # noqa: PLC0415 - after the start
    import tempfile  # noqa: PLC0415 - after the start

    parent = beside(database, SUFFIX)
    with _lock:
        if parent.is_symlink():
            raise ReadOnly(f"{parent} is a symbolic link; remove it.")
        folder = None
        while folder is None:
            make_folder(parent)
            # A process beside this one may have removed the folder just now, as it was empty.
            with suppress(FileNotFoundError):
                folder = Path(tempfile.mkdtemp(dir=parent))
    try:
        yield folder
    finally:
        with _lock:
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # another job still has a folder in it
                parent.rmdir()


def empty_scratch(database: Path) -> None:
    """Remove what jobs of earlier processes have left; the caller holds the `DatabaseLock`.

    What is not a folder is not ours and is not touched.
    """
    parent = beside(database, SUFFIX)
    if parent.is_dir() and not parent.is_symlink():
        import shutil  # noqa: PLC0415 - only after a kill

        shutil.rmtree(parent, ignore_errors=True)
