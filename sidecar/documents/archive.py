"""Finds the files in a zip archive and unpacks them in memory, one at a time.

Nothing is taken on trust that an archive says of itself: not the sizes, not the number of its
files. No name in it is ever opened.
"""

import io
import re
import stat
import struct
import zipfile
import zlib
from typing import IO, Any, Final

from sidecar import limits
from sidecar.documents.files import TooMany, is_candidate
from sidecar.documents.refused import Refused

_FAULTS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
"""What Python's reader raises for an archive that is damaged, or was made to do harm."""

_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_IS_ENCRYPTED: Final = 1
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_SIGNATURES: Final = (b"PK\x03\x04", b"PK\x05\x06")


class NotAnArchive(Exception):
    """A file is no zip archive that can be read."""


def is_archive(file: IO[bytes]) -> bool:
    """Return whether an open file begins as a zip archive does; it is read from its start again."""
    start = file.read(len(_SIGNATURES[0]))
    file.seek(0)
    return start in _SIGNATURES


class _Bounded(io.RawIOBase):
    """A file of which no more than the largest directory is read at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        """Read from `file`."""
        super().__init__()
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """Read; a larger piece is that of a directory with too many files."""
        if size > limits.IMPORT_DIRECTORY_MAX_BYTES:
            raise TooMany
        return self._file.read(size if size >= 0 else limits.IMPORT_DIRECTORY_MAX_BYTES)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Set the place that is read next."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place that is read next."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Return True: an archive is read from its end."""
        return True

    def readable(self) -> bool:
        """Return True."""
        return True


class Archive:
    """A zip archive, the file of which the caller keeps open."""

    def __init__(self, file: IO[bytes]) -> None:
        """Read the directory of the archive.

        Raises:
            NotAnArchive: it cannot be read.
            TooMany: it has more files than an import takes.
        """
        bounded: Any = _Bounded(file)
        try:
            self._zip = zipfile.ZipFile(bounded)
        except _FAULTS:
            raise NotAnArchive from None
        self._unpacked_bytes = 0
        entries = [each for each in self._zip.infolist() if is_candidate(_name(each))]
        if len(entries) > limits.IMPORT_FILES_MAX:
            raise TooMany
        self._entries = entries
        first: dict[str, int] = {}
        for number, entry in enumerate(entries):
            first.setdefault(_name(entry), number)
        self._is_first = [first[_name(each)] == index for index, each in enumerate(entries)]

    def names(self) -> list[str]:
        """Return the names of the files to look at, with slashes, in the order of the archive."""
        return [_name(each)[: limits.IMPORT_NAME_MAX_CHARS] for each in self._entries]

    def read(self, number: int) -> bytes:
        """Unpack the file of a number, which is its place in `names`.

        Raises:
            Refused: it cannot be unpacked, or must not be.
        """
        entry = self._entries[number]
        _refuse_name(_name(entry))
        if not self._is_first[number]:
            raise Refused("duplicate_name")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise Refused("link")
        if entry.flag_bits & _IS_ENCRYPTED or entry.compress_type not in _METHODS:
            raise Refused("not_unpacked")
        room = limits.IMPORT_UNPACKED_MAX_BYTES - self._unpacked_bytes
        most = min(limits.IMPORT_FILE_MAX_BYTES, room)
        if entry.file_size > most:
            raise Refused("too_large")
        data = self._unpack(entry, most)
        self._unpacked_bytes += len(data)
        return data

    def _unpack(self, entry: zipfile.ZipInfo, most: int) -> bytes:
        """Unpack a file, piece by piece, so that no more is unpacked than is allowed."""
        allowed = max(limits.IMPORT_RATIO_FROM_BYTES, limits.IMPORT_RATIO_MAX * entry.compress_size)
        pieces: list[bytes] = []
        size = 0
        try:
            with self._zip.open(entry) as file:
                while piece := file.read(limits.IMPORT_RATIO_FROM_BYTES):
                    size += len(piece)
                    if size > allowed:
                        raise Refused("ratio")
                    if size > most:
                        raise Refused("too_large")
                    pieces.append(piece)
        except _FAULTS:
            raise Refused("not_unpacked") from None
        return b"".join(pieces)


def _name(entry: zipfile.ZipInfo) -> str:
    """Return the name as the archive has it; some programs on Windows write it with backslashes."""
    return entry.orig_filename.replace("\\", "/")


def _refuse_name(name: str) -> None:
    """Refuse a name that leads out of the folder that the archive would be unpacked to.

    Raises:
        Refused: it does, or has a NUL, or is too long.
    """
    leads_out = name.startswith("/") or ".." in name.split("/") or _DRIVE.match(name)
    if leads_out or "\0" in name or len(name) > limits.IMPORT_NAME_MAX_CHARS:
        raise Refused("unsafe_name")
