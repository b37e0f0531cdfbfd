"""Unpacking a backup beside the database and looking at all that is in it.

A backup is rejected as soon as one thing is wrong, by its manifest, its frame, the database's
first bytes, its schema or its content, in this order: the cheaper first. Nothing of it is left.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sidecar import files, limits
from sidecar.archive import read as reading
from sidecar.archive.manifest import Manifest, rejected
from sidecar.errors import BackupRejected, Cancelled, DatabaseFull
from sidecar.store import swap
from sidecar.store.files import remove_database
from sidecar.store.transfer import examine as untrusted
from sidecar.store.transfer.examine import Examined, Untrusted

Tell = Callable[[str, int, int | None, str], None]
"""Told phase, done, total and unit: `LongContext.progress`."""


class Verdict(NamedTuple):
    """What came of a look at a backup."""

    manifest: Manifest | None
    size_bytes: int
    findings: list[tuple[str, str]]
    """Kind and sentence."""
    refusal: BackupRejected | None


def verify(path: Path, database: Path, tell: Tell, *, cancelled: Callable[[], bool]) -> Verdict:
    """Look at a backup as a restore would; only a failing disk or a cancel raises.

    Raises:
        Cancelled: `cancelled` said so.
        DatabaseFull: there is no room to unpack it beside the database.
        OSError: it cannot be read.
    """
    size_bytes = path.stat().st_size
    manifest = None
    staged = files.beside(database, swap.CHECKING)
    try:
        manifest = reading.read_manifest(path)
        _manifest, examined = unpack(path, staged, tell, cancelled=cancelled)
    except BackupRejected as refusal:
        findings = [(str(refusal.data["reason"]), refusal.message)]
        return Verdict(manifest, size_bytes, findings, refusal)
    finally:
        remove_database(staged)
    found = [(each.kind, f"{each.where}: {each.detail}") for each in examined.findings]
    return Verdict(manifest, size_bytes, found[: limits.FINDINGS_MAX], None)


def unpack(
    path: Path, staged: Path, tell: Tell, *, cancelled: Callable[[], bool]
) -> tuple[Manifest, Examined]:
    """Unpack a backup into the file `staged` and look at it; who calls removes it.

    Raises:
        BackupRejected: it is not to be believed.
        Cancelled: `cancelled` said so.
        DatabaseFull: there is no room for it.
    """
    remove_database(staged)
    manifest = reading.read_manifest(path)
    total_bytes = 2 * manifest.database_bytes
    if shutil.disk_usage(staged.parent).free < manifest.database_bytes + limits.BACKUP_ROOM_BYTES:
        raise DatabaseFull("There is no room to unpack the backup.")
    files.create_private(staged)

    def unpacked(done_bytes: int) -> None:
        stop_if(cancelled)
        tell("unpack", done_bytes, total_bytes, "bytes")

    def looked(done: int, total: int) -> None:
        stop_if(cancelled)
        share = done * manifest.database_bytes // max(total, 1)
        tell("check", manifest.database_bytes + share, total_bytes, "bytes")

    try:
        with staged.open("r+b") as file:
            reading.unpack(path, _Sink(file.write, manifest.database_bytes), unpacked)
        examined = untrusted.examine(staged, cancelled=cancelled, step=looked)
    except Untrusted as found:
        raise rejected(found.reason) from None
    _compare(manifest, examined)
    return manifest, examined


def stop_if(cancelled: Callable[[], bool]) -> None:
    """Stop here if that was asked for."""
    if cancelled():
        raise Cancelled


class _Sink:
    """Writes a database, unless its first bytes are those of something else."""

    def __init__(self, write: Callable[[bytes], object], size_bytes: int) -> None:
        self._write = write
        self._size_bytes = size_bytes
        self._begun = False

    def __call__(self, piece: bytes) -> None:
        """Take the next bytes."""
        if not self._begun:
            untrusted.check_header(piece[:100], self._size_bytes)
            self._begun = True
        self._write(piece)


def _compare(manifest: Manifest, examined: Examined) -> None:
    """Hold what is in it against what it says of itself."""
    told = (
        manifest.schema_version,
        manifest.store_id,
        manifest.head.seq,
        manifest.head.mac,
        manifest.counts,
    )
    head = examined.head
    found = (
        examined.schema_version,
        examined.store_id.hex(),
        head.seq,
        head.mac.hex(),
        examined.counts,
    )
    if told != found:
        raise rejected("content")
