"""The private folder of `--ephemeral`, which is created at the start and removed at the end.

A process that is killed cannot remove its folder. The next ephemeral start removes every such
folder whose database no process has locked.
"""

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from sidecar.errors import SidecarError
from sidecar.store.lockfile import AlreadyRunning, DatabaseLock

_PREFIX = "sim-sidecar-ephemeral-"
DATABASE_NAME = "sim.db"


class EphemeralFolder:
    """A folder for one database that only its owner can open."""

    def __enter__(self) -> Path:
        """Remove the folders of killed processes, and create a new one."""
        self._remove_leftovers()
        self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        return self._folder

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the folder with everything in it."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @staticmethod
    def _remove_leftovers() -> None:
        """Remove the folders whose database no process has locked."""
        for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            database = folder / DATABASE_NAME
            if folder.is_symlink() or not database.exists():
                continue
            lock = DatabaseLock(database)
            with suppress(AlreadyRunning, SidecarError, OSError):
                lock.acquire()
                shutil.rmtree(folder, ignore_errors=True)
                lock.release()
