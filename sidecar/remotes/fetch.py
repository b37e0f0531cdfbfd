"""Fetches a backup from a remote into the folder of backups."""

from collections.abc import Callable
from pathlib import Path

from sidecar import files, limits
from sidecar.archive.write import partial_file, publish_backup
from sidecar.backups import directory
from sidecar.backups.directory import Backup
from sidecar.backups.marker import prepare_folder
from sidecar.context import LongContext
from sidecar.errors import DatabaseFull, NotFound
from sidecar.remotes.device import is_device
from sidecar.remotes.heads import BadHead, Head
from sidecar.remotes.read import Reader
from sidecar.remotes.session import RemoteFailed
from sidecar.store import settings


def fetch_backup(ctx: LongContext, reader: Reader, device: str, n: int) -> Backup:
    """Fetch the backup of a head, unless the folder of backups has it already; return the backup.

    Raises:
        NotFound: there is no such head, or it is not that of a backup.
        RemoteFailed, BadSealError: the object differs from the one that was pushed.
        BackupRejected: the object that was pushed is not a backup.
    """
    head = find_head(reader, device, n)
    path = ctx.store.path
    with files.wire_errors():
        with ctx.reading() as db:
            folder = directory.folder_of(db, path)
            named = settings.folder(db, "backup_directory") is not None
            prepare_folder(ctx, db, folder, named=named, by_person=True)
            own = {each.name: each for each in directory.list_own(db, path)}
        known = own.get(head.subject)
        if known is not None and known.manifest.created_at == head.made_at:
            return known

        done = 0

        def report(size: int) -> None:
            nonlocal done
            ctx.check_cancelled()
            done += size
            ctx.progress("fetch", done, head.size, "bytes")

        target = directory.unused_path(folder, head.made_at, reader.store)
        return write_backup(reader, head, target, report)


def find_head(reader: Reader, device: str, n: int) -> Head:
    """Return the head of a backup.

    Raises:
        NotFound: there is none of that number, or it is not that of a backup.
        RemoteFailed: the remote failed.
    """
    missing = NotFound("The remote has no such backup.", path="$.params.n")
    if not is_device(device):
        raise missing
    try:
        head, _ = reader.head(device, n)
    except BadHead as bad:
        raise RemoteFailed("too_large", str(bad)) from None
    except RemoteFailed as failed:
        if failed.fault == "missing":
            raise missing from None
        raise
    if head.kind != "backup":
        raise missing
    return head


def write_backup(reader: Reader, head: Head, target: Path, report: Callable[[int], None]) -> Backup:
    """Write the backup of a head to a file that gets the name `target` once it is complete.

    Raises:
        RemoteFailed, BadSealError: the object differs from the one that was pushed.
        DatabaseFull: there is no room for it.
    """
    if head.size > limits.REMOTE_BACKUP_MAX_BYTES:
        raise RemoteFailed("too_large")
    import shutil  # noqa: PLC0415 - only a fetch needs it

    if shutil.disk_usage(target.parent).free < head.size + limits.BACKUP_ROOM_BYTES:
        raise DatabaseFull("There is no space for the backup.")
    with partial_file(target, reader.store) as partial:
        with partial.open("wb") as file:
            for piece in reader.open_object(head, report):
                file.write(piece)
        files.sync_file(partial)
        backup = directory.read_backup(partial)
        publish_backup(partial, target)
    return backup._replace(path=target)
