"""A VFS with a disk of a given size: a file cannot grow when the folder has reached it."""

import os
from pathlib import Path
from typing import Any

import apsw


class SmallDiskVFS(apsw.VFS):
    """The files of one folder, which cannot hold more than `capacity_bytes`."""

    def __init__(self, name: str, folder: Path, capacity_bytes: int) -> None:
        self._folder = folder
        self.capacity_bytes = capacity_bytes
        super().__init__(name, "")

    def free(self) -> int:
        """Return how many bytes are free."""
        with os.scandir(self._folder) as found:  # asked at each write
            sizes = [each.stat().st_size for each in found if not each.name.endswith("-shm")]
        return self.capacity_bytes - sum(sizes)

    def xOpen(self, name: Any, flags: list[int]) -> "SmallDiskFile":  # noqa: N802 - APSW's name
        """Open a file whose writes can fail for want of space."""
        return SmallDiskFile(self, name, flags)


class SmallDiskFile(apsw.VFSFile):
    """A file of a `SmallDiskVFS`."""

    def __init__(self, vfs: SmallDiskVFS, name: Any, flags: list[int]) -> None:
        self._vfs = vfs
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - APSW's name
        """Write, or fail when the disk is full."""
        growth = offset + len(data) - self.xFileSize()
        if growth > 0 and growth > self._vfs.free():
            raise apsw.FullError
        super().xWrite(data, offset)
