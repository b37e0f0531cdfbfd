"""Reading a backup: its manifest alone, or its database, checked byte by byte on the way.

Memory is a piece and the frame's window, whatever the file claims; the disk it may take is known
before the first byte is unpacked.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sidecar import limits
from sidecar.archive import frame_size as shape
from sidecar.archive import manifest as manifests
from sidecar.archive.manifest import FRAME_BYTES, Manifest, rejection
from sidecar.zstd import FrameDamaged, Unpacker

Step = Callable[[int], None]
"""Called with the bytes of the database done so far; may raise to stop."""

Sink = Callable[[bytes], object]
"""Takes the next bytes of the database."""


def read_manifest(path: Path) -> Manifest:
    """What a backup says of itself, its size compared with the file's.

    Raises:
        BackupRejected: it is no backup, of another form, cut off, or followed by something.
        OSError: it cannot be read, or is not there.
    """
    with _opened(path) as (file, file_bytes):
        return _manifest(file, file_bytes)


def unpack(path: Path, sink: Sink, step: Step) -> Manifest:
    """Hand over the database in a backup, piece by piece; believe it only when this returns.

    Raises:
        BackupRejected: it is not wholly what was written.
        OSError: it cannot be read.
    """
    with _opened(path) as (file, file_bytes):
        manifest = _manifest(file, file_bytes)
        header = shape.measure(file, FRAME_BYTES, file_bytes)
        if header.content_bytes != manifest.database_bytes:
            raise rejection("size")
        file.seek(FRAME_BYTES)
        if _unpack(file, header.content_bytes, sink, step) != manifest.sha256:
            raise rejection("damaged")
    return manifest


def _unpack(file: IO[bytes], size_bytes: int, sink: Sink, step: Step) -> str:
    """Unpack the frame at the file's position; the SHA-256 of what was in it."""
    digest = hashlib.sha256()
    done_bytes = 0
    unpacker = Unpacker(file, limits.ARCHIVE_WINDOW_MAX_BYTES)
    try:
        while piece := unpacker.read(limits.ARCHIVE_PIECE_BYTES):
            done_bytes += len(piece)
            if done_bytes > size_bytes:
                raise rejection("size")
            digest.update(piece)
            sink(piece)
            step(done_bytes)
    except FrameDamaged:
        raise rejection("damaged") from None
    if done_bytes != size_bytes:
        raise rejection("size")
    return digest.hexdigest()


def _manifest(file: IO[bytes], file_bytes: int) -> Manifest:
    manifest = manifests.decode(file.read(FRAME_BYTES))
    if file_bytes != FRAME_BYTES + manifest.packed_bytes:
        missing = file_bytes < FRAME_BYTES + manifest.packed_bytes
        raise rejection("truncated" if missing else "trailing")
    return manifest


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], int]]:
    """A file to read and its size; a pipe is not waited for, a device not read."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise rejection("not_a_backup")
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        yield file, found.st_size
