"""A file that reserves room on the disk, to be given back when the disk is full.

To delete rows SQLite has to write first. When the disk is full, the ballast is removed for a
request that deletes; a request that only adds is refused until there is room for the ballast
again, so that it does not use up what the next delete needs. The bytes are random, because a file
system that compresses or skips zeros would reserve no room for them.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sidecar import files, limits

SUFFIX = ".ballast"


class Ballast:
    """The ballast file beside one database."""

    def __init__(self, database: Path) -> None:
        """Name the file; nothing is written before `create`."""
        self._path = files.beside(database, SUFFIX)
        self.free_bytes: Callable[[], int] = self._free_bytes

    def _free_bytes(self) -> int:
        import shutil  # noqa: PLC0415 - after the start

        return shutil.disk_usage(self._path.parent).free

    def exists(self) -> bool:
        """Return whether the file is there."""
        return self._path.exists()

    def create(self) -> bool:
        """Create the file unless it exists or the disk has less than twice its room.

        Return whether it exists now.
        """
        if self.exists():
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

    def remove(self) -> None:
        """Remove the file, so that others can use its room."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
