"""From a path to a store that can be served, and back to a closed file.

The order is the point: finish an interrupted replacement, judge the path without SQLite, create,
import or migrate, and only then open. What this finds out about the last end (unclean, runs that
were still running) is told to the caller, who reports it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import apsw

from sidecar import files
from sidecar.clock import Clock
from sidecar.errors import DatabaseDamaged, NotOurs
from sidecar.store import meta, migrations, preflight, settings, swap
from sidecar.store import sqlite_errors as faults
from sidecar.store.audit.log import chain_head
from sidecar.store.connection import Connection, Store
from sidecar.store.database_files import remove_database
from sidecar.store.migrations import Progress, no_progress
from sidecar.store.pragmas import check_sqlite_version
from sidecar.store.runs.rows import close_interrupted


class Opened(NamedTuple):
    """An open store, and what opening it found."""

    store: Store
    schema_version: int
    migrated_from: int | None
    """Version the file had, 0 for a legacy file; None when nothing was migrated."""
    runs_interrupted: int
    """Runs that were still running when the last process ended, now closed."""
    created: bool
    unclean: bool
    """The last process did not close the file; a quick_check is due."""


def open_store(
    path: Path, clock: Clock, on_progress: Progress = no_progress, vfs: str | None = None
) -> Opened:
    """Open the database at `path`, making or migrating it where needed.

    The caller holds the `DatabaseLock` of `path`, and no connection to it.

    Raises:
        SidecarError: the file cannot be served as it is; see `preflight.examine`.
        EditedMigration: see `migrations.check_shipped`.
        MigrationFailed: see `migrations.apply`.
    """
    check_sqlite_version()
    with _wire_errors():
        swap.redo(path, clock)
        remove_database(files.beside(path, swap.FROM_BACKUP))
        finding, found = preflight.examine(path, migrations.current_version())
        migrated_from = None
        if finding is preflight.Finding.NEW:
            _create(path, clock, vfs)
        elif finding is preflight.Finding.CANDIDATE:
            _import_legacy(path, clock, on_progress, vfs)
            migrated_from = 0
        elif found < migrations.current_version():
            migrated_from = migrations.upgrade(path, clock, on_progress, vfs=vfs)
        try:
            store, unclean, interrupted = _opened(path, clock, vfs)
        except (apsw.CorruptError, apsw.NotADBError):
            # Perhaps a read failed: damage is what a fresh connection finds again.
            store, unclean, interrupted = _opened_anew(path, clock, vfs)
    store.damage_suspected = unclean
    return Opened(
        store=store,
        schema_version=store.schema_version(),
        migrated_from=migrated_from,
        runs_interrupted=interrupted,
        created=finding is preflight.Finding.NEW,
        unclean=unclean,
    )


def close_store(store: Store) -> bool:
    """Close for good and say so in the file; False when that could not be written.

    A full or failing disk must not keep the process from ending: the next start then finds an
    unclean end, which is the truth.
    """
    try:
        with store.writing() as db:
            # What is suspected is looked into by the next start.
            meta.write(db, meta.CLEAN_END, int(not store.damage_suspected))
        return store.checkpoint()
    except (apsw.Error, DatabaseDamaged):
        return False
    finally:
        store.close()


@contextmanager
def _wire_errors() -> Iterator[None]:
    """Turn what SQLite and the operating system say into wire errors."""
    try:
        with files.wire_errors():
            yield
    except apsw.Error as fault:
        error = faults.as_wire_error(fault)
        if error is None:
            raise
        raise error from fault


def _create(path: Path, clock: Clock, vfs: str | None) -> None:
    def fill(db: Connection) -> None:
        settings.insert_defaults(db, clock.now_ms())

    migrations.create(path, clock, fill, vfs=vfs)


def _import_legacy(path: Path, clock: Clock, on_progress: Progress, vfs: str | None) -> None:
    # Imported here because no other start needs it.
    from sidecar.store.legacy.migrate import migrate  # noqa: PLC0415 - see above
    from sidecar.store.legacy.recognise import is_legacy_file  # noqa: PLC0415 - see above

    if not is_legacy_file(path):
        raise NotOurs
    migrate(path, clock, on_progress, vfs=vfs)


def _opened(path: Path, clock: Clock, vfs: str | None) -> tuple[Store, bool, int]:
    store = Store(path, vfs=vfs)
    try:
        unclean, interrupted = _begin(store, clock.now_ms())
        _mark_known(path)
    except BaseException:
        store.close()
        raise
    return store, unclean, interrupted


def _opened_anew(path: Path, clock: Clock, vfs: str | None) -> tuple[Store, bool, int]:
    """The same on a fresh connection; where it fails again the file is only read from."""
    try:
        return _opened(path, clock, vfs)
    except (apsw.CorruptError, apsw.NotADBError):
        store = Store(path, vfs=vfs)
        try:
            migrations.check_shipped(store.db)
            chain_head(store.db)
        except BaseException:
            store.close()
            raise
        store.damaged = True
        return store, True, 0


def _begin(store: Store, now_ms: int) -> tuple[bool, int]:
    """Read how the last process ended, and close the runs it left; one transaction."""
    migrations.check_shipped(store.db)
    with store.writing() as db:
        unclean = meta.read(db, meta.CLEAN_END) != 1
        interrupted = close_interrupted(db, now_ms)
        meta.write(db, meta.CLEAN_END, 0)
    return unclean, interrupted


def _mark_known(path: Path) -> None:
    """Leave the marker by which a later start knows that a database was here."""
    marker = files.beside(path, preflight.KNOWN)
    if not marker.exists():
        files.create_private(marker)
