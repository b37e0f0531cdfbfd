"""The folder of backups: its place, the names in it, and which files there are backups.

A file counts by its name and its manifest, so by what it says of itself and not by the time some
copying gave it. Several databases may share a folder; each touches only its own backups.
"""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from sidecar import files
from sidecar.archive import read as reading
from sidecar.archive.manifest import Manifest
from sidecar.archive.write import PARTIAL
from sidecar.errors import BackupRejected, NotFound
from sidecar.store import meta, settings
from sidecar.store.connection import Connection, Store
from sidecar.store.sqlite_errors import suspects_damage

DEFAULT: Final = "backups"
"""Folder beside the database, where none was set."""

_NAME: Final = re.compile(r"sim_backup_\d{8}_\d{6}(?:_\d{1,6})?\.db\.zst")


class Backup(NamedTuple):
    """A backup that is there."""

    path: Path
    manifest: Manifest
    size_bytes: int

    @property
    def name(self) -> str:
        """Its file's name."""
        return self.path.name


def place(db: Connection, database: Path) -> Path:
    """The folder that the settings name."""
    named = settings.own_folder(db, "backup_directory")
    return database.parent / DEFAULT if named is None else Path(named)


class Seen(NamedTuple):
    """What a database says of its backups."""

    folder: Path
    store_id: bytes
    """Empty where damage hides it: then no backup is known to be of this database."""


def seen(store: Store) -> Seen:
    """Where the backups are, by a connection of its own; whatever of the database is damaged."""
    folder, store_id = store.path.parent / DEFAULT, b""
    try:
        with store.reader() as db:
            folder = place(db, store.path)
            store_id = meta.store_id(db)
    except Exception as fault:
        if not suspects_damage(fault):
            raise
    return Seen(folder, store_id)


def is_name(name: str) -> bool:
    """Whether a file of this name can be one of ours."""
    return _NAME.fullmatch(name) is not None


def listed(folder: Path) -> list[Backup]:
    """Every backup in the folder, newest first; what is none, or is not whole, is passed over."""
    found = []
    try:
        paths = [path for path in folder.iterdir() if is_name(path.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    for path in paths:
        try:
            manifest = reading.read_manifest(path)
            found.append(Backup(path, manifest, path.stat().st_size))
        except (BackupRejected, OSError):
            continue
    return sorted(found, key=lambda each: (each.manifest.created_at, each.name), reverse=True)


def of_store(backups: list[Backup], store_id: bytes) -> list[Backup]:
    """Those made of this database."""
    return [each for each in backups if each.manifest.store_id == store_id.hex()]


def find(folder: Path, name: str) -> Path:
    """The file of that name, whatever is in it.

    Raises:
        NotFound: there is none; a name that leads elsewhere is none of ours.
    """
    path = folder / name
    if not is_name(name) or not path.is_file():
        raise NotFound("There is no backup of that name.", path="$.params.name")
    return path


def existing(path: Path) -> Path:
    """A path that a person named.

    Raises:
        NotFound: nothing is there, or it cannot be asked.
    """
    try:
        path.stat()
    except (OSError, ValueError):
        raise NotFound("There is no such file.", path="$.params.path") from None
    return path


def free_name(folder: Path, at_ms: int) -> Path:
    """A path for a backup made at that time, which nothing has yet."""
    stem = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("sim_backup_%Y%m%d_%H%M%S")
    number = 1
    path = folder / f"{stem}.db.zst"
    while path.exists() or files.beside(path, PARTIAL).exists():
        number += 1
        path = folder / f"{stem}_{number}.db.zst"
    return path


def sweep(folder: Path) -> None:
    """Remove what killed processes have left half-written; nobody else may be making one."""
    try:
        names = [path.name for path in folder.iterdir() if path.name.endswith(PARTIAL)]
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        if is_name(name.removesuffix(PARTIAL)):
            (folder / name).unlink(missing_ok=True)
