"""The seed's literal file, recognised by its shape and brought into a file of version 1.

The seed wrote no application_id and no user_version, and its own step from 0 to 1 fails on its own
tables, so numbers say nothing: its five tables with their columns do. The new file is built
beside the old one from a locked reading of it and then put in its place (`swap`); killed anywhere,
the old file or the new one is there. The old content stays in `<database>.before-v1`.

Nothing is lost. Blobs that do not decode are moved as they are. Runs whose workflow is gone have
nothing to hang on: they stay in that copy, and the audit entry tells their number, as of blobs.
Keys that Stronghold sealed cannot be opened here: what is kept is whose they were.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import apsw
import msgspec

from sidecar import limits
from sidecar.clock import Clock
from sidecar.errors import DatabaseDamaged, NotOurs
from sidecar.store import files, migrations, settings, swap
from sidecar.store import verified_copy as copies
from sidecar.store.audit import log as audit
from sidecar.store.connection import Connection, set_pragma
from sidecar.store.legacy import values as seed_values
from sidecar.store.search import index as search_index

VERSION = 1
"""The version the seed's file is imported as; later steps follow on the staged file."""

_COLUMNS = {
    "workflows": "id name description data tags category created_at updated_at",
    "runs": "id workflow_id status started_at completed_at duration_ms summary error_message"
    " blocks_executed tokens_used api_calls_made",
    "settings": "key value value_type description updated_at",
    "secrets": "provider encrypted_value key_hash created_at updated_at",
    "access_log": "id action resource timestamp details",
}
_OPTIONAL = {"workflows": {"search_text"}}
_OF_SQLITE = {"sqlite_schema", "sqlite_sequence", "sqlite_stat1", "sqlite_stat4"}
_SCHEMA_VERSIONS = {"0", "1"}
_PROGRESS_EVERY = 100


class Counts(NamedTuple):
    """What was moved, and what could not be; written into the audit entry."""

    workflows: int = 0
    runs: int = 0
    settings: int = 0
    secrets: int = 0
    access_log: int = 0
    damaged_bodies: int = 0
    damaged_summaries: int = 0
    orphan_runs: int = 0


def is_seed(db: Connection) -> bool:
    """Whether the file has the seed's five tables with their columns, and no table besides."""
    tables = db.execute("SELECT name, type FROM pragma_table_list WHERE schema = 'main'").fetchall()
    ordinary = {name for name, kind in tables if kind == "table" and name not in _OF_SQLITE}
    virtual = {name for name, kind in tables if kind == "virtual"}
    if ordinary != set(_COLUMNS) or not virtual <= {"workflows_fts"}:
        return False
    for table, wanted in _COLUMNS.items():
        rows = db.execute("SELECT name FROM pragma_table_xinfo(?)", (table,))
        extra = {name for (name,) in rows} ^ set(wanted.split())
        if not extra <= _OPTIONAL.get(table, set()):
            return False
    version = db.execute("SELECT value FROM settings WHERE key = 'schema_version'").fetchone()
    return version is None or str(version[0]) in _SCHEMA_VERSIONS


def migrate(
    path: Path,
    clock: Clock,
    on_progress: migrations.Progress = migrations.no_progress,
    *,
    steps: Sequence[migrations.Step] | None = None,
    vfs: str | None = None,
    after_step: swap.AfterStep = swap.go_on,
) -> Counts:
    """Replace the seed's file at `path` by one of ours holding all it held.

    Raises:
        NotOurs: it is not the seed's file after all.
        DatabaseBusy: the program that wrote it still has it open.
        DatabaseDamaged: the file is damaged; it is unchanged.
    """
    steps = migrations.shipped_steps() if steps is None else steps
    staged = swap.staged_path(path)
    seed = _open_locked(path, vfs)
    try:
        on_progress("checking", 0, 1)
        copies.check(seed, lenient=True)
        on_progress("copying", 0, 1)
        kept = copies.make(seed, path, VERSION, lenient=True, vfs=vfs)
        after_step("copied")
        first = [step for step in steps if step.version <= VERSION]
        with migrations.building(staged, clock, first, vfs) as db:
            counts = _Import(seed, db, clock.now_ms(), clock, on_progress).run()
            _verify(seed, db, counts)
        after_step("built")
        _finish(staged, clock, steps, vfs)
    finally:
        seed.close(True)
    after_step("finished")
    swap.replace(path, clock, after_step=after_step)
    copies.remove_others(path, kept)
    return counts


def _open_locked(path: Path, vfs: str | None) -> Connection:
    """Open the seed's file so that nobody else can until it is closed."""
    db = migrations.connect(path, vfs)
    try:
        set_pragma(db, "locking_mode", "EXCLUSIVE", "exclusive")
        db.execute("BEGIN EXCLUSIVE")
        recognised = is_seed(db)
        db.execute("COMMIT")
        if not recognised:
            raise NotOurs
    except BaseException:
        db.close(True)
        raise
    return db


def _finish(staged: Path, clock: Clock, steps: Sequence[migrations.Step], vfs: str | None) -> None:
    """Check the new file, and take it from version 1 to the newest."""
    db = migrations.connect(staged, vfs)
    try:
        copies.check(db)
        for step in steps:
            if step.version > VERSION:
                migrations.apply(db, step, clock.now_ms(), entry=True)
    finally:
        db.close(True)
    files.sync_file(staged)


def _verify(seed: Connection, db: Connection, counts: Counts) -> None:
    """Compare both files row by row counted, before the old one is given up."""
    old, new = copies.table_counts(seed), copies.table_counts(db)
    moved = {
        "workflows": (old["workflows"], new["workflows"]),
        "workflow_bodies": (old["workflows"], new["workflow_bodies"]),
        "runs": (old["runs"] - counts.orphan_runs, new["runs"]),
        "legacy_secrets": (old["secrets"], new["legacy_secrets"]),
        "access_log": (old["access_log"] + 1, new["access_log"]),
    }
    if any(was != now for was, now in moved.values()):
        raise DatabaseDamaged("The migration would have lost rows; the file is unchanged.")
    if db.execute("PRAGMA foreign_key_check").fetchone() is not None:
        raise DatabaseDamaged("The migration would have lost references; the file is unchanged.")


class _Import:
    """One pass over the seed's rows; `db` is in the transaction of the new file."""

    def __init__(
        self,
        seed: Connection,
        db: Connection,
        now_ms: int,
        clock: Clock,
        on_progress: migrations.Progress,
    ) -> None:
        self.seed, self.db, self.now_ms, self.clock = seed, db, now_ms, clock
        self.on_progress = on_progress
        self.counts = Counts()
        self.done = 0
        self.total = sum(copies.table_counts(seed)[table] for table in _COLUMNS)
        self.ids: dict[str, set[str]] = {"workflows": set(), "runs": set()}

    def run(self) -> Counts:
        """Move every table, then say in the audit log what was moved."""
        self._workflows()
        self._runs()
        self._settings()
        self._secrets()
        self._access_log()
        search_index.follow(self.db)
        entry = {"from": 0, "to": VERSION, "counts": self.counts._asdict()}
        details = msgspec.json.encode(entry).decode()
        audit.append(self.db, self.now_ms, "migrate", "database", details)
        self.on_progress("migrating", self.total, self.total)
        return self.counts

    def _rows(self, query: str) -> Iterator[tuple[seed_values.Value, ...]]:
        for row in self.seed.execute(query):
            if self.done % _PROGRESS_EVERY == 0:
                self.on_progress("migrating", self.done, self.total)
            self.done += 1
            yield row

    def _count(self, **more: int) -> None:
        summed = {name: getattr(self.counts, name) + number for name, number in more.items()}
        self.counts = self.counts._replace(**summed)

    def _id(self, table: str, value: seed_values.Value) -> str:
        """The row's own id; a fresh one where it has none, or one that reads like another's."""
        found = seed_values.text(value)
        if found is None or found in self.ids[table]:
            found = self.clock.new_id()
        self.ids[table].add(found)
        return found

    def _workflows(self) -> None:
        for row in self._rows(
            "SELECT rowid, CAST(id AS BLOB), CAST(name AS BLOB), CAST(description AS BLOB), data,"
            " CAST(tags AS BLOB), CAST(category AS BLOB), created_at, updated_at"
            " FROM workflows ORDER BY rowid"
        ):
            self._workflow(row)

    def _workflow(self, row: tuple[seed_values.Value, ...]) -> None:
        rid, own_id, name, description, data, tags, category, created_at, updated_at = row
        workflow_id = self._id("workflows", own_id)
        stored = seed_values.body(data, workflow_id)
        made = seed_values.millis(created_at)
        changed = seed_values.millis(updated_at)
        made = self.now_ms if made is None else made
        changed = made if changed is None else changed
        named = seed_values.tags(tags)
        self.db.execute(
            "INSERT INTO workflows (rid, id, name, description, tags, category, revision,"
            " content_sha256, size_bytes, stored_bytes, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?)",
            (
                rid,
                workflow_id,
                seed_values.text(name) or "",
                seed_values.text(description),
                msgspec.json.encode(named).decode(),
                seed_values.text(category) or "general",
                stored.sha256,
                stored.size_bytes,
                stored.stored_bytes,
                made,
                changed,
            ),
        )
        self.db.execute("INSERT INTO workflow_bodies (rid, data) VALUES (?, ?)", (rid, stored.data))
        self.db.executemany(
            "INSERT INTO workflow_tags (tag, updated_at, workflow) VALUES (?, ?, ?)",
            [(tag, changed, rid) for tag in named],
        )
        self._count(workflows=1, damaged_bodies=int(not stored.readable))

    def _runs(self) -> None:
        for row in self._rows(
            "SELECT runs.rowid, CAST(runs.id AS BLOB), workflows.rowid, CAST(status AS BLOB),"
            " started_at, completed_at, CAST(error_message AS BLOB), blocks_executed,"
            " tokens_used, api_calls_made, summary"
            " FROM runs LEFT JOIN workflows ON workflows.id = runs.workflow_id"
            " ORDER BY runs.rowid"
        ):
            if row[2] is None:
                self._count(orphan_runs=1)
            else:
                self._run(row)
        self.db.execute(
            "UPDATE workflows SET"
            " run_count = (SELECT count(*) FROM runs WHERE workflow = workflows.rid),"
            " last_run_at = (SELECT max(started_at) FROM runs WHERE workflow = workflows.rid)"
        )

    def _run(self, row: tuple[seed_values.Value, ...]) -> None:
        rid, own_id, workflow, status, started_at, completed_at, message, *counts, blob = row
        started = seed_values.millis(started_at)
        started = self.now_ms if started is None else started
        completed = seed_values.millis(completed_at)
        stored = None if blob is None else seed_values.summary(blob)
        self.db.execute(
            "INSERT INTO runs (rid, id, workflow, revision, status, started_at, seen_at,"
            " completed_at, duration_ms, error_message, blocks_executed, tokens_used,"
            " api_calls_made, summary_bytes, stored_bytes)"
            " VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                rid,
                self._id("runs", own_id),
                workflow,
                seed_values.status(status),
                started,
                started if completed is None else completed,
                completed,
                None if completed is None else max(completed - started, 0),
                seed_values.text(message),
                *(seed_values.count(number) for number in counts),
                None if stored is None else stored.size_bytes,
                None if stored is None else len(stored.data),
            ),
        )
        self._count(runs=1)
        if stored is not None:
            self.db.execute(
                "INSERT INTO run_summaries (rid, data, sha256) VALUES (?, ?, ?)",
                (rid, stored.data, stored.sha256),
            )
            self._count(damaged_summaries=int(not stored.readable))

    def _settings(self) -> None:
        for key, value, value_type, description, updated_at in self._rows(
            "SELECT CAST(key AS BLOB), CAST(value AS BLOB), CAST(value_type AS BLOB),"
            " CAST(description AS BLOB), updated_at FROM settings"
            " WHERE key IS NULL OR key <> 'schema_version'"
        ):
            json, kind = seed_values.setting(value, value_type)
            at = seed_values.millis(updated_at)
            self.db.execute(
                "INSERT INTO settings (key, value, value_type, description, updated_at)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
                (
                    seed_values.text(key) or "",
                    json,
                    kind,
                    seed_values.text(description),
                    self.now_ms if at is None else at,
                ),
            )
            self._count(settings=1)
        settings.insert_defaults(self.db, self.now_ms)

    def _secrets(self) -> None:
        for provider, created_at, updated_at in self._rows(
            "SELECT CAST(provider AS BLOB), created_at, updated_at FROM secrets"
        ):
            made = seed_values.millis(created_at)
            made = self.now_ms if made is None else made
            changed = seed_values.millis(updated_at)
            self.db.execute(
                "INSERT INTO legacy_secrets (provider, created_at, updated_at) VALUES (?, ?, ?)",
                (seed_values.text(provider) or "", made, made if changed is None else changed),
            )
            self._count(secrets=1)

    def _access_log(self) -> None:
        for action, resource, timestamp, details in self._rows(
            "SELECT CAST(action AS BLOB), CAST(resource AS BLOB), timestamp,"
            " CAST(details AS BLOB) FROM access_log ORDER BY id"
        ):
            at = seed_values.millis(timestamp)
            audit.append(
                self.db,
                self.now_ms if at is None else at,
                seed_values.text(action) or "",
                seed_values.text(resource) or "",
                seed_values.details(details),
            )
            self._count(access_log=1)


def looks_like_seed(path: Path) -> bool:
    """Examine a file whose owner is unknown without touching it or leaving anything beside it.

    A file with nothing beside it is opened as unchangeable, which takes no lock and makes no
    `-shm`. One that a journal still has to complete is examined as a copy elsewhere, because
    SQLite would complete it in place.

    Raises:
        apsw.Error: it is no database SQLite can read.
    """
    journals = [name for name in ("-wal", "-journal") if files.beside(path, name).exists()]
    if not journals:
        return _is_seed_at(f"{path.absolute().as_uri()}?immutable=1", apsw.SQLITE_OPEN_READONLY)
    with files.private_folder() as folder:
        copied = files.copy_with(path, folder, journals)
        return _is_seed_at(copied.as_uri(), apsw.SQLITE_OPEN_READWRITE)


def _is_seed_at(uri: str, flags: int) -> bool:
    db = apsw.Connection(uri, flags=flags | apsw.SQLITE_OPEN_URI)
    try:
        db.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        set_pragma(db, "cache_size", -limits.CACHE_SHORT_LIVED_KIB, -limits.CACHE_SHORT_LIVED_KIB)
        return is_seed(db)
    finally:
        db.close(True)
