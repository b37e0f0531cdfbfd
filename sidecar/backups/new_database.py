"""The database that a restore puts in place, while it is a file that nothing else opens."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from sidecar import files
from sidecar.backups.directory import Backup
from sidecar.backups.verify import Report, check_cancelled, unpack_and_examine
from sidecar.clock import Clock
from sidecar.errors import StorageFailed
from sidecar.store import settings
from sidecar.store.connection import Connection
from sidecar.store.repair import checks
from sidecar.store.secrets import has_slots, providers
from sidecar.store.transfer import carry_over
from sidecar.store.unserved_file import open_unsynced
from sidecar.vocabularies import RestoredSecrets

SecretsSource = Literal["live", "backup"]
"""Where the secrets after a restore come from: from the replaced database or from the backup."""


class NewDatabase(NamedTuple):
    """A backup's database, unpacked, examined and brought to the current schema version."""

    path: Path
    backup: Backup
    migrated_from: int | None
    counts: dict[str, int]
    findings: list[checks.Finding]
    sha256: str
    """Hash of the file as it was examined."""

    def require_unchanged(self) -> None:
        """Check that the file is the one that was examined.

        Raises:
            StorageFailed: it was changed since then.
        """
        if files.sha256_of(self.path) != self.sha256:
            raise StorageFailed("The unpacked backup was changed after it was examined.")


class SecretsAfterwards(NamedTuple):
    """Which secrets are there after a restore."""

    outcome: RestoredSecrets
    providers: list[str]
    """The providers with a key afterwards."""
    lost_providers: list[str]
    """The providers with a key now and none afterwards."""


class SettingDifference(NamedTuple):
    """A setting and its values before and after a restore: JSON text, or None for no setting."""

    key: str
    before: str | None
    after: str | None


def bring_in(
    backup: Path, path: Path, clock: Clock, report: Report, is_cancelled: Callable[[], bool]
) -> NewDatabase:
    """Unpack a backup to `path`, examine it, migrate it and mend its indexes.

    Raises:
        BackupRejected: something in the backup is wrong.
        Cancelled: `is_cancelled` returned True.
        DatabaseFull: there is no room to unpack the backup.
    """
    manifest, examined = unpack_and_examine(backup, path, report, is_cancelled)
    with open_unsynced(path) as db:
        migrated_from = carry_over.migrate(db, clock)
        findings = [*examined.findings, *checks.index_words_of_copy(db)]
    # A connection on which an index was found damaged is not used again.
    with open_unsynced(path) as db:
        carry_over.rebuild_indexes(db, findings)
    check_cancelled(is_cancelled)
    found = Backup(backup, manifest, backup.stat().st_size)
    return NewDatabase(path, found, migrated_from, examined.counts, findings, files.sha256_of(path))


def secrets_afterwards(
    new: NewDatabase, old: Connection | None, source: SecretsSource
) -> SecretsAfterwards:
    """Return which secrets are there once `new` has replaced the database behind `old`.

    Without `old`, which then cannot be read, they are those of the backup.
    """
    with open_unsynced(new.path) as db:
        new_providers = providers(db)
        new_has_secrets = has_slots(db)
    old_providers = [] if old is None else providers(old)
    if old is not None and source == "live":
        return SecretsAfterwards("kept" if has_slots(old) else "none", old_providers, [])
    lost = [name for name in old_providers if name not in new_providers]
    return SecretsAfterwards("from_backup" if new_has_secrets else "none", new_providers, lost)


def setting_changes(old: Connection, new_path: Path) -> list[SettingDifference]:
    """Return the settings that would change when the file at `new_path` replaces `old`."""
    with open_unsynced(new_path) as db:
        after = {each.key: each.value for each in settings.by_prefix(db, "")}
    before = {each.key: each.value for each in settings.by_prefix(old, "")}
    return [
        SettingDifference(key, before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key) and key not in settings.GUARDING
    ]
