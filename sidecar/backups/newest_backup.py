"""The newest backup of a database, unpacked beside it: a recovery takes missing rows from it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sidecar.backups import directory
from sidecar.backups.directory import Backup
from sidecar.backups.new_database import bring_in
from sidecar.backups.verify import DATABASE, Report
from sidecar.clock import Clock
from sidecar.errors import BackupRejected
from sidecar.store import backup_names
from sidecar.store.repair.recover import find_backup_source
from sidecar.store.scratch import scratch_folder


@contextmanager
def unpacked_newest_backup(
    database: Path,
    clock: Clock,
    report: Report,
    is_cancelled: Callable[[], bool],
    *,
    in_use: bool = False,
) -> Iterator[Path | None]:
    """Yield the database of the newest sound backup of `database`; None when there is none.

    `in_use` says that this process has other connections to the database.
    """
    for backup in _list_backups(database, in_use=in_use):
        with scratch_folder(database) as folder:
            try:
                new = bring_in(backup.path, folder / DATABASE, clock, report, is_cancelled)
            except BackupRejected:
                continue
            yield new.path
            return
    yield None


def _list_backups(database: Path, *, in_use: bool) -> list[Backup]:
    """Return the backups of a database that may be damaged, newest first.

    They are searched in the folder that its settings name and in the default folder. When damage
    hides which database it is, backups of several databases count as none: rows of two databases
    must never be mixed.
    """
    source = find_backup_source(database, in_use=in_use)
    default = database.parent / backup_names.DEFAULT
    folders = {default, default if source.folder is None else Path(source.folder)}
    backups = [backup for folder in folders for backup in directory.list_backups(folder)]
    if source.store_id is not None:
        backups = directory.of_store(backups, source.store_id)
    elif len({backup.manifest.store_id for backup in backups}) > 1:
        return []
    return directory.newest_first(backups)
