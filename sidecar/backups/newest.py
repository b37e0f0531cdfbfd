"""The newest backup of a database, unpacked beside it: what a recovery takes the rest from."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sidecar import files
from sidecar.backups import directory, restoring
from sidecar.backups.verifying import Tell
from sidecar.clock import Clock
from sidecar.errors import BackupRejected
from sidecar.store import swap
from sidecar.store.files import remove_database

_UNPACKED = ".from-backup"


@contextmanager
def unpacked(
    folder: Path, database: Path, clock: Clock, tell: Tell, *, cancelled: Callable[[], bool]
) -> Iterator[Path | None]:
    """The newest backup in `folder` that is believed, as a database; None where there is none.

    Whose database it was cannot be asked of one that is damaged: backups of others lie in folders
    of their own.
    """
    ours = files.beside(database, _UNPACKED)
    try:
        for backup in directory.listed(folder):
            try:
                found = restoring.bring_in(
                    folder / backup.name, database, clock, tell, cancelled=cancelled
                )
            except BackupRejected:
                continue
            # Under a name of its own: what lies under the other one a start clears away.
            remove_database(ours)
            found.path.replace(ours)
            yield ours
            return
        yield None
    finally:
        remove_database(files.beside(database, swap.INCOMING))
        remove_database(ours)
