"""Reads a backup: the manifest alone, or the database, which is verified while it is unpacked.

Whatever the file claims, reading takes no more memory than one piece and the frame's window, and
the size of the unpacked database is known before the first byte is unpacked.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sidecar import digests, limits
from sidecar.archive.frame_size import measure
from sidecar.archive.manifest import FRAME_BYTES, Manifest, decode_manifest, rejection
from sidecar.zstd import FrameDamaged, Unpacker

Step = Callable[[int], None]
"""Called with the bytes of the database unpacked so far; it may raise to stop the work."""

Sink = Callable[[bytes], object]
"""Called with the next bytes of the database."""


def read_manifest(path: Path) -> Manifest:
    """Return the manifest of the backup at `path`, after comparing the file's size with it.

    Raises:
        BackupRejected: the file is not a backup, of a newer format, cut off, or followed by
            other data.
        OSError: it does not exist or cannot be read.
    """
    with _open_file(path) as (file, file_bytes):
        return _read_manifest(file, file_bytes)


def read_database(path: Path, sink: Sink, step: Step) -> Manifest:
    """Pass the database in a backup to `sink` piece by piece; it is verified once this returns.

    Raises:
        BackupRejected: the file differs from what was written.
        OSError: the file cannot be read.
    """
    with _open_file(path) as (file, file_bytes):
        manifest = _read_manifest(file, file_bytes)
        header = measure(file, FRAME_BYTES, file_bytes)
        if header.content_bytes != manifest.database_bytes:
            raise rejection("size")
        file.seek(FRAME_BYTES)
        if _unpack(file, header.content_bytes, sink, step) != manifest.sha256:
            raise rejection("damaged")
    return manifest


def _unpack(file: IO[bytes], size_bytes: int, sink: Sink, step: Step) -> str:
    """Unpack the frame at the file's position and return the SHA-256 of its content."""
    digest = digests.new_sha256()
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


def _read_manifest(file: IO[bytes], file_bytes: int) -> Manifest:
    """Read the manifest at the beginning of a file of that size."""
    manifest = decode_manifest(file.read(FRAME_BYTES))
    if file_bytes != FRAME_BYTES + manifest.packed_bytes:
        is_cut_off = file_bytes < FRAME_BYTES + manifest.packed_bytes
        raise rejection("truncated" if is_cut_off else "trailing")
    return manifest


@contextmanager
def _open_file(path: Path) -> Iterator[tuple[IO[bytes], int]]:
    """Open a regular file and yield it with its size; reject a pipe or a device without waiting."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise rejection("not_a_backup")
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        yield file, status.st_size
