"""Putting a backup in the database's place, wholly or not at all.

Everything that can be refused is refused before anything is touched: the backup is unpacked and
looked at beside the database, brought up to date, and given what is to stay. Then the file is
staged and `store.swap` carries the rest out, also after a kill.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from sidecar import files
from sidecar.archive.manifest import Manifest
from sidecar.backups import directory
from sidecar.backups import verify as verifying
from sidecar.backups.verify import Tell
from sidecar.clock import Clock
from sidecar.store import audit, meta, swap
from sidecar.store.connection import Connection
from sidecar.store.files import remove_database
from sidecar.store.repair import checks, recover
from sidecar.store.transaction import transaction
from sidecar.store.transfer import carry_over as carrying
from sidecar.store.unserved_file import opened_alone

Which = Literal["live", "backup"]
"""Whose secrets are there afterwards."""

Kept = Literal["kept", "from_backup", "none"]

LogEntry = Callable[[Connection, dict[str, Any]], int]
"""Writes the entry of the restore into the new file; its number."""


class Incoming(NamedTuple):
    """A backup that is unpacked beside the database and may take its place."""

    path: Path
    manifest: Manifest
    migrated_from: int | None
    counts: dict[str, int]
    findings: list[checks.Finding]


class Secrets(NamedTuple):
    """What becomes of secrets."""

    kept: Kept
    providers: list[str]
    """Whose keys are there afterwards."""
    lost: list[str]
    """Whose keys are there now and not afterwards."""


class Built(NamedTuple):
    """A staged file with all that it receives."""

    epoch: int
    seq: int
    secrets: Secrets


class Offline(NamedTuple):
    """A restore on the file itself."""

    incoming: Incoming
    secrets: Secrets
    built: Built | None
    """None where only to tell what would become was asked."""
    kept_aside: str | None
    """Name that the old file was given."""


def bring_in(
    backup: Path, database: Path, clock: Clock, tell: Tell, *, cancelled: Callable[[], bool]
) -> Incoming:
    """Unpack a backup beside the database, look at it, bring it up to date, mend its indexes.

    Who calls removes the file.

    Raises:
        BackupRejected: it is not to be believed.
        Cancelled: `cancelled` said so.
        DatabaseFull: there is no room for it.
    """
    path = files.beside(database, swap.INCOMING)
    manifest, examined = verifying.unpack(backup, path, tell, cancelled=cancelled)
    with opened_alone(path) as db:
        migrated_from = carrying.bring_up(db, clock)
        findings = [*examined.findings, *checks.index_words_of_copy(db)]
    with opened_alone(path) as db:
        carrying.mend(db, findings)
    verifying.stop_if(cancelled)
    return Incoming(path, manifest, migrated_from, examined.counts, findings)


def what_becomes_of_secrets(live: Connection | None, incoming: Incoming, which: Which) -> Secrets:
    """Tell it before it is done."""
    with opened_alone(incoming.path) as db:
        theirs = carrying.providers(db)
        has = carrying.has_secrets(db)
    ours = [] if live is None else carrying.providers(live)
    if live is not None and which == "live":
        return Secrets("kept" if carrying.has_secrets(live) else "none", ours, [])
    lost = [name for name in ours if name not in theirs]
    return Secrets("from_backup" if has else "none", theirs, lost)


def build(
    live: Connection | None,
    incoming: Incoming,
    which: Which,
    clock: Clock,
    *,
    log: LogEntry,
    details: dict[str, Any],
    known_seq: int = 0,
    is_own_root: Callable[[Connection], bool] = lambda _db: False,
) -> Built:
    """Give the new file what is to stay, and the entry of the restore; nobody writes to `live`.

    The log goes on sealed where `is_own_root` says that the backup's secrets lie under the root
    key that sealed it; without `live`, after the number `known_seq`.

    Raises:
        AuditUnavailable: the log cannot take the entry; then nothing is replaced.
    """
    secrets = what_becomes_of_secrets(live, incoming, which)
    with opened_alone(incoming.path) as db, transaction(db):
        live_epoch = 0
        more = {**details, "secrets": secrets.kept}
        if live is None:
            more[audit.CONTINUES] = carrying.skip_numbers(db, known_seq)
        else:
            live_epoch = meta.epoch(live)
            carrying.chain(live, db)
            if which == "live":
                carrying.secrets(live, db)
            else:
                carrying.wrong_tries(live, db)
                if not is_own_root(db) and (carrying.has_secrets(db) or audit.is_sealed(db)):
                    audit.restart_unsealed(db)
        epoch = meta.raise_epoch(db, live_epoch)
        seq = log(db, more)
        carrying.settle(db, clock, served=live is not None)
    return Built(epoch, seq, secrets)


def stage(incoming: Incoming, database: Path) -> None:
    """Make the new file the one that a swap puts in place."""
    staged = swap.staged_path(database)
    remove_database(staged)
    incoming.path.replace(staged)


def known_seq(folder: Path, manifest: Manifest) -> int:
    """The highest number of an entry that is known to have been given in this database's log.

    A backup is followed by the entry of its own making.
    """
    own = directory.of_store(directory.listed(folder), bytes.fromhex(manifest.store_id))
    return max(each.head.seq + 1 for each in (manifest, *(backup.manifest for backup in own)))


def offline(
    backup: Path, database: Path, clock: Clock, tell: Tell, *, dry_run: bool = False
) -> Offline:
    """Restore where the database is missing or does not open; what is there is kept aside.

    The caller holds the database's lock.

    Raises:
        BackupRejected: it is not to be believed; nothing was touched.
        DatabaseFull: there is no room for it.
    """
    files.make_folder(database.parent)

    def log(db: Connection, details: dict[str, Any]) -> int:
        name = backup.name if directory.is_name(backup.name) else "file"
        text = msgspec.json.encode(details).decode()
        return audit.append(db, clock.now_ms(), "restore", name, text).seq

    with files.wire_errors():
        try:
            incoming = bring_in(backup, database, clock, tell, cancelled=lambda: False)
            if dry_run:
                becomes = what_becomes_of_secrets(None, incoming, "backup")
                return Offline(incoming, becomes, None, None)
            known = known_seq(database.parent / directory.DEFAULT, incoming.manifest)
            facts = described(incoming)
            built = build(None, incoming, "backup", clock, known_seq=known, log=log, details=facts)
            keep = recover.quarantine_name(database, clock) if database.exists() else None
            stage(incoming, database)
            swap.replace(database, clock, keep=keep)
        finally:
            remove_database(files.beside(database, swap.INCOMING))
    return Offline(incoming, built.secrets, built, keep)


def described(incoming: Incoming) -> dict[str, Any]:
    """What the log says of the backup."""
    return {
        "created_at": incoming.manifest.created_at,
        "from_seq": incoming.manifest.head.seq,
        "sha256": incoming.manifest.sha256,
    }
