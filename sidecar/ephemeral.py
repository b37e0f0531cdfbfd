"""The private folder of `--ephemeral`: made at start, removed at the end.

A killed process cannot remove its folder, so the next ephemeral start removes those whose
lock nobody holds.
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
    """A folder only its owner can enter, for one database."""

    def __enter__(self) -> Path:
        """Clear what killed processes left, and make a fresh folder."""
        self._clear_left_behind()
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
    def _clear_left_behind() -> None:
        for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            database = folder / DATABASE_NAME
            if folder.is_symlink() or not database.exists():
                continue
            lock = DatabaseLock(database)
            with suppress(AlreadyRunning, SidecarError, OSError):
                lock.acquire()
                shutil.rmtree(folder, ignore_errors=True)
                lock.release()
