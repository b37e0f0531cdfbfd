"""A file that takes up room, so that on a full disk there is some to be given back.

To delete, SQLite has to write first. When the disk is full the ballast is removed for whoever
deletes; what only adds is refused until there is room for the ballast again, so that it does not
eat what the next delete needs. Its bytes are random: a file system that compresses or skips zeros
would keep no room for them.
"""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sidecar import files, limits

SUFFIX = ".ballast"


class Ballast:
    """The ballast beside one database."""

    def __init__(self, database: Path) -> None:
        """Nothing is written before `lay`."""
        self._path = files.beside(database, SUFFIX)
        self.free_bytes: Callable[[], int] = self._free_bytes

    def _free_bytes(self) -> int:
        return shutil.disk_usage(self._path.parent).free

    def lies(self) -> bool:
        """Whether it is there."""
        return self._path.exists()

    def lay(self) -> bool:
        """Have it there if there is room for it twice; whether it is there now."""
        if self.lies():
            return True
        partial = files.beside(self._path, ".partial")
        try:
            if self.free_bytes() < 2 * limits.BALLAST_BYTES:
                return False
            partial.unlink(missing_ok=True)
            files.create_private(partial)
            with partial.open("r+b") as file:
                for _chunk in range(limits.BALLAST_BYTES // limits.MIB):
                    file.write(os.urandom(limits.MIB))
            partial.replace(self._path)
        except OSError:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            return False
        return True

    def drop(self) -> None:
        """Give its room back."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
