"""Write the database anew beside itself and put the new file in its place.

VACUUM INTO rather than VACUUM: the latter builds its copy in temporary storage, which is memory
here, and leaves nothing to go back to. Whoever calls has the store to himself.
"""

import shutil
from collections.abc import Callable

from sidecar.clock import Clock
from sidecar.errors import Cancelled, DatabaseFull, RecoveryRequired
from sidecar.store import swap
from sidecar.store import verified_copy as copies
from sidecar.store.connection import Connection, Store
from sidecar.store.database_files import remove_database
from sidecar.store.interrupt import interruptible
from sidecar.store.unserved_file import opened

Log = Callable[[Connection, int, int], None]
"""Writes the entry of the act into the new file; sizes before and after, in bytes."""


def compact(store: Store, clock: Clock, cancelled: Callable[[], bool], log: Log) -> tuple[int, int]:
    """Replace the database by a fresh copy of itself; sizes before and after, in bytes.

    `log` writes into the copy, so that the entry comes with the new file or not at all.

    Raises:
        Cancelled: `cancelled` said so before the file was replaced; nothing has changed.
        DatabaseFull: there is no room for a second file.
        DatabaseDamaged: the copy is not what the database is; nothing has changed.
    """
    path = store.path
    store.checkpoint()
    before_bytes = path.stat().st_size
    if shutil.disk_usage(path.parent).free < before_bytes:
        raise DatabaseFull("There is no room for a second file of this size.")
    staged = swap.staged_path(path)
    remove_database(staged)
    try:
        with interruptible(store.db, cancelled):
            copies.write(store.db, staged, vfs=store.vfs)
        if cancelled():
            raise Cancelled
        with opened(staged, store.vfs) as copy:
            log(copy, before_bytes, staged.stat().st_size)
    except BaseException:
        remove_database(staged)
        raise
    put_in_place(store, clock)
    return before_bytes, path.stat().st_size


def put_in_place(store: Store, clock: Clock, keep: str | None = None) -> None:
    """Replace the served file by the staged one; `keep` is the name a damaged old file is given.

    Raises:
        OSError: the old file, or already the new one, is served.
        RecoveryRequired: the file is only read from, since the next start goes on replacing it.
    """
    was_damaged, store.damaged = store.damaged, store.damaged or keep is not None
    try:
        # Closing leaves a damaged file as it is.
        with store.closed():
            swap.replace(store.path, clock, keep=keep)
    except OSError:
        store.damaged = was_damaged
        raise
    except RecoveryRequired:
        store.damaged = True
        raise
    store.damaged = store.suspected = False
