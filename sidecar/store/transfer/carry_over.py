"""What a database that takes another's place receives from it: secrets, and the audit log.

Going back to a backup must not bring back an old passphrase, forget wrong tries, or undo what the
log says: so these are carried over from the file that is replaced, row by row, into the new one.
Where that file cannot be opened the log of the backup goes on, after every number that is known
to have been given; the entry that is first after such a gap says where it began.
"""

from typing import Final

from sidecar.clock import Clock
from sidecar.store import audit, meta, migrations, runs
from sidecar.store.connection import Connection, one_row
from sidecar.store.repair import checks
from sidecar.store.search import indexes
from sidecar.store.transaction import transaction
from sidecar.store.transfer import snapshot

_CHAIN_TABLES: Final = ("access_log", "audit_state", "audit_anchors")
_SECRET_TABLES: Final = ("secrets", "key_slots", "data_keys", "legacy_secrets", "vault_state")
_SECRET_META: Final = f"key = '{meta.STORE_ID}'"
"""Secrets are sealed for one store: its number goes with them."""


def providers(db: Connection) -> list[str]:
    """Whose keys are kept, by name."""
    return [str(row[0]) for row in db.execute("SELECT provider FROM secrets ORDER BY provider")]


def has_secrets(db: Connection) -> bool:
    """Whether secrets were set up."""
    return bool(one_row(db, "SELECT EXISTS (SELECT 1 FROM key_slots)")[0])


def secrets(live: Connection, staged: Connection) -> None:
    """Carry the sealed keys, their slots and the state of wrong tries over, in a transaction."""
    for table in _SECRET_TABLES:
        _replace(live, staged, table, "1")
    _replace(live, staged, "meta", _SECRET_META)


def wrong_tries(live: Connection, staged: Connection) -> None:
    """Have other secrets than the live ones wait as long for the next try: it may be the same
    person who guesses.
    """
    failures, failed_at = one_row(live, "SELECT failures, failed_at FROM vault_state")
    staged.execute(
        "UPDATE vault_state SET failures = max(failures, ?), failed_at = max(failed_at, ?)",
        (failures, failed_at),
    )


def chain(live: Connection, staged: Connection) -> None:
    """Carry the audit log and the state of its chain over, in a transaction."""
    for table in _CHAIN_TABLES:
        _replace(live, staged, table, "1")


def _replace(live: Connection, staged: Connection, table: str, condition: str) -> None:
    """Give a table the rows of the other's; both files have the same tables by now."""
    names = [
        str(row[0])
        for row in staged.execute("SELECT name FROM pragma_table_info(?) ORDER BY cid", (table,))
    ]
    columns, marks = ", ".join(names), ", ".join("?" * len(names))
    staged.execute(f"DELETE FROM {table} WHERE {condition}")  # noqa: S608 - constants
    rows = live.execute(f"SELECT {columns} FROM {table} WHERE {condition}")  # noqa: S608 - constants
    staged.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)  # noqa: S608 - constants


def skip_numbers(db: Connection, known_seq: int) -> int:
    """Have the next entry numbered after `known_seq`; the newest entry that is there."""
    newest = audit.head(db).seq
    db.execute("UPDATE audit_state SET seq = max(seq, ?)", (known_seq,))
    return newest


def settle(db: Connection, clock: Clock, *, served: bool) -> None:
    """Make a staged file one that is served at once, or that the next start finds well ended."""
    runs.close_interrupted(db, clock.now_ms())
    meta.write(db, meta.CLEAN_END, int(not served))
    meta.write(db, meta.RESTORED_STATE, snapshot.state(db))


def mend(db: Connection, findings: list[checks.Finding]) -> None:
    """Make anew what can be: plain indexes at once, search indexes in the next pauses."""
    kinds = {finding.kind for finding in findings}
    if "index" in kinds:
        db.execute("REINDEX").fetchall()
    if "search_index" in kinds:
        with transaction(db):
            indexes.mark_all_pending(db)


def bring_up(db: Connection, clock: Clock) -> int | None:
    """Take the migration steps a staged file lacks; the version it had, None if it lacks none."""
    found = int(db.pragma("user_version"))
    missing = [step for step in migrations.shipped_steps() if step.version > found]
    for step in missing:
        migrations.apply(db, step, clock.now_ms())
    return found if missing else None
