"""Finds the files in a zip archive and unpacks them in memory, one at a time.

Nothing that an archive declares is trusted: neither sizes nor the number of files. No name in it
is ever opened.
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
"""The exceptions of Python's reader for a damaged or malicious archive."""

_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_IS_ENCRYPTED: Final = 1
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_SIGNATURES: Final = (b"PK\x03\x04", b"PK\x05\x06")


class NotAnArchive(Exception):
    """A file is not a zip archive, or cannot be read as one."""


def is_archive(file: IO[bytes]) -> bool:
    """Return whether an open file begins like a zip archive; rewind it to its start."""
    start = file.read(len(_SIGNATURES[0]))
    file.seek(0)
    return start in _SIGNATURES


class _Bounded(io.RawIOBase):
    """A file that reads at most the size of the largest allowed directory at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        """Read from `file`."""
        super().__init__()
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """Read bytes; a larger request means a directory with too many files."""
        if size > limits.IMPORT_DIRECTORY_MAX_BYTES:
            raise TooMany
        return self._file.read(size if size >= 0 else limits.IMPORT_DIRECTORY_MAX_BYTES)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Set the position of the next read."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position of the next read."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Return True: an archive is read from its end."""
        return True

    def readable(self) -> bool:
        """Return True."""
        return True


class Archive:
    """A zip archive whose file the caller keeps open."""

    def __init__(self, file: IO[bytes]) -> None:
        """Read the directory of the archive.

        Raises:
            NotAnArchive: the archive cannot be read.
                TooMany: the archive has more files than an import accepts.
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
        """Return the names of the files to read, with slashes, in the order of the archive."""
        return [_name(each)[: limits.IMPORT_NAME_MAX_CHARS] for each in self._entries]

    def read(self, number: int) -> bytes:
        """Unpack the file with this index in `names`.

        Raises:
            Refused: the file cannot be unpacked, or is not allowed.
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
        self._unpacked_bytes += entry.file_size  # counts also when the file is refused
        return self._unpack(entry, most)

    def _unpack(self, entry: zipfile.ZipInfo, most: int) -> bytes:
        """Unpack a file piece by piece, so that its size never exceeds the limit."""
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
    """Return the name with slashes; some programs on Windows write backslashes."""
    return entry.orig_filename.replace("\\", "/")


def _refuse_name(name: str) -> None:
    """Refuse a name that leads out of the folder that the archive would be unpacked to.

    Raises:
        Refused: the name leads out of the folder, contains NUL, or is too long.
    """
    leads_out = name.startswith("/") or ".." in name.split("/") or _DRIVE.match(name)
    if leads_out or "\0" in name or len(name) > limits.IMPORT_NAME_MAX_CHARS:
        raise Refused("unsafe_name")
