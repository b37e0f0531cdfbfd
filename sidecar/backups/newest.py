"""The newest backup of a database, unpacked beside it: what a recovery takes the rest from."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sidecar import files
from sidecar.backups import directory
from sidecar.backups import restore as restoring
from sidecar.backups.directory import Backup
from sidecar.backups.verify import Tell
from sidecar.clock import Clock
from sidecar.errors import BackupRejected
from sidecar.store import swap
from sidecar.store.files import remove_database
from sidecar.store.repair import recover


@contextmanager
def unpacked(
    database: Path, clock: Clock, tell: Tell, *, cancelled: Callable[[], bool]
) -> Iterator[Path | None]:
    """The newest backup of it that is believed, as a database; None where there is none."""
    ours = files.beside(database, swap.FROM_BACKUP)
    try:
        for backup in _of(database):
            try:
                found = restoring.bring_in(backup.path, database, clock, tell, cancelled=cancelled)
            except BackupRejected:
                continue
            # Under a name of its own: what lies under the other one is the next restore's.
            remove_database(ours)
            found.path.replace(ours)
            yield ours
            return
        yield None
    finally:
        remove_database(files.beside(database, swap.INCOMING))
        remove_database(ours)


def _of(database: Path) -> list[Backup]:
    """Backups of a damaged database, newest first, in the folder that it names and the usual one.

    Where damage hides which database it is, all of them must be of one: rows of two are never
    mixed.
    """
    told = recover.find_backup_source(database)
    usual = database.parent / directory.DEFAULT
    folders = {usual, usual if told.folder is None else Path(told.folder)}
    there = [backup for folder in folders for backup in directory.listed(folder)]
    if told.store_id is not None:
        there = directory.of_store(there, told.store_id)
    elif len({backup.manifest.store_id for backup in there}) > 1:
        return []
    return sorted(there, key=lambda each: (each.manifest.created_at, each.name), reverse=True)
