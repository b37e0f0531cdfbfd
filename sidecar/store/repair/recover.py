"""Builds a new database from what can be read of a damaged one and what a backup has of the rest.

The damaged file is never written to and never deleted: it is kept aside, which means kept with
its log under a name that has the time. The new file is built beside it, and `swap` puts it in the
place of the damaged one in one step. This works for a file that is served, if the caller has the
store to itself, and for one that cannot be opened.
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
from sidecar.store import meta, migrations, settings, swap, tables
from sidecar.store.audit.log import append_entry
from sidecar.store.connection import Connection
from sidecar.store.database_files import SQLITE_LEFTOVERS
from sidecar.store.pragmas import configure
from sidecar.store.repair import confirm, salvage
from sidecar.store.repair.fill_from_backup import count_rows, fill_from_backup
from sidecar.store.repair.salvage import Step
from sidecar.store.scratch import scratch_folder
from sidecar.store.traces import QUARANTINE

T = TypeVar("T")

RECOVERED: Final = "recovered"
"""Name of the new file in a scratch folder."""

WriteEntry = Callable[[Connection, "Recovered"], None]
"""Writes the audit entry of the recovery into the new file."""


class Recovered(NamedTuple):
    """How many rows were recovered and lost, by table, and where the damaged file is kept."""

    salvaged: dict[str, int]
    lost: dict[str, int]
    from_backup: dict[str, int]
    kept_aside: str | None
    """Name beside the database of the damaged file; None after a dry run."""

    def by_noun(self) -> "Recovered":
        """Return the same with the names of the wire instead of tables, without zeros."""
        salvaged, lost, from_backup = (
            tables.by_noun({name: rows for name, rows in counts.items() if rows})
            for counts in self[:3]
        )
        return Recovered(salvaged, lost, from_backup, self.kept_aside)


def _refuse_without_file_or_space(path: Path) -> None:
    """Raise the error of `build` for a file that is not there, or has no room beside it."""
    if not path.exists() or not path.stat().st_size:
        raise RecoveryRequired(
            f"{path} is missing or empty; restore a backup.",
            reason="cut" if path.exists() else "missing",
        )
    if shutil.disk_usage(path.parent).free < path.stat().st_size:
        raise DatabaseFull("The disk has no space for a second file of this size.")


def build(
    path: Path,
    target: Path,
    clock: Clock,
    step: Step,
    *,
    log: WriteEntry | None,
    backup: Path | None = None,
    vfs: str | None = None,
    in_use: bool = False,
) -> Recovered:
    """Build the new file at `target` and return what it holds.

    `backup` is the unpacked database of a verified backup. Without `log` this is a dry run, after
    which `target` is of no use. `in_use` says that this process has other connections to
    the old file.

    Raises:
        DatabaseDamaged: nothing can be read and there is no backup; nothing was changed.
        DatabaseFull: the disk has no space for a second file.
        RecoveryRequired: the file is missing or empty.
        NotOurs: the file belongs to another program.
        NewerSchema: the file was written by a newer version of this program.
    """
    _refuse_without_file_or_space(path)
    with (
        _open_damaged(path, vfs, salvaging=True, in_use=in_use) as source,
        migrations.build_file(target, clock, migrations.shipped_steps(), vfs) as db,
    ):
        # Foreign keys cannot be turned off within a transaction; they are checked at its end.
        db.execute("PRAGMA defer_foreign_keys = ON").fetchall()
        found = salvage.copy_readable_rows(source, db, step)
        filled = fill_from_backup(db, backup, found.lost)
        lost = found.lost
        if not any(found.copied.values()):
            if not filled:
                raise DatabaseDamaged("Nothing can be read of the file; restore a backup.")
            # Nothing shows which rows there were but the backup.
            lost = count_rows(backup)
        salvage.rebuild_derived(db)
        settings.insert_defaults(db, clock.now_ms())
        meta.raise_epoch(db)
        meta.write(db, meta.CLEAN_END, 1)
        name = None if log is None else quarantine_name(path, clock)
        recovered = Recovered(found.copied, lost, filled, name)
        if log is not None:
            log(db, recovered)
    return recovered


def recover_file(
    path: Path,
    clock: Clock,
    step: Step,
    *,
    log: WriteEntry | None,
    backup: Path | None = None,
) -> Recovered:
    """Recover a database that is not served; the caller holds its `DatabaseLock`.

    Raises:
        SidecarError: see `build`.
    """
    with files.wire_errors(), scratch_folder(path) as folder:
        swap.complete_interrupted(path, clock)
        new = folder / RECOVERED
        recovered = build(path, new, clock, step, log=log, backup=backup)
        if recovered.kept_aside is not None:
            sha256 = files.sha256_of(new)
            swap.stage(new, path)
            swap.replace(path, clock, sha256=sha256, keep=recovered.kept_aside)
    return recovered


def build_empty(target: Path, clock: Clock, log: Callable[[Connection], None]) -> None:
    """Build a new, empty database at `target`, which this process goes on to serve.

    `log` writes the audit entry of it.
    """
    with migrations.build_file(target, clock, migrations.shipped_steps()) as db:
        settings.insert_defaults(db, clock.now_ms())
        meta.write(db, meta.CLEAN_END, 0)
        log(db)


class BackupSource(NamedTuple):
    """What a damaged database says about its backups; None for what cannot be read."""

    store_id: bytes | None
    folder: str | None
    """The backup folder in its settings; None also when they do not name one."""


def find_backup_source(path: Path, *, in_use: bool) -> BackupSource:
    """Read from a damaged database which backups are its own and where they are."""
    if not path.exists() or not path.stat().st_size:
        return BackupSource(None, None)
    with _open_damaged(path, None, salvaging=True, in_use=in_use) as db:

        def read(what: Callable[[], T]) -> T | None:
            try:
                return what()
            except (apsw.Error, SidecarError, TypeError, ValueError, msgspec.MsgspecError):
                return None

        store_id = read(lambda: meta.store_id(db))
        return BackupSource(store_id, read(lambda: settings.folder(db, "backup_directory")))


def is_sound(path: Path) -> bool:
    """Return whether a database that is not served can be opened and SQLite finds no damage."""
    if not path.exists() or not path.stat().st_size:
        return False
    with _open_damaged(path, None, salvaging=False) as db:
        try:
            _check_ours(db)
            return not confirm.find_damage(db, lambda: False)
        except (apsw.Error, SidecarError, RuntimeError):
            return False


def quarantine_name(path: Path, clock: Clock) -> str:
    """Return the name for a quarantined file: the database's name and the time in UTC."""
    at_s = clock.now_ms() / 1000
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(at_s))
    base = f"{path.name}{QUARANTINE}{stamp}"
    number, name = 1, base
    while any(each.exists() for each in swap.remnants(path.with_name(name))):
        number, name = number + 1, f"{base}-{number}"
    return name


def audit_entry_writer(clock: Clock) -> WriteEntry:
    """Return a function that writes the audit entry without sending a notification."""

    def write(db: Connection, recovered: Recovered) -> None:
        details = msgspec.json.encode(audit_totals(recovered)).decode()
        append_entry(db, clock.now_ms(), "recover", "database", details)

    return write


def audit_totals(recovered: Recovered) -> dict[str, int]:
    """Return the details of the audit entry: rows recovered and lost, over all tables."""
    counts = recovered._asdict()
    return {name: sum(counts[name].values()) for name in ("salvaged", "lost", "from_backup")}


def _check_ours(db: Connection) -> None:
    """Raise an error if the file is not one that this version of the program can read."""
    if db.pragma("application_id") != limits.APPLICATION_ID:
        raise NotOurs
    found, known = int(db.pragma("user_version")), migrations.current_version()
    if found > known:
        raise NewerSchema(found=found, known=known)


@contextmanager
def _open_damaged(
    path: Path, vfs: str | None, *, salvaging: bool, in_use: bool = False
) -> Iterator[Connection]:
    """Open the damaged file for reading; the file and its log do not change.

    With `salvaging` a file that was cut off can be read up to its end. The log of a file that is
    `in_use` is never removed: other connections may write to it by then.
    """
    logs = [] if in_use else [files.beside(path, suffix) for suffix in SQLITE_LEFTOVERS]
    created_here = [log for log in logs if not log.exists()]
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
            pass  # each read then fails by itself, and a backup may have the rest
        yield db
    finally:
        db.close(True)
        for log in created_here:
            log.unlink(missing_ok=True)  # an empty log would hide that the file is cut off
