"""Opens the store at a path, creating or migrating the file where necessary, and closes it.

The order matters: complete an interrupted swap, examine the path without SQLite, create, import
or migrate the file, and only then open it. The result says how the last process ended: whether
it closed the file, and how many runs it left running.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import apsw

from sidecar import files, limits
from sidecar.clock import Clock
from sidecar.errors import DatabaseDamaged, NotOurs, RecoveryRequired
from sidecar.store import meta, migrations, preflight, swap, tables, traces
from sidecar.store.audit.log import chain_head
from sidecar.store.audit.verify import Head
from sidecar.store.connection import Connection, Store
from sidecar.store.migrations import Progress, no_progress
from sidecar.store.pragmas import check_sqlite_version
from sidecar.store.runs.interrupted import close_interrupted, newest_interrupted
from sidecar.store.scratch import empty_scratch
from sidecar.store.search import indexes
from sidecar.store.sqlite_errors import as_wire_error

_LOG_LOST = (
    "The program did not end in order, and the log of its database (-wal) is gone: what it saved"
    " last may be missing, unless a program that has opened the database since then moved it there."
    " The database is checked."
)


class Opened(NamedTuple):
    """An open store, and what was found out about its file."""

    store: Store
    schema_version: int
    migrated_from: int | None
    """Version that the file had, 0 for a legacy file; None when nothing was migrated."""
    runs_interrupted: int
    """Number of runs that were running when the last process ended; they are interrupted now."""
    interrupted_ids: list[str]
    """Ids of the newest of them."""
    created: bool
    unclean: bool
    """The last process did not close the file, so that it is to be checked."""


class Served(NamedTuple):
    """A store that can be served, and what its first line tells of the file.

    Without a file that can be opened, `store.rescue` says why, and the rest tells of nothing.
    """

    store: Store
    schema_version: int | None = None
    migrated_from: int | None = None
    runs_interrupted: int = 0
    interrupted_ids: Sequence[str] = ()
    head: Head | None = None
    has_secrets: bool = False


def open_or_rescue(path: Path, clock: Clock, on_progress: Progress = no_progress) -> Served:
    """Open the store at `path`, or one without a file where that is missing, cut off or damaged.

    What is missing and what is new is decided by `traces`. The caller holds the `DatabaseLock`.

    Raises:
        SidecarError: the file is not one to rescue: it is foreign, newer or cannot be written.
        EditedMigration, MigrationFailed: see `open_store`.
    """
    try:
        opened = open_store(path, clock, on_progress)
        store = opened.store
        try:
            with _wire_errors():
                head, has_secrets = chain_head(store.db), tables.hold_secrets(store.db)
        except BaseException:
            close_store(store)
            raise
    except (DatabaseDamaged, RecoveryRequired) as fault:
        reason = fault.reason if isinstance(fault, RecoveryRequired) else "damaged"
        message = None if fault.message == fault.text else fault.message
        return Served(Store(path, rescue=RecoveryRequired(message, reason=reason)))
    return Served(
        store, opened.schema_version, opened.migrated_from, opened.runs_interrupted,
        opened.interrupted_ids, head, has_secrets,
    )  # fmt: skip


def open_store(
    path: Path, clock: Clock, on_progress: Progress = no_progress, vfs: str | None = None
) -> Opened:
    """Open the database at `path`, creating or migrating it where necessary.

    The caller holds the `DatabaseLock` of `path` and has no connection to it.

    Raises:
        SidecarError: the file cannot be served as it is; see `preflight.examine`.
        EditedMigration: see `migrations.check_shipped`.
        MigrationFailed: see `migrations.apply`.
    """
    check_sqlite_version()
    with _wire_errors():
        swap.complete_interrupted(path, clock)
        empty_scratch(path)
        finding, found = preflight.examine(path, migrations.current_version())
        migrated_from = None
        if finding is preflight.Finding.NEW:
            _create(path, clock, vfs)
        elif finding is preflight.Finding.CANDIDATE:
            _import_legacy(path, clock, on_progress, vfs)
            migrated_from = 0
        elif found < migrations.current_version():
            migrated_from = migrations.upgrade(path, clock, on_progress, vfs=vfs)
        has_log = files.beside(path, "-wal").exists()
        created = finding is preflight.Finding.NEW
        try:
            store, unclean, interrupted, ids = _open(path, clock, vfs, created=created)
        except (apsw.CorruptError, apsw.NotADBError):
            # Perhaps a read failed: it is damage only if another connection finds it again.
            store, unclean, interrupted, ids = _open_again(path, clock, vfs, created=created)
    store.damage_suspected = unclean
    if unclean and not has_log:
        store.watch.warn("log_lost", _LOG_LOST)
    return Opened(
        store=store,
        schema_version=store.schema_version(),
        migrated_from=migrated_from,
        runs_interrupted=interrupted,
        interrupted_ids=ids,
        created=created,
        unclean=unclean,
    )


def open_beside(path: Path) -> Served | None:
    """Open the file that another process serves, to read one state of it and change nothing.

    Return None where it has an older version, which only that process can read, while that process
    puts another file in its place, and where the file has several names: the log is beside one.

    Raises:
        SidecarError: the file cannot be opened; see `preflight.examine`.
    """
    check_sqlite_version()
    with _wire_errors():
        if files.beside(path, traces.PLAN).exists() or path.stat().st_nlink > 1:
            return None
        found = preflight.examine(path, migrations.current_version())
        if found.schema_version != migrations.current_version():
            return None
        store = Store(path, reads_only=True)
        try:
            head, has_secrets = chain_head(store.db), tables.hold_secrets(store.db)
        except BaseException:
            store.close()
            raise
    return Served(store, found.schema_version, None, 0, [], head, has_secrets)


def close_store(store: Store) -> bool:
    """Mark the file as closed, and close it; return False when the mark could not be written.

    A full or failing disk must not prevent the process from ending. The next start then finds
    that the file was not closed, which is true.
    """
    if store.reads_only:
        store.close()
        return True
    try:
        with store.writing() as db:
            # Where damage is suspected, the next start is to check the file.
            meta.write(db, meta.CLEAN_END, int(not store.damage_suspected))
        return store.checkpoint()
    except (apsw.Error, DatabaseDamaged, RecoveryRequired):
        return False
    finally:
        store.close()


@contextmanager
def _wire_errors() -> Iterator[None]:
    """Raise wire errors in place of errors of SQLite and of the operating system."""
    try:
        with files.wire_errors():
            yield
    except apsw.Error as fault:
        error = as_wire_error(fault)
        if error is None:
            raise
        raise error from fault


def _create(path: Path, clock: Clock, vfs: str | None) -> None:
    """Create the file, marked as open: to mark it later takes five syncs of the first start."""

    def fill(db: Connection) -> None:
        from sidecar.store import settings  # noqa: PLC0415 - only a new file needs it

        settings.insert_defaults(db, clock.now_ms())
        meta.write(db, meta.CLEAN_END, 0)

    migrations.create(path, clock, fill, vfs=vfs)


def _import_legacy(path: Path, clock: Clock, on_progress: Progress, vfs: str | None) -> None:
    # Imported here because no other start needs it.
    from sidecar.store.legacy.migrate import migrate  # noqa: PLC0415 - see above
    from sidecar.store.legacy.recognise import is_legacy_file  # noqa: PLC0415 - see above

    if not is_legacy_file(path):
        raise NotOurs
    migrate(path, clock, on_progress, vfs=vfs)


def _open(
    path: Path, clock: Clock, vfs: str | None, *, created: bool
) -> tuple[Store, bool, int, list[str]]:
    """Open the store and mark the file as open, which one that was created here is already."""
    store = Store(path, vfs=vfs)
    try:
        unclean, interrupted, ids = (False, 0, []) if created else _mark_open(store, clock.now_ms())
        traces.mark_known(path)
        if created:
            # The names of the file, of its log and of the marker together.
            files.sync_folder(path.parent)
    except BaseException:
        store.close()
        raise
    return store, unclean, interrupted, ids


def _open_again(
    path: Path, clock: Clock, vfs: str | None, *, created: bool
) -> tuple[Store, bool, int, list[str]]:
    """Open the store through another connection, and for reading only if that fails too."""
    try:
        return _open(path, clock, vfs, created=created)
    except (apsw.CorruptError, apsw.NotADBError):
        store = Store(path, vfs=vfs)
        try:
            migrations.check_shipped(store.db)
            chain_head(store.db)
        except BaseException:
            store.close()
            raise
        store.damaged = True
        return store, True, 0, []


def _mark_open(store: Store, now_ms: int) -> tuple[bool, int, list[str]]:
    """Mark the file as open and close the runs that the last process left running.

    Return whether the last process did not close the file, the number of those runs, and the ids
    of the newest of them.
    """
    migrations.check_shipped(store.db)
    with store.writing() as db:
        unclean = meta.read(db, meta.CLEAN_END) != 1
        interrupted = close_interrupted(db, now_ms)
        most = min(interrupted, limits.READY_RUN_IDS_MAX)
        ids = newest_interrupted(db, now_ms, most) if interrupted else []
        meta.write(db, meta.CLEAN_END, 0)
        indexes.follow_folding(db)
    # The mark must be in the file itself: a log that is lost takes what is only in it along.
    store.checkpoint()
    return unclean, interrupted, ids
