"""Replaces the served database file: by a compact copy of itself, or by a file already staged.

The copy is made by VACUUM INTO rather than VACUUM: the latter builds its copy in temporary
storage, which is memory here, and leaves nothing to go back to. The caller holds the store
exclusively.
"""

import shutil
from collections.abc import Callable
from contextlib import suppress

import apsw

from sidecar.clock import Clock
from sidecar.errors import Cancelled, DatabaseFull, ReadOnly, RecoveryRequired, StorageFailed
from sidecar.files import sha256_of
from sidecar.store import swap, traces, verified_copy
from sidecar.store.connection import Connection, Store
from sidecar.store.interrupt import interruptible
from sidecar.store.scratch import scratch_folder
from sidecar.store.unserved_file import open_to_serve

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
    with scratch_folder(path) as folder:
        copy = folder / "compact"
        with interruptible(store.db, cancelled):
            verified_copy.write(store.db, copy, vfs=store.vfs)
        if cancelled():
            raise Cancelled
        with open_to_serve(copy, store.vfs) as db:
            write_entry(db, before_bytes, copy.stat().st_size)
        sha256 = sha256_of(copy)
        swap.stage(copy, path)
    swap_served(store, clock, sha256=sha256)
    return before_bytes, path.stat().st_size


def swap_served(store: Store, clock: Clock, *, sha256: str, keep: str | None = None) -> None:
    """Replace the served file by the staged one and open it, so that no request waits for that.

    `sha256` is the hash of the staged file; `keep` is the name that a damaged old file is given.

    Raises:
        StorageFailed: the staged file was changed since it was finished; nothing was replaced.
        OSError: one of the two files is served; which one is certain.
        RecoveryRequired: the file is only read from, since the next start completes the swap.
    """
    was_damaged, store.damaged = store.damaged, store.damaged or keep is not None
    try:
        # Closing leaves a damaged file as it is.
        with store.closed():
            swap.replace(store.path, clock, sha256=sha256, keep=keep)
    except (OSError, StorageFailed):
        store.damaged = was_damaged
        raise
    except RecoveryRequired:
        store.damaged = True
        raise
    store.damaged = store.damage_suspected = False
    with suppress(OSError):
        traces.mark_known(store.path)
    store.end_rescue()
    # Opened now, so that no request waits for it. What fails here fails again when it is used.
    with suppress(apsw.Error, ReadOnly):
        store.db.execute("SELECT count(*) FROM sqlite_schema").fetchall()
