"""Creates new files, and brings the tables of existing ones from one version to the next.

A migration is one SQL file of `sql/`, `NNNN_name.sql`, identified by its SHA-256: once released it
is never edited, and a file that took another text under the same number is refused. Each one is a
transaction together with its version, so that a process killed anywhere leaves the old version or
the new one. Before the first migration the file is checked and copied (`verified_copy`).

A new file gets the tables of all migrations at once, from `all_tables.sql`, which is generated from
them: one after the other they would take a tenth of its first start. It is built under another name
without syncing, then synced once and renamed, so that it is there completely or not at all. The
first statement that writes into it sets auto_vacuum, which would stay 0 without an error after
application_id or journal_mode.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from sidecar import digests, files, folding, limits
from sidecar.clock import Clock
from sidecar.errors import NewerSchema
from sidecar.store import file_lock, meta, swap, verified_copy
from sidecar.store.audit.log import append_entry, begin_chain
from sidecar.store.connection import Connection
from sidecar.store.database_files import remove_database
from sidecar.store.pragmas import configure_wal, set_pragma
from sidecar.store.rows import as_text, read_any, read_cells
from sidecar.store.unserved_file import open_file, transaction
from sidecar.vocabularies import ProgressPhase

Progress = Callable[[ProgressPhase, int, int], None]
"""Receives the phase, how much of it is done, and how much it is in total."""

_OF_APP = "app."
"""Prefix that a step adds to the key of an app's setting when a new setting of this program has
that key; the audit entry of the step lists these keys."""

_FOLDER = Path(__file__).with_name("sql")
_ALL_TABLES = "all_tables.sql"
_INCREMENTAL = 2


def no_progress(_phase: str, _done: int, _total: int) -> None:
    """Ignore the progress."""


class EditedMigration(RuntimeError):
    """The file took a migration with another text than this program has: a build went wrong."""


class MigrationFailed(RuntimeError):
    """A migration would have lost rows or broken a reference; it was undone."""


class Step(NamedTuple):
    """One migration: the version that it leads to, and its text."""

    version: int
    name: str
    sql: str
    shrinks: frozenset[str] = frozenset()
    """Tables that may have fewer rows afterwards; no other table may lose a row."""
    fill: Callable[[Connection], None] | None = None
    """Writes what SQL cannot compute, after the text was executed."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the text, in hexadecimal."""
        return digests.sha256_without_openssl(self.sql.encode()).hex()


def _fill_name_keys(db: Connection) -> None:
    """Set what names are ordered by; a name may be damaged."""
    rows = list(read_cells(db, 2, "SELECT name, rid FROM workflows"))
    keys = ((folding.sort_key(as_text(name)), rid) for name, rid in rows)
    db.executemany("UPDATE workflows SET name_key = ? WHERE rid = ?", keys)


_FILLS: Final[dict[int, Callable[[Connection], None]]] = {3: _fill_name_keys}
"""The computations that the program does after a step, by the step's version."""


@cache
def shipped_steps() -> tuple[Step, ...]:
    """Return the migrations of this program, in order."""
    found = []
    for path in sorted(_FOLDER.glob("[0-9][0-9][0-9][0-9]_*.sql")):
        number, name = path.stem.split("_", 1)
        found.append(Step(int(number), name, _read(path), fill=_FILLS.get(int(number))))
    return tuple(found)


def _read(path: Path) -> str:
    """Return a text of `sql/`; a checkout may have changed its line ends."""
    return path.read_bytes().replace(b"\r\n", b"\n").decode()


@cache
def text_of_all_tables() -> str:
    """Return the statements that make a new file, which a recovery needs when the folder of the
    program may be replaced: the text is read once.
    """
    return _read(_FOLDER / _ALL_TABLES)


def current_version() -> int:
    """Return the version of the tables that this program works with."""
    return shipped_steps()[-1].version


# --- new files ----------------------------------------------------------------------------


@contextmanager
def build_file(
    path: Path, clock: Clock, steps: Sequence[Step], vfs: str | None = None
) -> Iterator[Connection]:
    """Build a complete file at `path`, with the rows that the block writes.

    The block gets the connection in a transaction, after all tables were created and the first
    rows written. Afterwards the file is closed, in WAL mode and on the disk; after a failure it
    is removed.
    """
    remove_database(path)
    files.create_private(path)
    try:
        with open_file(path, vfs=vfs) as db:
            _prepare(db)
            _create_tables(db, steps, clock.now_ms())
            with transaction(db):
                _write_first_rows(db, clock)
                yield db
            set_pragma(db, "journal_mode", "WAL", "wal")
        files.sync_file(path)
    except BaseException:
        remove_database(path)
        raise


def _prepare(db: Connection) -> None:
    """Set what must be set before the first table; nothing is synced until the file is complete."""
    set_pragma(db, "synchronous", "OFF", 0)
    set_pragma(db, "auto_vacuum", "INCREMENTAL", _INCREMENTAL)
    set_pragma(db, "journal_mode", "MEMORY", "memory")
    set_pragma(db, "application_id", limits.APPLICATION_ID, limits.APPLICATION_ID)
    if db.pragma("auto_vacuum") != _INCREMENTAL:
        raise RuntimeError("SQLite dropped auto_vacuum from the new file.")


def _create_tables(db: Connection, steps: Sequence[Step], now_ms: int) -> None:
    """Create the tables that the steps lead to: at once as far as `all_tables.sql` has them."""
    if len(steps) >= len(shipped_steps()):
        with transaction(db):
            # APSW would compute a hash of what is left of the text for each statement.
            db.execute(text_of_all_tables(), can_cache=False).fetchall()
            version = int(db.pragma("user_version"))
            for step in steps[:version]:
                _record(db, step, now_ms)
        steps = steps[version:]
    for step in steps:
        apply(db, step, now_ms)


def _write_first_rows(db: Connection, clock: Clock) -> None:
    """Write the facts about the file, and begin its audit chain."""
    meta.write(db, meta.STORE_ID, clock.random_bytes(16))
    meta.write(db, meta.EPOCH, 1)
    meta.write(db, meta.CREATED_AT, clock.now_ms())
    meta.write(db, meta.CLEAN_END, 1)
    meta.write(db, meta.PURGE_PENDING, 0)
    meta.write(db, meta.FOLDING, folding.VERSION.encode())
    begin_chain(db, clock.random_bytes(32))


def create(
    path: Path,
    clock: Clock,
    fill: Callable[[Connection], None],
    *,
    steps: Sequence[Step] | None = None,
    vfs: str | None = None,
) -> None:
    """Create a database at `path`, where nothing or an empty file is; `fill` adds its rows.

    The caller syncs the folder, with what else it creates there.
    """
    staged = swap.staged_path(path)
    with build_file(staged, clock, shipped_steps() if steps is None else steps, vfs) as db:
        fill(db)
    with file_lock.passed_to(staged, path):
        staged.replace(path)


# --- existing files -----------------------------------------------------------------------


def check_shipped(db: Connection, steps: Sequence[Step] | None = None) -> None:
    """Compare the migrations that the file has taken with those of this program.

    Raises:
        EditedMigration: one of them has another text.
        NewerSchema: the file has taken a migration that this program does not have.
    """
    shipped = {step.version: step for step in (shipped_steps() if steps is None else steps)}
    taken = read_any(db, 2, "SELECT version, sha256 FROM migrations ORDER BY version")
    for version, sha256 in taken:
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
    """Migrate the file at `path`; return the version it had, or None when it was up to date.

    Raises:
        EditedMigration: see `check_shipped`.
        NewerSchema: the file is newer than the last migration; nothing was written.
        DatabaseDamaged: the check before the first migration failed; nothing was changed.
        MigrationFailed: a migration was undone.
    """
    steps = shipped_steps() if steps is None else steps
    with open_file(path, vfs=vfs) as db:
        found = int(db.pragma("user_version"))
        if found > steps[-1].version:
            raise NewerSchema(found=found, known=steps[-1].version)
        check_shipped(db, steps)
        missing = [step for step in steps if step.version > found]
        if not missing:
            return None
        configure_wal(db)
        on_progress("check", 0, 1)
        verified_copy.check(db)
        on_progress("copy", 0, 1)
        copy = verified_copy.make_before_migration(db, path, missing[0].version, vfs=vfs)
        for done, step in enumerate(missing):
            on_progress("migrate", done, len(missing))
            apply(db, step, clock.now_ms(), entry=True)
        on_progress("migrate", len(missing), len(missing))
    verified_copy.remove_earlier(path, copy)
    return found


def apply(db: Connection, step: Step, now_ms: int, *, entry: bool = False) -> None:
    """Apply one migration with its version in one transaction; `entry` adds an audit entry.

    Foreign keys are off meanwhile, because DROP TABLE in a rebuild would delete the rows that
    refer to it. They can be switched only outside a transaction, and are checked before its end.
    """
    set_pragma(db, "foreign_keys", 0, 0)
    try:
        with transaction(db):
            _run(db, step, now_ms, entry=entry)
    finally:
        set_pragma(db, "foreign_keys", 1, 1)


def _setting_keys(db: Connection, tables: Mapping[str, int]) -> list[str]:
    """Return the keys of the settings, in order; none before the table exists."""
    if "settings" not in tables:
        return []
    return [str(key) for (key,) in db.execute("SELECT key FROM settings ORDER BY key")]


def _run(db: Connection, step: Step, now_ms: int, *, entry: bool) -> None:
    before = verified_copy.table_counts(db)
    keys = _setting_keys(db, before)
    # fetchall: a cursor that is dropped early skips the statements that follow.
    db.execute(step.sql).fetchall()
    if step.fill is not None:
        step.fill(db)
    if not db.in_transaction:
        raise MigrationFailed(f"Migration {step.version} ended its own transaction.")
    broken = db.execute("PRAGMA foreign_key_check").fetchone()
    if broken is not None:
        raise MigrationFailed(f"Migration {step.version} broke a reference from {broken[0]}.")
    after = verified_copy.table_counts(db)
    lost = [name for name in before if after.get(name, 0) < before[name]]
    if not step.shrinks.issuperset(lost):
        raise MigrationFailed(f"Migration {step.version} lost rows of {', '.join(lost)}.")
    _record(db, step, now_ms)
    if entry:
        details: dict[str, Any] = {"from": step.version - 1, "to": step.version}
        moved = [
            key for key in _setting_keys(db, after) if key not in keys and key.startswith(_OF_APP)
        ]
        if moved:
            details["settings_renamed"] = moved
        text = msgspec.json.encode(details).decode()
        append_entry(db, now_ms, "migrate", "database", text)
    set_pragma(db, "user_version", step.version, step.version)


def _record(db: Connection, step: Step, now_ms: int) -> None:
    """Enter a migration as taken."""
    db.execute(
        "INSERT INTO migrations (version, name, sha256, applied_at) VALUES (?, ?, ?, ?)",
        (step.version, step.name, step.sha256, now_ms),
    )
