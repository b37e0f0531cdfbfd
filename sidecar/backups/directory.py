"""The folder of backups: where it is, which names its files have, and which of them are backups.

A backup is described by its name and its manifest, never by the file's times, which copying
changes. Several databases may share one folder; each deletes only its own backups.
"""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from sidecar import limits
from sidecar.archive.manifest import Manifest
from sidecar.archive.read import read_manifest
from sidecar.archive.write import PARTIAL, is_being_written, partial_path
from sidecar.errors import BackupRejected, NotFound, RecoveryRequired
from sidecar.store import meta, settings
from sidecar.store.backup_names import DEFAULT, is_backup_name
from sidecar.store.connection import Connection, Store
from sidecar.store.sqlite_errors import suspects_damage


class Backup(NamedTuple):
    """A backup file that exists, with its manifest."""

    path: Path
    manifest: Manifest
    size_bytes: int

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name


def folder_of(db: Connection, database: Path) -> Path:
    """Return the folder of backups that the settings in `db` name, or the default folder."""
    named = settings.folder(db, "backup_directory")
    return database.parent / DEFAULT if named is None else Path(named)


class Location(NamedTuple):
    """Where the backups of a served database are, and which of them are its own."""

    folder: Path
    store_id: bytes
    """Empty when damage hides it; then no backup counts as one of this database."""


def locate(store: Store) -> Location:
    """Read the folder of backups and the store's id through a connection of its own.

    What cannot be read because the database is damaged, or is not there, has its default.
    """
    folder, store_id = store.path.parent / DEFAULT, b""
    try:
        with store.reader() as db:
            folder = folder_of(db, store.path)
            store_id = meta.store_id(db)
    except Exception as fault:
        if not (isinstance(fault, RecoveryRequired) or suspects_damage(fault)):
            raise
    return Location(folder, store_id)


def logged_name(name: str) -> str:
    """Return the name to log for a backup: `file` when the user chose its name.

    A name that a user chose may hold what does not belong into the audit log.
    """
    return name if is_backup_name(name) else "file"


def list_backups(folder: Path) -> list[Backup]:
    """Return every complete backup in the folder, newest first; other files are ignored."""
    found = []
    try:
        paths = [path for path in folder.iterdir() if is_backup_name(path.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    for path in paths:
        try:
            found.append(read_backup(path))
        except (BackupRejected, OSError):
            continue
    return newest_first(found)


def read_backup(path: Path) -> Backup:
    """Describe the backup at `path` by its manifest.

    Raises:
        BackupRejected: the file is no backup, or is not complete.
        OSError: it cannot be read.
    """
    return Backup(path, read_manifest(path), path.stat().st_size)


def age_key(backup: Backup) -> tuple[int, str]:
    """Return what backups are sorted by: when they were made, and their names."""
    return backup.manifest.created_at, backup.name


def newest_first(backups: list[Backup]) -> list[Backup]:
    """Sort backups by the time at which they were made."""
    return sorted(backups, key=age_key, reverse=True)


def of_store(backups: list[Backup], store_id: bytes) -> list[Backup]:
    """Return those of `backups` that were made of the database with this id."""
    return [each for each in backups if each.manifest.store_id == store_id.hex()]


def list_own(db: Connection, database: Path) -> list[Backup]:
    """Return the backups of the database behind `db` in its folder of backups, newest first."""
    return of_store(list_backups(folder_of(db, database)), meta.store_id(db))


def find(folder: Path, name: str) -> Path:
    """Return the path of the file with this name in the folder, whatever its content is.

    Raises:
        NotFound: there is no such file, or the name does not have the form of a backup's name,
            as one that leads to another folder.
    """
    path = folder / name
    if not is_backup_name(name) or not path.is_file():
        raise NotFound("There is no backup of that name.", path="$.params.name")
    return path


def require_file(path: Path) -> Path:
    """Return `path` when a file exists there.

    Raises:
        NotFound: nothing is there, or the path cannot be looked up.
    """
    try:
        path.stat()
    except (OSError, ValueError):
        raise NotFound("There is no such file.", path="$.params.path") from None
    return path


def unused_path(folder: Path, at_ms: int, store_id: str) -> Path:
    """Return a path for a backup made at that time which no other backup has.

    Another process may take the name before the backup is finished; see `publish_backup`.
    """
    stem = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("sim_backup_%Y%m%d_%H%M%S")
    number = 1
    path = folder / f"{stem}.db.zst"
    while path.exists() or partial_path(path, store_id).exists():
        number += 1
        path = folder / f"{stem}_{number}.db.zst"
    return path


def remove_partial_files(folder: Path, store_id: str, now_s: float) -> None:
    """Remove the unfinished backups of a database that killed processes have left in the folder.

    A copy of the database has the same id, and another process may serve it: so what was written
    to lately stays.
    """
    suffix = f".{store_id}{PARTIAL}"
    with suppress(FileNotFoundError, NotADirectoryError):
        for path in folder.glob(f"*{suffix}"):
            is_ours = is_backup_name(path.name.removesuffix(suffix)) and not is_being_written(path)
            if is_ours and now_s - path.stat().st_mtime > limits.PARTIAL_LEFTOVER_S:
                path.unlink(missing_ok=True)
