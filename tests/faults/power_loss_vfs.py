"""A VFS that models a power loss: what was synced stays, and any part of the rest may be lost.

Every file keeps apart what its last sync made durable and what was written since. An image of the
folder is made as a disk might hold it: of the unsynced operations of each file some are dropped,
some torn at a sector, and they reach the disk in any order. A file of shared memory is none: it
does not survive. Names are durable at once; the store syncs its folders by itself, outside SQLite.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import apsw

SECTOR_BYTES = 512
MAIN_OR_LOG = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL


class Write(NamedTuple):
    """A write that is not synced yet."""

    offset: int
    data: bytes


class Cut(NamedTuple):
    """A truncation that is not synced yet."""

    size: int


class Disk:
    """The bytes of one file on the disk, and the operations that are not synced yet."""

    def __init__(self, durable: bytes) -> None:
        self.durable = bytearray(durable)
        self.unsynced: list[Write | Cut] = []

    def sync(self) -> None:
        """Make all operations so far durable."""
        for each in self.unsynced:
            apply(self.durable, each)
        self.unsynced.clear()

    def image(self, rng: random.Random) -> bytes:
        """Return the file after a power loss, with any part of the unsynced operations."""
        kept = [each for each in self.unsynced if rng.random() < rng.choice((0.2, 0.5, 0.9))]
        rng.shuffle(kept)
        found = bytearray(self.durable)
        for each in kept:
            torn = isinstance(each, Write) and rng.random() < 0.2
            apply(found, tear(each, rng) if torn else each)
        return bytes(found)


def apply(target: bytearray, operation: Write | Cut) -> None:
    """Apply one operation to the bytes of a file."""
    if isinstance(operation, Cut):
        del target[operation.size :]
        return
    end = operation.offset + len(operation.data)
    if len(target) < end:
        target.extend(bytes(end - len(target)))
    target[operation.offset : end] = operation.data


def tear(operation: Write | Cut, rng: random.Random) -> Write | Cut:
    """Return a write of which only the first sectors reach the disk."""
    if isinstance(operation, Cut):
        return operation
    sectors = len(operation.data) // SECTOR_BYTES
    return operation._replace(data=operation.data[: rng.randint(0, sectors) * SECTOR_BYTES])


class PowerVFS(apsw.VFS):
    """The files of the system; `before` is called before each operation."""

    def __init__(self, name: str, before: Callable[[], None]) -> None:
        self.before = before
        self.disks: dict[str, Disk] = {}
        self.syncs = 0
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> "PowerFile":  # noqa: N802 - APSW's name
        """Open a file; what it holds when it is first opened counts as synced."""
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        known = path if path and flags[0] & MAIN_OR_LOG else None
        if known is not None and known not in self.disks:
            here = Path(known)
            self.disks[known] = Disk(here.read_bytes() if here.exists() else b"")
        return PowerFile(self, name, flags, self.disks[known] if known else None)

    def xDelete(self, name: str, sync_folder: bool) -> None:  # noqa: FBT001, N802 - APSW's
        """Delete a file; that is durable at once."""
        super().xDelete(name, sync_folder)
        self.disks.pop(name, None)

    def images(self, rng: random.Random) -> dict[str, bytes]:
        """Return every file by name, as a power loss at this moment might leave it."""
        return {Path(path).name: disk.image(rng) for path, disk in self.disks.items()}


class PowerFile(apsw.VFSFile):
    """A file that applies its operations and remembers them until a sync."""

    def __init__(self, vfs: PowerVFS, name: Any, flags: list[int], disk: Disk | None) -> None:
        self._vfs, self._disk = vfs, disk
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - APSW's name
        """Write; it is durable after the next sync."""
        self._vfs.before()
        super().xWrite(data, offset)
        if self._disk is not None:
            self._disk.unsynced.append(Write(offset, bytes(data)))

    def xTruncate(self, size: int) -> None:  # noqa: N802 - APSW's name
        """Truncate; it is durable after the next sync."""
        self._vfs.before()
        super().xTruncate(size)
        if self._disk is not None:
            self._disk.unsynced.append(Cut(size))

    def xSync(self, flags: int) -> None:  # noqa: N802 - APSW's name
        """Make the operations durable in the model; a real sync would only take time."""
        del flags
        self._vfs.before()
        self._vfs.syncs += 1
        if self._disk is not None:
            self._disk.sync()
