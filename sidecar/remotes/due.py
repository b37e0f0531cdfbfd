"""Finds the backups and entries of the audit log that were not yet pushed to a remote."""

from pathlib import Path

from msgspec import MsgspecError, json

from sidecar.backups import directory
from sidecar.backups.directory import Backup
from sidecar.remotes.heads import Head
from sidecar.store import remotes, settings
from sidecar.store.connection import Connection
from sidecar.store.transfer import snapshot


def due_backups(db: Connection, database: Path, name: str, device: str) -> list[Backup]:
    """Return the backups to push to a remote, the oldest first.

    These are the backups with secrets (without them another machine would lack the keys) that are
    newer than the last backup that was pushed; before the first push, only the newest one.
    """
    newest = remotes.newest_head(db, name, device, "backup")
    sealed = [each for each in directory.list_own(db, database) if has_secrets(each)]
    if newest is None:
        return sealed[:1]
    names = [each.name for each in sealed]
    if newest.subject in names:
        return sealed[: names.index(newest.subject)][::-1]
    made_at = _made_at(newest.head)
    return [each for each in reversed(sealed) if each.manifest.created_at > made_at]


def _made_at(head: str) -> int:
    """Return when the backup of a head was made, 0 when the head is damaged."""
    try:
        return json.decode(head.partition("\n")[0], type=Head).made_at
    except MsgspecError:
        return 0


def has_secrets(backup: Backup) -> bool:
    """Return whether a backup has the sealed secrets and the slots that open them."""
    return backup.manifest.secrets == "sealed"


def is_newest_sealed_unchanged(db: Connection, database: Path) -> bool:
    """Return whether the newest backup with secrets holds the same data as the database."""
    sealed = [each for each in directory.list_own(db, database) if has_secrets(each)]
    return bool(sealed) and sealed[0].manifest.state == snapshot.fingerprint(db).hex()


def entries_after(db: Connection, name: str, device: str) -> int | None:
    """Return the number of the newest entry that was pushed; None where the log is not pushed."""
    if settings.choice(db, "remote_audit") != "true":
        return None
    newest = remotes.newest_head(db, name, device, "audit")
    return int(newest.subject) if newest is not None and newest.subject.isdigit() else 0
