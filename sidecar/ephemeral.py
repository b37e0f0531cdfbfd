"""The private folder of `--ephemeral`, which is created at the start and removed at the end.

A process that is killed cannot remove its folder. The next ephemeral start removes every such
folder whose owner no longer runs. A lock file beside the folder shows that: its owner locks it
before it creates the folder, so that no other start finds the folder without the lock.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from sidecar import files
from sidecar.errors import SidecarError
from sidecar.store.lockfile import SUFFIX, AlreadyRunning, DatabaseLock

_PREFIX = "sim-sidecar-ephemeral-"
DATABASE_NAME = "sim.db"


class EphemeralFolder:
    """A folder for one database that only its owner can open."""

    def __enter__(self) -> Path:
        """Remove the folders of killed processes, and create a new one.

        Raises:
            ReadOnly: the temporary folder of the system cannot be written.
        """
        for folder in ephemeral_folders():
            lock = DatabaseLock(folder)
            with suppress(AlreadyRunning, SidecarError, OSError):
                lock.acquire()
                _remove(folder, lock)
        self._lock = _create_locked_folder()
        self._folder = self._lock.database
        return self._folder

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the folder with everything in it."""
        _remove(self._folder, self._lock)


def ephemeral_folders() -> list[Path]:
    """Return the folders of all processes, also those of which only the lock file is there."""
    found = Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")
    return sorted({each.with_name(each.name.removesuffix(SUFFIX)) for each in found})


def _create_locked_folder() -> DatabaseLock:
    """Create a folder, and return its lock, which is held.

    A name is given up when another process uses it: another start that looks whether its lock file
    is that of a killed process, or one that has created a folder of that name.
    """
    while True:
        folder = Path(tempfile.gettempdir(), f"{_PREFIX}{os.urandom(8).hex()}")
        lock = DatabaseLock(folder)
        with suppress(AlreadyRunning):
            lock.acquire()
            with suppress(FileExistsError):
                folder.mkdir(files.FOLDER_MODE)
                return lock
            lock.release()


def _remove(folder: Path, lock: DatabaseLock) -> None:
    """Remove a folder, then its lock file, which this process holds."""
    shutil.rmtree(folder, ignore_errors=True)
    lock.release()
    with suppress(OSError):  # on Windows the release leaves the file
        lock.path.unlink(missing_ok=True)
