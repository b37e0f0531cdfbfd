"""Numbered steps from one version of the tables to the next, and the making of a new file.

A step is one SQL file of `sql/`, `NNNN_name.sql`, known by its SHA-256: a step that was released
is never edited, and a file that took another text under the same number is found out. Each step
is one transaction together with its version, so a process killed anywhere leaves the old version
or the new one. Before the first step the file is checked and copied (`copies`).

A new file is built under another name without a single sync, then synced and put in its place,
so it is there whole or not at all. The first statement of all is auto_vacuum: after application_id
or journal_mode it would silently stay 0.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import apsw

from sidecar import files, limits
from sidecar.clock import Clock
from sidecar.errors import NewerSchema
from sidecar.store import meta, swap, verified_copy
from sidecar.store.audit.log import append_entry, begin_chain
from sidecar.store.connection import Connection
from sidecar.store.database_files import remove_database
from sidecar.store.pragmas import configure, configure_wal, set_pragma
from sidecar.store.unserved_file import transaction

Progress = Callable[[str, int, int], None]
"""Told the phase, what of it is done, and how much it is in all."""

_FOLDER = Path(__file__).with_name("sql")
_INCREMENTAL = 2


def no_progress(_phase: str, _done: int, _total: int) -> None:
    """Tell nobody."""


class EditedMigration(RuntimeError):
    """The file took a step whose text is not the one this program ships: a build went wrong."""


class MigrationFailed(RuntimeError):
    """A step would have lost rows or broken a reference; it was undone."""


class Step(NamedTuple):
    """One step: the version it leads to, and its text."""

    version: int
    name: str
    sql: str
    shrinks: frozenset[str] = frozenset()
    """Tables that may have fewer rows afterwards; of all others no row may go."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


@cache
def shipped_steps() -> tuple[Step, ...]:
    """The steps this program ships, in order."""
    found = []
    for path in sorted(_FOLDER.glob("[0-9][0-9][0-9][0-9]_*.sql")):
        number, name = path.stem.split("_", 1)
        # A checkout may have turned line ends; the text is the same.
        sql = path.read_bytes().replace(b"\r\n", b"\n").decode()
        found.append(Step(int(number), name, sql))
    return tuple(found)


def current_version() -> int:
    """The version of the tables this program works with."""
    return shipped_steps()[-1].version


def connect(path: Path, vfs: str | None = None) -> Connection:
    """Open a file that preflight has found fit, to migrate it; small cache, full durability."""
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
    try:
        configure(db, cache_kib=limits.CACHE_SHORT_LIVED_KIB)
    except BaseException:
        db.close(True)
        raise
    return db


# --- new files ----------------------------------------------------------------------------


@contextmanager
def building(
    path: Path, clock: Clock, steps: Sequence[Step], vfs: str | None = None
) -> Iterator[Connection]:
    """Build a complete file at `path`: what the body writes becomes part of it.

    The body gets the connection in a transaction, with all tables made and the file's first rows
    written. Afterwards the file is closed, in WAL mode and on the disk; after a failure it is gone.
    """
    remove_database(path)
    files.create_private(path)
    try:
        db = connect(path, vfs)
        try:
            _prepare(db)
            for step in steps:
                apply(db, step, clock.now_ms())
            with transaction(db):
                _write_first_rows(db, clock)
                yield db
            set_pragma(db, "journal_mode", "WAL", "wal")
        finally:
            db.close(True)
        files.sync_file(path)
    except BaseException:
        remove_database(path)
        raise


def _prepare(db: Connection) -> None:
    """Make the file ours, before any table; nothing is synced until it is complete."""
    set_pragma(db, "auto_vacuum", "INCREMENTAL", _INCREMENTAL)
    set_pragma(db, "synchronous", "OFF", 0)
    set_pragma(db, "journal_mode", "MEMORY", "memory")
    set_pragma(db, "application_id", limits.APPLICATION_ID, limits.APPLICATION_ID)
    if db.pragma("auto_vacuum") != _INCREMENTAL:
        raise RuntimeError("SQLite dropped auto_vacuum from the new file.")


def _write_first_rows(db: Connection, clock: Clock) -> None:
    """Who this file is, and the beginning of its audit chain."""
    meta.write(db, meta.STORE_ID, clock.random_bytes(16))
    meta.write(db, meta.EPOCH, 1)
    meta.write(db, meta.CREATED_AT, clock.now_ms())
    meta.write(db, meta.CLEAN_END, 1)
    meta.write(db, meta.PURGE_PENDING, 0)
    begin_chain(db, clock.random_bytes(32))


def create(
    path: Path,
    clock: Clock,
    fill: Callable[[Connection], None],
    *,
    steps: Sequence[Step] | None = None,
    vfs: str | None = None,
) -> None:
    """Make a new database at `path`, where nothing (or an empty file) is; `fill` adds its rows."""
    staged = swap.staged_path(path)
    with building(staged, clock, shipped_steps() if steps is None else steps, vfs) as db:
        fill(db)
    staged.replace(path)
    files.sync_folder(path.parent)


# --- existing files -----------------------------------------------------------------------


def check_shipped(db: Connection, steps: Sequence[Step] | None = None) -> None:
    """Compare the steps the file has taken with those this program ships.

    Raises:
        EditedMigration: one of them had another text.
        NewerSchema: the file has taken a step this program does not know.
    """
    shipped = {step.version: step for step in (shipped_steps() if steps is None else steps)}
    for version, sha256 in db.execute("SELECT version, sha256 FROM migrations ORDER BY version"):
        if version not in shipped:
            raise NewerSchema(found=version, known=max(shipped))
        if shipped[version].sha256 != sha256:
            raise EditedMigration(f"Migration {version} was edited after this file had taken it.")


def upgrade(
    path: Path,
    clock: Clock,
    on_progress: Progress = no_progress,
    *,
    steps: Sequence[Step] | None = None,
    vfs: str | None = None,
) -> int | None:
    """Bring the file at `path` up to date; the version it had, or None when it was current.

    Raises:
        EditedMigration: see `check_shipped`.
        NewerSchema: the file is newer than the last step; nothing was written.
        DatabaseDamaged: the check before the first step found damage; nothing was changed.
        MigrationFailed: a step was undone.
    """
    steps = shipped_steps() if steps is None else steps
    db = connect(path, vfs)
    try:
        found = int(db.pragma("user_version"))
        if found > steps[-1].version:
            raise NewerSchema(found=found, known=steps[-1].version)
        check_shipped(db, steps)
        missing = [step for step in steps if step.version > found]
        if not missing:
            return None
        configure_wal(db)
        on_progress("checking", 0, 1)
        verified_copy.check(db)
        on_progress("copying", 0, 1)
        kept = verified_copy.make_before_migration(db, path, missing[0].version, vfs=vfs)
        for done, step in enumerate(missing):
            on_progress("migrating", done, len(missing))
            apply(db, step, clock.now_ms(), entry=True)
        on_progress("migrating", len(missing), len(missing))
    finally:
        db.close(True)
    verified_copy.remove_earlier(path, kept)
    return found


def apply(db: Connection, step: Step, now_ms: int, *, entry: bool = False) -> None:
    """Take one step and its version in one transaction; `entry` writes it into the audit log.

    Foreign keys are off meanwhile, because DROP TABLE in a rebuild would delete the rows that
    refer to it; they can only be switched outside a transaction, and are checked before its end.
    """
    set_pragma(db, "foreign_keys", 0, 0)
    try:
        with transaction(db):
            _run(db, step, now_ms, entry=entry)
    finally:
        set_pragma(db, "foreign_keys", 1, 1)


def _run(db: Connection, step: Step, now_ms: int, *, entry: bool) -> None:
    before = verified_copy.table_counts(db)
    # To its end: a cursor dropped early silently skips the statements that follow.
    db.execute(step.sql).fetchall()
    if not db.in_transaction:
        raise MigrationFailed(f"Migration {step.version} ended its own transaction.")
    broken = db.execute("PRAGMA foreign_key_check").fetchone()
    if broken is not None:
        raise MigrationFailed(f"Migration {step.version} broke a reference from {broken[0]}.")
    after = verified_copy.table_counts(db)
    lost = [name for name in before if after.get(name, 0) < before[name]]
    if not step.shrinks.issuperset(lost):
        raise MigrationFailed(f"Migration {step.version} lost rows of {', '.join(lost)}.")
    db.execute(
        "INSERT INTO migrations (version, name, sha256, applied_at) VALUES (?, ?, ?, ?)",
        (step.version, step.name, step.sha256, now_ms),
    )
    if entry:
        versions = f'{{"from":{step.version - 1},"to":{step.version}}}'
        append_entry(db, now_ms, "migrate", "database", versions)
    set_pragma(db, "user_version", step.version, step.version)
