"""Putting a backup in the place of the database, completely or not at all.

`restore_backup` is the one sequence of steps, for a database that this process serves and for one
that does not open. Everything that can be refused is refused before the old database is changed.
The last step is a swap by `store.swap`: when the process is killed in it, the next start ends it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sidecar.backups.new_database import (
    NewDatabase,
    SecretsAfterwards,
    SecretsSource,
    SettingDifference,
)
from sidecar.backups.old_database import Built, Content, Preserved, UnservedDatabase
from sidecar.backups.verify import DATABASE
from sidecar.files import wire_errors
from sidecar.store import swap
from sidecar.store.scratch import scratch_folder


class Restored(NamedTuple):
    """The result of a restore, or the expected result in a dry run."""

    new: NewDatabase
    content: Content
    """The content of the database that was replaced."""
    secrets: SecretsAfterwards
    openable: list[str] | None = None
    """In a dry run the providers with a key that opens now; None while the vault is locked."""
    setting_changes: Sequence[SettingDifference] = ()
    """In a dry run the settings with another value afterwards."""
    preserved: Preserved = Preserved(None, None)
    built: Built | None = None
    """None in a dry run."""

    def counts(self) -> dict[str, int]:
        """Return the rows of each table afterwards; in a dry run those that are expected.

        The log is continued with the entries of the safety backup and of the restore.
        """
        if self.built is not None:
            return self.built.counts
        expected = dict(self.new.counts)
        if "access_log" in self.content.counts:
            expected["access_log"] = self.content.counts["access_log"] + 2
        if "secrets" in expected:
            expected["secrets"] = len(self.secrets.providers)
        return expected


def restore_backup(
    old: UnservedDatabase, backup: Path, source: SecretsSource, *, dry_run: bool
) -> Restored:
    """Put the database in the file `backup` in the place of `old`; a dry run changes nothing.

    `source` says which database the secrets afterwards come from.

    Raises:
        AuditUnavailable: the restore cannot be logged; nothing was changed.
        BackupRejected: something in the backup is wrong; nothing was changed.
        Cancelled: the request was cancelled before the swap; nothing was changed.
        DatabaseBusy: a reader did not end in time; nothing was changed.
        DatabaseFull: there is no room for the new database; nothing was changed.
        RecoveryRequired: the swap failed and is completed by the next start.
        StorageFailed: what was unpacked was changed after it was examined; nothing was changed.
    """
    with wire_errors(), scratch_folder(old.path) as folder:
        new = old.unpack(backup, folder / DATABASE, dry_run=dry_run)
        if dry_run:
            return Restored(new, *old.preview(new, source))
        with old.alone():
            # No other request writes from here on: the backup has everything acknowledged.
            content = old.read_content()
            preserved = old.preserve()
            new.require_unchanged()
            built = old.build(new, source, preserved)
            swap.stage(new.path, old.path)
            old.swap(built, preserved.file_name)
            return Restored(new, content, built.secrets, preserved=preserved, built=built)
