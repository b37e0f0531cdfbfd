"""A remote that is a folder of this machine, of a stick or of a network drive."""

import os
from collections.abc import Iterator
from contextlib import suppress
from errno import EEXIST
from pathlib import Path
from typing import IO, Final

from sidecar.courier.failures import Failed
from sidecar.courier_protocol import Place

_PIECE_BYTES: Final = 256 * 1024
_PARTIAL: Final = ".partial-"


class Folder:
    """A folder of this machine, of a stick or of a network drive."""

    def __init__(self, place: Place) -> None:
        """Use the folder, which must exist: one of a drive that is not mounted is not made."""
        self._root = Path(place.root)
        if not self._root.is_dir():
            raise Failed("offline", "The folder is not there.")

    def put(self, name: str, data: bytearray) -> None:
        """Write a file under another name, sync it, and give it its name by a link."""
        target = self._root / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}{_PARTIAL}{os.getpid()}")
        try:
            with partial.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            self._publish(partial, target)
        finally:
            partial.unlink(missing_ok=True)
        self._sync(target.parent)

    def _publish(self, partial: Path, target: Path) -> None:
        try:
            os.link(partial, target)
        except FileExistsError:
            raise
        except OSError as fault:
            # A file system without links, as on a stick: the name is taken first, then filled.
            if fault.errno == EEXIST:
                raise
            target.open("xb").close()
            partial.replace(target)

    def _sync(self, folder: Path) -> None:
        if os.name == "nt":
            return
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            with suppress(OSError):  # not every network drive can
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def get(self, name: str, most_bytes: int) -> tuple[int, Iterator[bytes]]:
        """Return size and pieces of a file."""
        file = (self._root / name).open("rb")
        size = os.fstat(file.fileno()).st_size
        if size > most_bytes:
            file.close()
            raise Failed("too_large")
        return size, self._pieces(file, size)

    def _pieces(self, file: IO[bytes], size: int) -> Iterator[bytes]:
        with file:
            while size > 0 and (piece := file.read(min(_PIECE_BYTES, size))):
                size -= len(piece)
                yield piece

    def names(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield name and size of each file below a folder, without unfinished ones."""
        for folder, _, files in os.walk(self._root / prefix):
            for name in files:
                if _PARTIAL not in name:
                    path = Path(folder, name)
                    with suppress(FileNotFoundError):
                        yield path.relative_to(self._root).as_posix(), path.stat().st_size

    def folders(self, prefix: str) -> list[str]:
        """Return the names of the folders in a folder."""
        try:
            return [each.name for each in (self._root / prefix).iterdir() if each.is_dir()]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def delete(self, name: str) -> None:
        """Delete a file, if it is there."""
        (self._root / name).unlink(missing_ok=True)
