"""One moment of the database as a file of its own, checked, while others go on writing.

The pages are copied by SQLite's backup API through a connection that holds a read transaction: it
sees one state from the first page to the last, and a write by anybody else neither waits nor
makes it begin anew (without that transaction, under writes, it never ends: measured). The copy is
then changed and checked where nobody else looks at it. What was deleted must have been purged.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from sidecar import files, limits
from sidecar.errors import Cancelled, DatabaseDamaged
from sidecar.store import meta, secrets, tables, verified_copy
from sidecar.store.audit.log import chain_head
from sidecar.store.audit.verify import Head
from sidecar.store.connection import Connection, one_row
from sidecar.store.database_files import remove_database
from sidecar.store.interrupt import interruptible
from sidecar.store.pragmas import set_pragma
from sidecar.store.repair import checks
from sidecar.store.search import indexes
from sidecar.store.unserved_file import open_unsynced, transaction

_NO_CHANGE: Final = (
    "backup_create",
    "backup_delete",
    "backup_rejected",
    "restore",
    "compact",
    "check_findings",
)
"""Acts after which the database holds what it held before."""

Step = Callable[[int], None]
"""Called with the bytes of the database copied so far; may raise to stop."""


class Snapshot(NamedTuple):
    """What was copied."""

    schema_version: int
    store_id: bytes
    epoch: int
    head: Head
    state: bytes
    counts: dict[str, int]
    has_secrets: bool
    size_bytes: int
    search_damaged: bool
    """A search index did not say what its table says; in the copy all are to be made anew."""


class _Facts(NamedTuple):
    """What the source says within the transaction."""

    rows: dict[str, int]
    snapshot: Snapshot


def store_id_at(path: Path) -> bytes | None:
    """Read which database lies at a path without touching the file, which may be served.

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


def counts(db: Connection) -> dict[str, int]:
    """How many rows there are of what a person counts."""
    return {name: tables.count(db, name) for name in tables.COUNTED}


def state(db: Connection) -> bytes:
    """A fingerprint of what the database holds; equal where nothing has changed.

    Every change but those of runs is in the audit log; of runs all that can change is added up.
    """
    marks = ", ".join("?" * len(_NO_CHANGE))
    newest = db.execute(
        f"SELECT seq FROM access_log WHERE action NOT IN ({marks}) ORDER BY seq DESC LIMIT 1",  # noqa: S608 - marks only
        _NO_CHANGE,
    ).get
    # Low bits only: the sum of a hundred million times would be too large an integer.
    runs = one_row(
        db,
        "SELECT count(*), sum(seen_at & 0xffffffff), sum(completed_at & 0xffffffff), sum(pinned),"
        " sum(blocks_executed & 0xffffffff), sum(tokens_used & 0xffffffff),"
        " sum(api_calls_made & 0xffffffff) FROM runs",
    )
    return hashlib.sha256(repr((newest, runs)).encode()).digest()[:16]


def is_untouched(db: Connection) -> bool:
    """Whether nothing was ever done in this database that anybody could miss."""
    workflows, runs = one_row(
        db, "SELECT EXISTS (SELECT 1 FROM workflows), EXISTS (SELECT 1 FROM runs)"
    )
    return not workflows and not runs and chain_head(db).seq == 0


def take(
    source: Connection,
    copy: Path,
    *,
    include_secrets: bool,
    cancelled: Callable[[], bool],
    step: Step,
) -> Snapshot:
    """Copy the database behind `source` to `copy`, which is then whole, checked and closed.

    Raises:
        Cancelled: `cancelled` said so; `step` may raise as well. No copy is left.
        DatabaseDamaged: the copy is not sound, so the database is not either.
    """
    remove_database(copy)
    files.create_private(copy)
    try:
        source.execute("BEGIN")
        try:
            # Only a read pins the state.
            facts = _facts(source)
            _copy_pages(source, copy, cancelled, step)
        finally:
            # After an I/O error SQLite may have ended it by itself.
            if source.in_transaction:
                source.execute("ROLLBACK")
        with open_unsynced(copy) as db, interruptible(db, cancelled):
            set_pragma(db, "journal_mode", "DELETE", "delete")
            _compare(db, facts.rows)
            has_secrets = _empty_secrets(db, include_secrets=include_secrets)
            search_damaged = _check(db)
        if search_damaged:
            with open_unsynced(copy) as db, transaction(db):
                indexes.mark_all_pending(db)
    except BaseException:
        remove_database(copy)
        raise
    counted = facts.snapshot.counts
    return facts.snapshot._replace(
        counts=counted if include_secrets else {**counted, "secrets": 0},
        has_secrets=has_secrets,
        size_bytes=copy.stat().st_size,
        search_damaged=search_damaged,
    )


def _facts(db: Connection) -> _Facts:
    rows = verified_copy.table_counts(db)
    snapshot = Snapshot(
        schema_version=int(db.pragma("user_version")),
        store_id=meta.store_id(db),
        epoch=meta.epoch(db),
        head=chain_head(db),
        state=state(db),
        counts=counts(db),
        has_secrets=False,
        size_bytes=0,
        search_damaged=False,
    )
    return _Facts(rows, snapshot)


def _copy_pages(source: Connection, copy: Path, cancelled: Callable[[], bool], step: Step) -> None:
    page_bytes = int(source.pragma("page_size"))
    target = apsw.Connection(str(copy), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        # Nobody needs it after a crash; what is kept is synced when it is packed.
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


def _empty_secrets(db: Connection, *, include_secrets: bool) -> bool:
    """Take secrets out unless they are wanted, end the file well; whether some are in it."""
    with transaction(db):
        if not include_secrets:
            for table in tables.SEALED:
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - constants
            secrets.reset_state(db)
        meta.write(db, meta.CLEAN_END, 1)
    # Pages that hold nothing are not packed.
    db.execute("PRAGMA incremental_vacuum").fetchall()
    return secrets.has_slots(db)


def _compare(db: Connection, rows: dict[str, int]) -> None:
    if verified_copy.table_counts(db) != rows:
        raise DatabaseDamaged("The copy lacks rows; no backup was made. Run system.check.")


def _check(db: Connection) -> bool:
    """Look at the whole copy; whether only a search index is wrong.

    Raises:
        DatabaseDamaged: anything else is.
    """
    found: list[checks.Finding] = []
    for where, findings in (
        ("database", checks.identity(db)),
        ("database", checks.structure(db, full=False)),
        ("database", checks.references(db)),
        ("search", checks.index_rows(db)),
    ):
        with checks.damage_as_finding(found, where):
            found.extend(findings)
    found.extend(checks.index_words_of_copy(db))
    if any(finding.kind != "search_index" for finding in found):
        raise DatabaseDamaged("The database is damaged; no backup was made. Run system.check.")
    return bool(found)
