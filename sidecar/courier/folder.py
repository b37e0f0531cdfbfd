"""A remote that is a folder: on this machine, a USB stick or a network drive."""

import os
from collections.abc import Iterator
from contextlib import suppress
from errno import ELOOP
from pathlib import Path
from typing import IO, Final

from sidecar import limits
from sidecar.courier.failures import Failed
from sidecar.courier_protocol import Place

_PIECE_BYTES: Final = 256 * 1024
_PARTIAL: Final = ".partial-"


class Folder:
    """A folder on this machine, a USB stick or a network drive."""

    def __init__(self, place: Place) -> None:
        """Use the folder, which must exist: a drive that is not mounted must not be replaced."""
        self._root = Path(place.root)
        self._cleaned: set[Path] = set()
        if not self._root.is_dir():
            raise Failed("offline", "The folder does not exist.")

    def put(self, name: str, data: bytearray) -> None:
        """Write a file under a temporary name, sync it, and give it its name by a link."""
        target = self._path(name)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}{_PARTIAL}{os.urandom(8).hex()}")
        try:
            with partial.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            self._remove_abandoned(partial)
            self._publish(partial, target)
        finally:
            partial.unlink(missing_ok=True)
        self._sync(target.parent)

    def _path(self, name: str) -> Path:
        """Return the path of a file; refuse links, which could lead out of the folder.

        Raises:
            OSError: a folder in the path is a link, or the path is not that of a regular file.
        """
        path = self._root
        for part in name.split("/"):
            path /= part
            if path.is_symlink():
                raise OSError(ELOOP, "a link in a remote")
        if path.exists() and not path.is_file():
            raise OSError(ELOOP, "no file")
        return path

    def _publish(self, partial: Path, target: Path) -> None:
        try:
            os.link(partial, target)
        except FileExistsError:
            raise
        except OSError:
            # A file system without links, such as FAT: create the name first, then fill it.
            target.open("xb").close()
            partial.replace(target)

    def _remove_abandoned(self, partial: Path) -> None:
        """Remove what killed couriers left unfinished beside a file that was just written.

        Ages are differences of times of the same file system, which may have another clock.
        """
        folder = partial.parent
        if folder in self._cleaned:
            return
        self._cleaned.add(folder)
        oldest_s = partial.stat().st_mtime - limits.PARTIAL_LEFTOVER_S
        for each in folder.glob(f"*{_PARTIAL}*"):
            with suppress(OSError):
                if each.lstat().st_mtime < oldest_s:
                    each.unlink()

    def _folder(self, prefix: str) -> Path | None:
        """Return the path of a subfolder; None when it is missing or is a link."""
        path = self._root
        for part in prefix.split("/"):
            path /= part
            if path.is_symlink() or not path.is_dir():
                return None
        return path

    def _sync(self, folder: Path) -> None:
        if os.name == "nt":
            return
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            with suppress(OSError):  # some network drives cannot sync
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def get(self, name: str, most_bytes: int) -> tuple[int, Iterator[bytes]]:
        """Return the size and the pieces of a file."""
        file = self._path(name).open("rb")
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
        """Yield the name and the size of each finished file below a folder."""
        start = self._folder(prefix)
        for folder, _, files in os.walk(start) if start else ():
            for name in files:
                path = Path(folder, name)
                if _PARTIAL not in name and name.isprintable() and not path.is_symlink():
                    with suppress(FileNotFoundError):
                        yield path.relative_to(self._root).as_posix(), path.stat().st_size

    def folders(self, prefix: str) -> list[str]:
        """Return the names of the folders in a folder."""
        start = self._folder(prefix)
        found = start.iterdir() if start else ()
        return [
            each.name
            for each in found
            if each.name.isprintable() and each.is_dir() and not each.is_symlink()
        ]

    def delete(self, name: str) -> None:
        """Delete a file, if it exists."""
        self._path(name).unlink(missing_ok=True)
