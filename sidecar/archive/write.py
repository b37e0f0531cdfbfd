"""Writes a backup: packs it in one pass, syncs it, reads it back, and only then names it.

Until then its name ends in the id of its database and `.partial`; lists omit it, and it is removed
when writing fails.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from msgspec.structs import replace

from sidecar import digests, files, limits
from sidecar.archive.manifest import FRAME_BYTES, Mac, Manifest, encode_manifest
from sidecar.archive.read import read_database
from sidecar.zstd import Packer

PARTIAL = ".partial"
"""Suffix of the name of an unfinished backup."""


_being_written: set[Path] = set()
"""The unfinished backups that this process is writing now."""


def partial_path(target: Path, store_id: str) -> Path:
    """Return the path of the unfinished backup that a database makes to be named `target`."""
    return files.beside(target, f".{store_id}{PARTIAL}")


@contextmanager
def partial_file(target: Path, store_id: str) -> Iterator[Path]:
    """Create a private file to be written and published; remove it unless it is published.

    Raises:
        FileExistsError: another backup of that name is being written.
    """
    partial = partial_path(target, store_id)
    files.create_private(partial)
    _being_written.add(partial)
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)
        _being_written.discard(partial)


def is_being_written(partial: Path) -> bool:
    """Return whether this process is writing the unfinished backup `partial` now."""
    return partial in _being_written


def write_backup(
    source: Path,
    partial: Path,
    manifest: Manifest,
    *,
    mac: Mac = None,
    step: Callable[[int], None],
) -> Manifest:
    """Pack the database `source`, which must not change meanwhile, into `partial` and read it back.

    `step` is called with the bytes packed so far, then with these plus the bytes read back so
    far; it may raise to stop the work.

    Returns:
        The manifest as it was written: `manifest` with sizes and SHA-256.

    Raises:
        BackupRejected: what was read back is not what was written.
    """
    size_bytes = manifest.database_bytes
    with source.open("rb") as database, partial.open("r+b") as file:
        file.write(b" " * FRAME_BYTES)
        sha256, packed_bytes = _pack(database, file, size_bytes, step)
        written = replace(manifest, sha256=sha256, packed_bytes=packed_bytes)
        file.seek(0)
        file.write(encode_manifest(written, mac))
        file.flush()
        os.fsync(file.fileno())

    def step_back(done_bytes: int) -> None:
        step(size_bytes + done_bytes)

    return read_database(partial, lambda _piece: None, step_back)


def _pack(
    database: IO[bytes], file: IO[bytes], size_bytes: int, step: Callable[[int], None]
) -> tuple[str, int]:
    """Write the data frame; return the SHA-256 of the database and the size of the frame."""
    packer = Packer(limits.ARCHIVE_LEVEL, size_bytes)
    digest = digests.new_sha256()
    done_bytes = packed_bytes = synced_bytes = 0
    while piece := database.read(limits.ARCHIVE_PIECE_BYTES):
        digest.update(piece)
        packed_bytes += file.write(packer.add(piece))
        done_bytes += len(piece)
        if packed_bytes - synced_bytes >= limits.ARCHIVE_SYNC_BYTES:
            # Small, frequent syncs: one sync of the whole file would delay every COMMIT.
            file.flush()
            os.fsync(file.fileno())
            synced_bytes = packed_bytes
        step(done_bytes)
    packed_bytes += file.write(packer.end())
    return digest.hexdigest(), packed_bytes


def publish_backup(partial: Path, target: Path) -> None:
    """Give a finished backup its name, durably.

    Raises:
        FileExistsError: another process has given the name to a backup meanwhile.
    """
    files.publish(partial, target)
