"""Replaces a legacy file by a file of version 1 that holds everything the old one held.

The new file is built beside the old one while the old one is locked, and is then put in its place
by `swap`. If the process is killed at any point, either the old file or the new one is there. The
old content stays in `<database>.before-v1`.

A body or summary that cannot be decoded is moved as it is. A run whose workflow is missing cannot
be stored: it stays in `<database>.before-v1` only. The audit entry of the migration counts both.
Secrets cannot be opened without Stronghold: only their providers and times are moved.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, cast

import msgspec

from sidecar import files
from sidecar.clock import Clock
from sidecar.errors import DatabaseDamaged, NotOurs
from sidecar.store import migrations, settings, swap, verified_copy
from sidecar.store.audit.log import append_entry
from sidecar.store.connection import Connection
from sidecar.store.legacy import values
from sidecar.store.legacy.recognise import COLUMNS, is_legacy
from sidecar.store.pragmas import set_pragma
from sidecar.store.unserved_file import open_file
from sidecar.vocabularies import AuditAction

VERSION = 1
"""Schema version of the file that is built first; later migrations are then applied to it."""

_PROGRESS_EVERY = 100


class Counts(NamedTuple):
    """How many rows were moved, and how many of them were damaged; part of the audit entry."""

    workflows: int = 0
    runs: int = 0
    settings: int = 0
    secrets: int = 0
    access_log: int = 0
    damaged_bodies: int = 0
    damaged_summaries: int = 0
    orphan_runs: int = 0
    """Runs whose workflow is missing; these are not moved."""


def migrate(
    path: Path,
    clock: Clock,
    on_progress: migrations.Progress = migrations.no_progress,
    *,
    steps: Sequence[migrations.Step] | None = None,
    vfs: str | None = None,
    after_step: swap.AfterStep = swap.ignore_step,
) -> Counts:
    """Replace the legacy file at `path` by a database of this product and return what was moved.

    `after_step` is called with the name of each step that is done; tests stop there.

    Raises:
        NotOurs: the file is not a legacy file.
        DatabaseBusy: another program has the file open.
        DatabaseDamaged: the file is damaged; it is unchanged.
    """
    steps = migrations.shipped_steps() if steps is None else steps
    staged = swap.staged_path(path)
    with _open_locked(path, vfs) as old:
        on_progress("check", 0, 1)
        verified_copy.check(old, lenient=True)
        on_progress("copy", 0, 1)
        kept = verified_copy.make_before_migration(old, path, VERSION, lenient=True, vfs=vfs)
        after_step("copied")
        first = [step for step in steps if step.version <= VERSION]
        with migrations.build_file(staged, clock, first, vfs) as db:
            counts = _Import(old, db, clock, on_progress).run()
            _check_counts(old, db, counts)
        after_step("built")
        _finish(staged, clock, steps, vfs)
    after_step("finished")
    swap.replace(path, clock, after_step=after_step)
    verified_copy.remove_earlier(path, kept)
    return counts


@contextmanager
def _open_locked(path: Path, vfs: str | None) -> Iterator[Connection]:
    """Open the legacy file for the block, with an exclusive lock until the block has ended."""
    with open_file(path, vfs=vfs) as db:
        set_pragma(db, "locking_mode", "EXCLUSIVE", "exclusive")
        db.execute("BEGIN EXCLUSIVE")
        recognised = is_legacy(db)
        db.execute("COMMIT")
        if not recognised:
            raise NotOurs
        yield db


def _finish(staged: Path, clock: Clock, steps: Sequence[migrations.Step], vfs: str | None) -> None:
    """Check the new file, apply the migrations after version 1 and write the file to disk."""
    with open_file(staged, vfs=vfs) as db:
        verified_copy.check(db)
        for step in steps:
            if step.version > VERSION:
                migrations.apply(db, step, clock.now_ms(), entry=True)
    files.sync_file(staged)


def _check_counts(old: Connection, new: Connection, counts: Counts) -> None:
    """Compare how many rows both files have.

    Raises:
        DatabaseDamaged: rows or references would be lost.
    """
    before, after = verified_copy.table_counts(old), verified_copy.table_counts(new)
    moved = {
        "workflows": (before["workflows"], after["workflows"]),
        "workflow_bodies": (before["workflows"], after["workflow_bodies"]),
        "runs": (before["runs"] - counts.orphan_runs, after["runs"]),
        "legacy_secrets": (before["secrets"], after["legacy_secrets"]),
        "access_log": (before["access_log"] + 1, after["access_log"]),
    }
    if any(expected != found for expected, found in moved.values()):
        raise DatabaseDamaged("The migration would have lost rows; the file is unchanged.")
    if new.execute("PRAGMA foreign_key_check").fetchone() is not None:
        raise DatabaseDamaged("The migration would have lost references; the file is unchanged.")


class _Import:
    """Moves the rows of a legacy file, table by table; `db` is in the new file's transaction."""

    def __init__(
        self, old: Connection, db: Connection, clock: Clock, on_progress: migrations.Progress
    ) -> None:
        self.old, self.db, self.clock, self.on_progress = old, db, clock, on_progress
        self.now_ms = clock.now_ms()
        self.counts = Counter[str]()
        self.done = 0
        self.total = sum(verified_copy.table_counts(old)[table] for table in COLUMNS)
        self.ids: dict[str, set[str]] = {"workflows": set(), "runs": set()}

    def run(self) -> Counts:
        """Move every table and write the audit entry of the migration."""
        self._workflows()
        self._runs()
        self._settings()
        self._secrets()
        self._access_log()
        counts = Counts(**self.counts)
        entry = {"from": 0, "to": VERSION, "counts": counts._asdict()}
        details = msgspec.json.encode(entry).decode()
        append_entry(self.db, self.now_ms, "migrate", "database", details)
        self.on_progress("migrate", self.total, self.total)
        return counts

    def _rows(self, query: str) -> Iterator[tuple[values.Value, ...]]:
        """Read rows of the legacy file and report progress every hundredth row."""
        for row in self.old.execute(query):
            if self.done % _PROGRESS_EVERY == 0:
                self.on_progress("migrate", self.done, self.total)
            self.done += 1
            yield row

    def _time(self, value: values.Value, default: int | None = None) -> int:
        """Return a time in milliseconds; `default`, or else now, when the value is not a time."""
        found = values.millis(value)
        return found if found is not None else self.now_ms if default is None else default

    def _id(self, table: str, value: values.Value) -> str:
        """Return the row's id as text, or a new id if it has none or another row has the same."""
        found = values.text(value)
        if found is None or found in self.ids[table]:
            found = self.clock.new_id()
        self.ids[table].add(found)
        return found

    def _workflows(self) -> None:
        """Move all workflows."""
        for row in self._rows(
            "SELECT rowid, CAST(id AS BLOB), CAST(name AS BLOB), CAST(description AS BLOB), data,"
            " CAST(tags AS BLOB), CAST(category AS BLOB), created_at, updated_at"
            " FROM workflows ORDER BY rowid"
        ):
            self._workflow(row)

    def _workflow(self, row: tuple[values.Value, ...]) -> None:
        """Move one workflow with its body and tags."""
        rid, stored_id, name, description, data, tags, category, created_at, updated_at = row
        workflow_id = self._id("workflows", stored_id)
        stored = values.body(data, workflow_id)
        created = self._time(created_at)
        updated = self._time(updated_at, created)
        tag_list = values.tags(tags)
        self.db.execute(
            "INSERT INTO workflows (rid, id, name, description, tags, category, revision,"
            " content_sha256, size_bytes, stored_bytes, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?)",
            (
                rid,
                workflow_id,
                values.text(name) or "",
                values.text(description),
                msgspec.json.encode(tag_list).decode(),
                values.text(category) or "general",
                stored.sha256,
                stored.size_bytes,
                stored.stored_bytes,
                created,
                updated,
            ),
        )
        self.db.execute("INSERT INTO workflow_bodies (rid, data) VALUES (?, ?)", (rid, stored.data))
        self.db.executemany(
            "INSERT INTO workflow_tags (tag, updated_at, workflow) VALUES (?, ?, ?)",
            [(tag, updated, rid) for tag in tag_list],
        )
        self.counts.update(workflows=1, damaged_bodies=int(not stored.readable))

    def _runs(self) -> None:
        """Move all runs that have a workflow, and set the run counts of the workflows."""
        for row in self._rows(
            "SELECT runs.rowid, CAST(runs.id AS BLOB), workflows.rowid, CAST(status AS BLOB),"
            " started_at, completed_at, CAST(error_message AS BLOB), blocks_executed,"
            " tokens_used, api_calls_made, summary"
            " FROM runs LEFT JOIN workflows ON workflows.id = runs.workflow_id"
            " ORDER BY runs.rowid"
        ):
            if row[2] is None:
                self.counts.update(orphan_runs=1)
            else:
                self._run(row)
        self.db.execute(
            "UPDATE workflows SET"
            " run_count = (SELECT count(*) FROM runs WHERE workflow = workflows.rid),"
            " last_run_at = (SELECT max(started_at) FROM runs WHERE workflow = workflows.rid)"
        )

    def _run(self, row: tuple[values.Value, ...]) -> None:
        """Move one run with its summary."""
        rid, stored_id, workflow, status, started_at, completed_at, message, *counts, blob = row
        started = self._time(started_at)
        completed = values.millis(completed_at)
        stored = None if blob is None else values.summary(blob)
        self.db.execute(
            "INSERT INTO runs (rid, id, workflow, revision, status, started_at, seen_at,"
            " completed_at, duration_ms, error_message, blocks_executed, tokens_used,"
            " api_calls_made, summary_bytes, stored_bytes)"
            " VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                rid,
                self._id("runs", stored_id),
                workflow,
                values.status(status),
                started,
                started if completed is None else completed,
                completed,
                None if completed is None else max(completed - started, 0),
                values.text(message),
                *(values.count(number) for number in counts),
                None if stored is None else stored.size_bytes,
                None if stored is None else len(stored.data),
            ),
        )
        self.counts.update(runs=1)
        if stored is not None:
            self.db.execute(
                "INSERT INTO run_summaries (rid, data, sha256) VALUES (?, ?, ?)",
                (rid, stored.data, stored.sha256),
            )
            self.counts.update(damaged_summaries=int(not stored.readable))

    def _settings(self) -> None:
        """Move all settings but `schema_version`, then add defaults for those that are missing."""
        for key, value, value_type, description, updated_at in self._rows(
            "SELECT CAST(key AS BLOB), CAST(value AS BLOB), CAST(value_type AS BLOB),"
            " CAST(description AS BLOB), updated_at FROM settings"
            " WHERE key IS NULL OR key <> 'schema_version'"
        ):
            json, kind = values.setting(value, value_type)
            self.db.execute(
                "INSERT INTO settings (key, value, value_type, description, updated_at)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
                (
                    values.text(key) or "",
                    json,
                    kind,
                    values.text(description),
                    self._time(updated_at),
                ),
            )
            self.counts.update(settings=1)
        # The file is of version 1; a later step renames the key, and an app's own of that name.
        called = {"archive_keep_days": "trash_keep_days"}
        settings.insert_defaults(self.db, self.now_ms, called)

    def _secrets(self) -> None:
        """Note for which providers there was a secret, and since when."""
        for provider, created_at, updated_at in self._rows(
            "SELECT CAST(provider AS BLOB), created_at, updated_at FROM secrets"
        ):
            created = self._time(created_at)
            self.db.execute(
                "INSERT INTO legacy_secrets (provider, created_at, updated_at) VALUES (?, ?, ?)",
                (values.text(provider) or "", created, self._time(updated_at, created)),
            )
            self.counts.update(secrets=1)

    def _access_log(self) -> None:
        """Append every entry of the old log to the new audit log, which chains them."""
        for action, resource, timestamp, details in self._rows(
            "SELECT CAST(action AS BLOB), CAST(resource AS BLOB), timestamp,"
            " CAST(details AS BLOB) FROM access_log ORDER BY id"
        ):
            append_entry(
                self.db,
                self._time(timestamp),
                cast(AuditAction, values.text(action) or ""),  # any that the old program wrote
                values.text(resource) or "",
                values.details(details),
            )
            self.counts.update(access_log=1)
