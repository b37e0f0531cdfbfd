"""Replaces the served database file: by a compact copy of itself, or by a file already staged.

The copy is made by VACUUM INTO rather than VACUUM: the latter builds its copy in temporary
storage, which is memory here, and leaves nothing to go back to. The caller holds the store
exclusively.
"""

import shutil
from collections.abc import Callable

from sidecar.clock import Clock
from sidecar.errors import Cancelled, DatabaseFull, RecoveryRequired
from sidecar.store import swap, verified_copy
from sidecar.store.connection import Connection, Store
from sidecar.store.database_files import remove_database
from sidecar.store.interrupt import interruptible
from sidecar.store.unserved_file import open_in_transaction

WriteEntry = Callable[[Connection, int, int], None]
"""Writes the audit entry into the new file, given the sizes before and after in bytes."""


def rewrite_file(
    store: Store, clock: Clock, cancelled: Callable[[], bool], write_entry: WriteEntry
) -> tuple[int, int]:
    """Replace the database by a copy without gaps; return the sizes before and after in bytes.

    `write_entry` writes into the copy, so that the entry comes with the new file or not at all.

    Raises:
        Cancelled: `cancelled` returned True before the file was replaced; nothing has changed.
        DatabaseFull: there is no room for a second file.
        DatabaseDamaged: the copy is not equal to the database; nothing has changed.
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
            verified_copy.write(store.db, staged, vfs=store.vfs)
        if cancelled():
            raise Cancelled
        with open_in_transaction(staged, store.vfs) as copy:
            write_entry(copy, before_bytes, staged.stat().st_size)
    except BaseException:
        remove_database(staged)
        raise
    swap_served(store, clock)
    return before_bytes, path.stat().st_size


def swap_served(store: Store, clock: Clock, keep: str | None = None) -> None:
    """Replace the served file by the staged one; `keep` is the name a damaged old file is given.

    Raises:
        OSError: one of the two files is served; which one is certain.
        RecoveryRequired: the file is only read from, since the next start completes the swap.
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
    store.damaged = store.damage_suspected = False
