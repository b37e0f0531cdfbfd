"""The marker in a folder of backups: without it a folder that had one is not written to.

While the drive of a folder is not mounted, an empty folder of the same path is there, on the disk
of the database. Backups in it would fill that disk, and would be missing on the drive. So the
folder that a setting names gets a marker file with its first backup, and the database notes that.
The default folder is beside the database and needs none.
"""

import os
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from sidecar import files
from sidecar.context import LongContext
from sidecar.errors import ReadOnly
from sidecar.store import meta
from sidecar.store.connection import Connection, Store

MARKER: Final = ".sim-sidecar-backups"
"""Name of the marker in a folder of backups."""

_refused: WeakKeyDictionary[Store, Path] = WeakKeyDictionary()
"""The folder without its marker for which a person's backup of each database was refused last."""


def prepare_folder(
    ctx: LongContext, db: Connection, folder: Path, *, named: bool, by_person: bool
) -> None:
    """Make the folder of backups, and mark it when a setting has `named` it.

    A folder that has lost its marker is marked again for a person who was refused once and so
    knows of it.

    Raises:
        ReadOnly: the folder has lost its marker, or it cannot be made.
    """
    if not named:
        files.make_folder(folder)
        return
    noted = os.fsencode(folder)
    is_noted = meta.read(db, meta.BACKUP_FOLDER) == noted
    if is_noted and not (folder / MARKER).exists():
        was_refused = _refused.get(ctx.store) == folder
        if by_person:
            _refused[ctx.store] = folder
        if not (by_person and was_refused):
            raise ReadOnly(
                f"The folder of backups, {folder}, has lost its marker {MARKER}; its drive may not"
                " be mounted. Nothing was written. To use the folder as it is now, call"
                " backups.create again or set backup_directory."
            )
    files.make_folder(folder)
    files.create_if_missing(folder / MARKER)
    _refused.pop(ctx.store, None)
    if ctx.store.takes_writes and not is_noted:
        with ctx.writing() as writing:
            meta.write(writing, meta.BACKUP_FOLDER, noted)
