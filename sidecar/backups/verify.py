"""Unpacking a backup beside the database and examining everything in it.

A backup is rejected at the first thing that is wrong with it: its manifest, its frame, the first
bytes of the database, its schema, its content; the checks that cost least come first.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, cast

from sidecar import files, limits
from sidecar.archive.manifest import Manifest, rejection
from sidecar.archive.read import read_database, read_manifest
from sidecar.backups.directory import logged_name
from sidecar.context import LongContext
from sidecar.errors import BackupRejected, Cancelled, DatabaseFull
from sidecar.store.scratch import scratch_folder
from sidecar.store.transfer.examine import Examined, Untrusted, check_header, examine
from sidecar.vocabularies import BackupFindingKind, BackupRefusal, ProgressPhase, ProgressUnit

DATABASE: Final = "database"
"""Name of the file in a scratch folder into which a backup is unpacked."""

Report = Callable[[ProgressPhase, int, int | None, ProgressUnit], None]
"""Reports progress as `LongContext.progress` does: phase, done, total, unit."""


class Verdict(NamedTuple):
    """The result of verifying a backup."""

    manifest: Manifest | None
    size_bytes: int
    findings: list[tuple[BackupFindingKind, str]]
    """Kind and sentence of each thing that is wrong."""
    rejection: BackupRejected | None
    """Why a restore would refuse the backup; None when it would accept it."""


def verify_backup(
    path: Path, database: Path, report: Report, is_cancelled: Callable[[], bool]
) -> Verdict:
    """Examine a backup as a restore does, in a scratch folder of `database`.

    Raises:
        Cancelled: `is_cancelled` returned True.
        DatabaseFull: there is no room to unpack the backup beside the database.
        OSError: the backup cannot be read.
    """
    size_bytes = path.stat().st_size
    manifest = None
    try:
        manifest = read_manifest(path)
        with scratch_folder(database) as folder:
            _, examined = unpack_and_examine(path, folder / DATABASE, report, is_cancelled)
    except BackupRejected as rejected:
        kind = cast(BackupRefusal, rejected.data["reason"])
        return Verdict(manifest, size_bytes, [(kind, rejected.message)], rejected)
    findings: list[tuple[BackupFindingKind, str]] = [
        (each.kind, f"{each.where}: {each.detail}") for each in examined.findings
    ]
    return Verdict(manifest, size_bytes, findings[: limits.FINDINGS_MAX], None)


def log_rejection(ctx: LongContext, rejected: BackupRejected, name: str, *, last: bool) -> None:
    """Write to the audit log that the backup of this name was rejected; in a rescue there is none.

    `last` says that the request does nothing after it and ends with a result, not an error.
    """
    if ctx.store.rescue is not None:
        return
    with ctx.writing(last=last):
        ctx.audit("backup_rejected", logged_name(name), reason=rejected.data["reason"])


def unpack_and_examine(
    path: Path, scratch: Path, report: Report, is_cancelled: Callable[[], bool]
) -> tuple[Manifest, Examined]:
    """Unpack a backup into the new file `scratch` and examine it; the caller removes the file.

    Raises:
        BackupRejected: something in the backup is wrong.
        Cancelled: `is_cancelled` returned True.
        DatabaseFull: there is no room to unpack the backup.
    """
    manifest = read_manifest(path)
    total_bytes = 2 * manifest.database_bytes
    if shutil.disk_usage(scratch.parent).free < manifest.database_bytes + limits.BACKUP_ROOM_BYTES:
        raise DatabaseFull("There is no room to unpack the backup.")
    files.create_private(scratch)

    def report_unpacked(done_bytes: int) -> None:
        check_cancelled(is_cancelled)
        report("unpack", done_bytes, total_bytes, "bytes")

    def report_examined(done: int, total: int) -> None:
        check_cancelled(is_cancelled)
        share = done * manifest.database_bytes // max(total, 1)
        report("check", manifest.database_bytes + share, total_bytes, "bytes")

    try:
        with scratch.open("r+b") as file:
            sink = _CheckedSink(file.write, manifest.database_bytes)
            if read_database(path, sink, report_unpacked) != manifest:
                raise rejection("damaged")  # another file has been given the name meanwhile
        examined = examine(scratch, cancelled=is_cancelled, step=report_examined)
    except Untrusted as untrusted:
        raise rejection(untrusted.reason) from None
    compare(manifest, examined)
    return manifest, examined


def check_cancelled(is_cancelled: Callable[[], bool]) -> None:
    """Raise Cancelled when `is_cancelled` returns True."""
    if is_cancelled():
        raise Cancelled


class _CheckedSink:
    """Writes a database, after checking that its first bytes are those of one of our databases."""

    def __init__(self, write: Callable[[bytes], object], size_bytes: int) -> None:
        self._write = write
        self._size_bytes = size_bytes
        self._is_checked = False

    def __call__(self, piece: bytes) -> None:
        """Write the next bytes."""
        if not self._is_checked:
            check_header(piece[:100], self._size_bytes)
            self._is_checked = True
        self._write(piece)


def compare(manifest: Manifest, examined: Examined) -> None:
    """Reject the backup when its manifest does not describe the database in it."""
    claimed = (
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
    if claimed != found:
        raise rejection("content")
