"""What a restore does to the database of a backup before it takes the place of the live one.

A restore must not reinstate an old passphrase, forget wrong passphrases, or change the audit log.
So those rows are carried over from the live file into the staged one. When the live file cannot be
opened, the log of the backup continues after the highest number that is known to have been used;
the first entry after such a gap says where it began.
"""

from sidecar.clock import Clock
from sidecar.store import meta, migrations, settings, tables
from sidecar.store.audit.log import chain_head
from sidecar.store.connection import Connection, one_row
from sidecar.store.repair import checks
from sidecar.store.runs.interrupted import close_interrupted
from sidecar.store.search import indexes
from sidecar.store.transfer import snapshot
from sidecar.store.unserved_file import transaction
from sidecar.store.workflows import tags


def migrate(db: Connection, clock: Clock) -> int | None:
    """Apply the migrations that a staged file lacks.

    Return the version that it had, or None when it was up to date.
    """
    found = int(db.pragma("user_version"))
    missing = [step for step in migrations.shipped_steps() if step.version > found]
    for step in missing:
        migrations.apply(db, step, clock.now_ms())
    with transaction(db):
        indexes.follow_folding(db)
    return found if missing else None


def rebuild_indexes(db: Connection, findings: list[checks.Finding]) -> None:
    """Rebuild the indexes that are damaged: plain ones now, search indexes in the next pauses."""
    kinds = {finding.kind for finding in findings}
    if "index" in kinds:
        with transaction(db):
            db.execute("REINDEX").fetchall()
            tags.write_all_again(db)
    if "search_index" in kinds:
        with transaction(db):
            indexes.mark_all_pending(db)


def carry_secrets(live: Connection, staged: Connection) -> None:
    """Replace the secrets of the staged file, and the ways to unlock them, by the live ones.

    Secrets are sealed for one store, so its identifier goes with them.
    """
    _carry(live, staged, "secrets")
    meta.write(staged, meta.STORE_ID, meta.store_id(live))


def carry_settings(live: Connection, staged: Connection, clock: Clock) -> None:
    """Leave the settings that guard the user's data as they are in the live file.

    One that is missing or has an impossible value there has its default afterwards.
    """
    for key in settings.GUARDING:
        settings.delete(staged, key)
        setting = settings.get(live, key)
        if setting is not None and settings.is_possible(setting):
            settings.put(staged, setting)
    settings.insert_defaults(staged, clock.now_ms())
    marked = meta.read(live, meta.BACKUP_FOLDER)
    if isinstance(marked, bytes):
        meta.write(staged, meta.BACKUP_FOLDER, marked)
    else:
        meta.discard(staged, meta.BACKUP_FOLDER)


def carry_audit_log(live: Connection, staged: Connection) -> None:
    """Replace the audit log of the staged file, and the state of its chain, by the live one."""
    _carry(live, staged, "audit_log")


def _carry(live: Connection, staged: Connection, companion: tables.Companion) -> None:
    """Replace the rows of some tables by the live rows; both files have the same columns by now."""
    for table in tables.carried_with(companion):
        names = [
            str(row[0])
            for row in staged.execute(
                "SELECT name FROM pragma_table_info(?) ORDER BY cid", (table,)
            )
        ]
        columns, marks = ", ".join(names), ", ".join("?" * len(names))
        staged.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant name
        rows = live.execute(f"SELECT {columns} FROM {table}")  # noqa: S608 - constant names
        staged.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)  # noqa: S608 - constant names


def carry_failures(live: Connection, staged: Connection) -> None:
    """Give the staged file the live count of wrong passphrases unless its own is higher.

    The person who guesses may be the same one, so other secrets must not end the waiting time.
    """
    failures, failed_at = one_row(live, "SELECT failures, failed_at FROM vault_state")
    staged.execute(
        "UPDATE vault_state SET failures = max(failures, ?), failed_at = max(failed_at, ?)",
        (failures, failed_at),
    )


def continue_log_after(db: Connection, known_seq: int) -> int:
    """Give the next entry of the log a number above `known_seq`; return the last one in use."""
    last_seq = chain_head(db).seq
    db.execute("UPDATE audit_state SET seq = max(seq, ?)", (known_seq,))
    return last_seq


def finish(db: Connection, clock: Clock, *, served: bool) -> None:
    """Close the runs that were running and mark the file as restored.

    `served` says that this process goes on to serve the file, which has then not been closed.
    """
    close_interrupted(db, clock.now_ms())
    meta.write(db, meta.CLEAN_END, int(not served))
    meta.write(db, meta.RESTORED_STATE, snapshot.fingerprint(db))
