"""A damaged database made anew: what can be read of it, what a backup has of the rest.

The damaged file is never written to and never deleted: it is kept, with its log, under a name
that says when. The new file is built beside it and put in its place by `swap`, wholly or not at
all. Works on a file that is served, by whoever has the store to himself, and on one that nobody
can open any more.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import apsw
import msgspec

from sidecar import files, limits
from sidecar.clock import Clock
from sidecar.errors import (
    DatabaseDamaged,
    DatabaseFull,
    NewerSchema,
    NotOurs,
    RecoveryRequired,
    SidecarError,
)
from sidecar.store import meta, migrations, settings, swap
from sidecar.store.audit.log import append_entry
from sidecar.store.connection import Connection
from sidecar.store.database_files import SQLITE_LEFTOVERS, remove_database
from sidecar.store.pragmas import configure
from sidecar.store.repair import confirm, salvage
from sidecar.store.repair.fill_from_backup import fill_from_backup
from sidecar.store.repair.salvage import Step

T = TypeVar("T")

QUARANTINE: Final = ".damaged-"
"""Suffix, before the time, of a damaged file that is kept."""

Log = Callable[[Connection, "Recovered"], None]
"""Writes the entry of the act into the new file."""


class Recovered(NamedTuple):
    """What became of the rows, by table, and where the damaged file is kept."""

    salvaged: dict[str, int]
    lost: dict[str, int]
    from_backup: dict[str, int]
    quarantine: str | None
    """Name of the damaged file; None after a dry run."""


def build(
    path: Path,
    clock: Clock,
    step: Step,
    *,
    log: Log | None,
    backup: Path | None = None,
    vfs: str | None = None,
) -> Recovered:
    """Build the new file at `swap.staged_path(path)`; without `log` only to see what it would be.

    `backup` is an unpacked, verified database of a backup.

    Raises:
        DatabaseDamaged: nothing can be read and there is no backup; nothing was changed.
        DatabaseFull: there is no room for a second file.
        RecoveryRequired: there is no file to read from.
        NotOurs: it is another program's.
        NewerSchema: it is of a newer version of this program.
    """
    if not path.exists() or not path.stat().st_size:
        raise RecoveryRequired(f"{path} is missing or empty; restore a backup.")
    if shutil.disk_usage(path.parent).free < path.stat().st_size:
        raise DatabaseFull("There is no room for a second file of this size.")
    staged = swap.staged_path(path)
    with (
        _damaged(path, vfs, salvaging=True) as source,
        migrations.build_file(staged, clock, migrations.shipped_steps(), vfs) as target,
    ):
        # Inside a transaction this pragma is without effect; checked at its end instead.
        target.execute("PRAGMA defer_foreign_keys = ON").fetchall()
        found = salvage.copy(source, target, step)
        merged = fill_from_backup(target, backup, found.lost)
        if not (any(found.copied.values()) or merged):
            raise DatabaseDamaged("Nothing can be read of the file; restore a backup.")
        salvage.make_derived(target)
        settings.insert_defaults(target, clock.now_ms())
        meta.raise_epoch(target)
        name = None if log is None else quarantine_name(path, clock)
        recovered = Recovered(found.copied, found.lost, merged, name)
        if log is not None:
            log(target, recovered)
    if log is None:
        remove_database(staged)
    return recovered


def recover_file(
    path: Path,
    clock: Clock,
    step: Step,
    *,
    log: Log | None,
    backup: Path | None = None,
) -> Recovered:
    """Recover a database that nobody serves; the caller holds its `DatabaseLock`.

    Raises:
        SidecarError: see `build`.
    """
    with files.wire_errors():
        swap.complete_interrupted(path, clock)
        recovered = build(path, clock, step, log=log, backup=backup)
        if recovered.quarantine is not None:
            swap.replace(path, clock, keep=recovered.quarantine)
    return recovered


class BackupSource(NamedTuple):
    """What can be read of a damaged database about its backups; None for what cannot."""

    store_id: bytes | None
    folder: str | None
    """The one that its settings name; None also where they name none."""


def find_backup_source(path: Path) -> BackupSource:
    """Whose backups may fill its gaps, and where they are."""
    if not path.exists() or not path.stat().st_size:
        return BackupSource(None, None)
    with _damaged(path, None, salvaging=True) as db:

        def read(what: Callable[[], T]) -> T | None:
            try:
                return what()
            except (apsw.Error, SidecarError, TypeError, ValueError, msgspec.MsgspecError):
                return None

        store_id = read(lambda: meta.store_id(db))
        return BackupSource(store_id, read(lambda: settings.folder(db, "backup_directory")))


def is_sound(path: Path) -> bool:
    """Whether a database that nobody serves opens and SQLite finds nothing wrong with it."""
    if not path.exists() or not path.stat().st_size:
        return False
    with _damaged(path, None, salvaging=False) as db:
        try:
            _check_ours(db)
            return not confirm.find_damage(db, lambda: False)
        except (apsw.Error, SidecarError, RuntimeError):
            return False


def quarantine_name(path: Path, clock: Clock) -> str:
    """The name a damaged file is kept under: the database's, and the time in UTC."""
    at_s = clock.now_ms() / 1000
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(at_s))
    base = f"{path.name}{QUARANTINE}{stamp}"
    number, name = 1, base
    while path.with_name(name).exists():
        number, name = number + 1, f"{base}-{number}"
    return name


def audit_entry_writer(clock: Clock) -> Log:
    """Writes the audit entry where nobody is told of it."""

    def write(db: Connection, recovered: Recovered) -> None:
        details = msgspec.json.encode(audit_totals(recovered)).decode()
        append_entry(db, clock.now_ms(), "recover", "database", details)

    return write


def audit_totals(recovered: Recovered) -> dict[str, int]:
    """The counts for the audit entry."""
    return {
        "salvaged": sum(recovered.salvaged.values()),
        "lost": sum(recovered.lost.values()),
        "from_backup": sum(recovered.from_backup.values()),
    }


def _check_ours(db: Connection) -> None:
    if db.pragma("application_id") != limits.APPLICATION_ID:
        raise NotOurs
    found, known = int(db.pragma("user_version")), migrations.current_version()
    if found > known:
        raise NewerSchema(found=found, known=known)


def _logs(path: Path) -> list[Path]:
    return [files.beside(path, suffix) for suffix in SQLITE_LEFTOVERS]


@contextmanager
def _damaged(path: Path, vfs: str | None, *, salvaging: bool) -> Iterator[Connection]:
    """The damaged file, read from and never written to, its log left where it is.

    With `salvaging` also a file that was cut off lets itself be read, as far as it goes.
    """
    made_here = [each for each in _logs(path) if not each.exists()]
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
    try:
        db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        try:
            configure(
                db, cache_kib=limits.CACHE_SHORT_LIVED_KIB, writable=False, salvaging=salvaging
            )
            db.execute("BEGIN")
            _check_ours(db)
        except (apsw.NotADBError, apsw.CorruptError, RuntimeError):
            pass  # every look at it then fails by itself, and a backup may have the rest
        yield db
    finally:
        db.close(True)
        for each in made_here:
            each.unlink(missing_ok=True)  # an empty log would hide that the file is cut off
