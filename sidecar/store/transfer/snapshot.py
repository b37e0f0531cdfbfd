"""Copies the database, as it is at one moment, to a file, while requests go on writing.

The pages are copied by SQLite's backup API through a connection that holds a read transaction. So
all pages are of one state, and a write neither waits nor makes the copying start from the first
page (without that transaction it never ends while there are writes: measured). The copy is then
changed before anything else reads it, and loses what is not of this program's schema. What was
deleted must have been purged before.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from sidecar import digests, files, limits
from sidecar.errors import Cancelled, DatabaseDamaged
from sidecar.store import meta, secrets, settings, tables, verified_copy
from sidecar.store.audit.log import chain_head
from sidecar.store.audit.verify import Head
from sidecar.store.connection import Connection, one_row
from sidecar.store.database_files import remove_database
from sidecar.store.interrupt import interruptible
from sidecar.store.pragmas import set_pragma
from sidecar.store.schema import drop_foreign_objects
from sidecar.store.unserved_file import open_unsynced, transaction

_NO_CHANGE: Final = (
    "backup_create",
    "backup_delete",
    "backup_rejected",
    "restore",
    "compact",
    "check_findings",
    "remote_push",
    "remote_prune",
    "remote_device",
)
"""Audited actions after which the database has the same content as before."""

Step = Callable[[int], None]
"""Receives the number of bytes copied so far; may raise to stop the copying."""


class Snapshot(NamedTuple):
    """Facts about a copy."""

    schema_version: int
    store_id: bytes
    epoch: int
    head: Head
    fingerprint: bytes
    counts: dict[str, int]
    has_secrets: bool
    size_bytes: int
    omitted: list[str]
    """Foreign objects of the schema that the copy lacks, as `view late_runs`."""


def store_id_at(path: Path) -> bytes | None:
    """Read the id of the store in a file without locking the file, which may be served.

    Return None when the file cannot be opened or read.
    """
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    try:
        db = apsw.Connection(f"{path.absolute().as_uri()}?immutable=1", flags=flags)
    except apsw.Error:
        return None
    try:
        return meta.store_id(db)
    except (apsw.Error, DatabaseDamaged):
        return None
    finally:
        db.close(True)


def count_rows(db: Connection) -> dict[str, int]:
    """Count the rows of the tables that backups and restores report."""
    return {name: tables.count(db, name) for name in tables.COUNTED}


def fingerprint(db: Connection) -> bytes:
    """Return 16 bytes that differ whenever the content of the database has changed.

    Every change but those of runs is in the audit log. Of runs, all columns that can change are
    added up.
    """
    marks = ", ".join("?" * len(_NO_CHANGE))
    last_change = db.execute(
        f"SELECT seq FROM access_log WHERE action NOT IN ({marks}) ORDER BY seq DESC LIMIT 1",  # noqa: S608 - marks only
        _NO_CHANGE,
    ).get
    # Low bits only: the sum of a hundred million times would be too large an integer.
    runs = one_row(
        db,
        "SELECT count(*), sum(seen_at & 0xffffffff), sum(completed_at & 0xffffffff), sum(pinned),"
        " sum(waiting), sum(interrupted_at & 0xffffffff),"
        " sum(blocks_executed & 0xffffffff), sum(tokens_used & 0xffffffff),"
        " sum(api_calls_made & 0xffffffff) FROM runs",
    )
    return digests.sha256(repr((last_change, runs)).encode())[:16]


def is_untouched(db: Connection) -> bool:
    """Return whether the database is as it was created, so that a backup is of no use."""
    return (
        chain_head(db).seq == 0
        and not tables.has_rows(db, "workflows")
        and not tables.has_rows(db, "runs")
    )


def take(
    source: Connection,
    copy: Path,
    *,
    include_secrets: bool,
    cancelled: Callable[[], bool],
    step: Step,
) -> Snapshot:
    """Copy the database behind `source` to the file `copy`, without foreign objects.

    After a failure there is no copy.

    Raises:
        Cancelled: `cancelled` returned True.
        DatabaseDamaged: the copy lacks rows, or it cannot be changed, as the database is damaged.
    """
    remove_database(copy)
    files.create_private(copy)
    try:
        source.execute("BEGIN")
        try:
            # The state is fixed by the first read and not by BEGIN.
            facts, rows = _read_facts(source), verified_copy.table_counts(source)
            copy_pages(source, copy, cancelled, step)
        finally:
            # After an I/O error SQLite may have ended the transaction by itself.
            if source.in_transaction:
                source.execute("ROLLBACK")
        with open_unsynced(copy) as db, interruptible(db, cancelled):
            set_pragma(db, "journal_mode", "DELETE", "delete")
            if verified_copy.table_counts(db) != rows:
                raise DatabaseDamaged("The copy lacks rows; no backup was made. Run system.check.")
            # First, because a foreign trigger would act on what follows.
            omitted = drop_foreign_objects(db)
            _prepare(db, include_secrets=include_secrets)
            has_secrets = secrets.has_slots(db)
    except BaseException:
        remove_database(copy)
        raise
    return facts._replace(
        counts=facts.counts if include_secrets else {**facts.counts, "secrets": 0},
        has_secrets=has_secrets,
        size_bytes=copy.stat().st_size,
        omitted=omitted,
    )


def _read_facts(db: Connection) -> Snapshot:
    """Read the facts about a copy from its source; the last three are filled in afterwards."""
    return Snapshot(
        schema_version=int(db.pragma("user_version")),
        store_id=meta.store_id(db),
        epoch=meta.epoch(db),
        head=chain_head(db),
        fingerprint=fingerprint(db),
        counts=count_rows(db),
        has_secrets=False,
        size_bytes=0,
        omitted=[],
    )


def copy_pages(source: Connection, copy: Path, cancelled: Callable[[], bool], step: Step) -> None:
    """Copy the pages of the state that the read transaction of `source` sees to a private file.

    Raises:
        Cancelled: `cancelled` returned True.
    """
    page_bytes = int(source.pragma("page_size"))
    target = apsw.Connection(str(copy), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        # The copy is not needed after a crash; a backup is synced when it is packed.
        set_pragma(target, "synchronous", "OFF", 0)
        set_pragma(target, "journal_mode", "OFF", "off")
        with target.backup("main", source, "main") as backup:
            while not backup.done:
                if cancelled():
                    raise Cancelled
                backup.step(limits.SNAPSHOT_STEP_PAGES)
                step((backup.page_count - backup.remaining) * page_bytes)
    finally:
        target.close(True)


def _prepare(db: Connection, *, include_secrets: bool) -> None:
    """Delete the secrets of a copy unless they are to stay, mark it as closed, and mend it."""
    with transaction(db):
        if not include_secrets:
            for table in tables.SEALED:
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - constants
            secrets.reset_state(db)
        meta.write(db, meta.CLEAN_END, 1)
        _mend(db)
    # So that free pages are not packed.
    db.execute("PRAGMA incremental_vacuum").fetchall()


def _mend(db: Connection) -> None:
    """Give the copy values that it is not refused for, where the program uses a default anyway."""
    for key in settings.impossible_keys(db):
        settings.put_default(db, key, 0)
    for key in meta.impossible_keys(db):
        if key in (
            meta.PURGE_PENDING,
            meta.CREATED_AT,
            meta.RESTORED_STATE,
            meta.BACKUP_FOLDER,
            meta.FOLDING,
        ):
            meta.discard(db, key)
