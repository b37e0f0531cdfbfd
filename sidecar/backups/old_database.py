"""The database that a restore replaces: one that this process serves, or one that does not open.

Both classes offer the steps of `restore_backup` that depend on the old database. A served
database may turn out to be damaged at any step; then that step is done as for one that does not
open.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from sidecar.backups import directory
from sidecar.backups.create import create_backup_from, purge_deleted
from sidecar.backups.new_database import (
    NewDatabase,
    SecretsAfterwards,
    SecretsSource,
    SettingDifference,
    bring_in,
    secrets_afterwards,
    setting_changes,
)
from sidecar.backups.openable_keys import is_own_root, openable_providers
from sidecar.backups.verify import Report, log_rejection
from sidecar.clock import Clock
from sidecar.context import LongContext
from sidecar.errors import BackupRejected, DatabaseDamaged, RecoveryRequired
from sidecar.files import sha256_of
from sidecar.notifications import SecretsChanged, SystemRestored
from sidecar.store import backup_names, meta, swap, tables
from sidecar.store.audit.log import (
    add_checkpoint,
    append_entry,
    chain_head,
    is_log_sealed,
    restart_log_unsealed,
)
from sidecar.store.audit.verify import CONTINUES
from sidecar.store.compact import swap_served
from sidecar.store.connection import Connection
from sidecar.store.repair.recover import quarantine_name
from sidecar.store.secrets import has_slots
from sidecar.store.sqlite_errors import is_full, spoils_connection
from sidecar.store.tables import hold_secrets
from sidecar.store.transfer import carry_over
from sidecar.store.unserved_file import open_to_serve, open_unsynced
from sidecar.store.vault_marks import read_marks
from sidecar.vault.crypto import KEY_BYTES
from sidecar.vocabularies import RestoredSecrets, SecretsState

T = TypeVar("T")

_UNPACK_PARTS: Final = 2
_BACKUP_PARTS: Final = 4
"""How often the progress counts the bytes of the new database, and then those of the old one."""

_STATE_AFTER: Final[Mapping[RestoredSecrets, SecretsState]] = {
    "from_backup": "locked",
    "none": "uninitialized",
}
"""The state of the secrets after a restore that has replaced them, by where they are from."""


class Content(NamedTuple):
    """The row counts and the id of the old database; damaged tables are omitted."""

    counts: dict[str, int]
    store_id: bytes
    """Empty when it cannot be read."""


class Preview(NamedTuple):
    """The rows that a restore would replace, and the values that it would change."""

    content: Content
    secrets: SecretsAfterwards
    openable: list[str] | None = None
    """The providers with a key that opens now; None while the vault is locked."""
    setting_changes: Sequence[SettingDifference] = ()
    """Empty when the settings of the old database cannot be read."""


class Preserved(NamedTuple):
    """Where the data of the old database is found after the restore."""

    safety_backup: str | None
    """Name of the backup made of it; None when it could not be read."""
    file_name: str | None
    """Name beside the database that its file is kept under, when there is no such backup."""


class Built(NamedTuple):
    """What was written into the new database last, before it is put in place."""

    epoch: int
    seq: int
    """Number of the audit log's entry about the restore."""
    secrets: SecretsAfterwards
    sha256: str
    """Hash of the finished file."""
    counts: dict[str, int]
    """Rows of each table in it."""


class UnservedDatabase:
    """A database that is missing or does not open: it is replaced without being read.

    The caller holds its `DatabaseLock`.
    """

    is_served = False

    def __init__(self, path: Path, clock: Clock, report: Report) -> None:
        """Take the path of the database's file, which need not exist."""
        self.path = path
        self.clock = clock
        self.report = report

    def is_cancelled(self) -> bool:
        """Return whether the restore is to stop."""
        return False

    def unpack(self, backup: Path, path: Path, *, dry_run: bool) -> NewDatabase:  # noqa: ARG002 - a part of the progress
        """Unpack the file `backup` to `path` and examine it, as `bring_in` does."""
        return bring_in(backup, path, self.clock, self.report, self.is_cancelled)

    def preview(self, new: NewDatabase, source: SecretsSource) -> Preview:
        """Return what a restore would replace and change."""
        return Preview(self.read_content(), secrets_afterwards(new, None, source))

    def alone(self) -> AbstractContextManager[None]:
        """Return a lock that keeps other threads from reading and writing this database."""
        return nullcontext()

    def read_content(self) -> Content:
        """Count the rows of each table; none are counted here, as the database does not open."""
        return Content({}, b"")

    def preserve(self) -> Preserved:
        """Make a backup of this database, or choose the name that its file is kept under."""
        is_left = any(each.exists() for each in swap.remnants(self.path))
        return Preserved(None, quarantine_name(self.path, self.clock) if is_left else None)

    def build(self, new: NewDatabase, source: SecretsSource, preserved: Preserved) -> Built:
        """Write into the new database what it takes over from this one, and its log entry.

        Raises:
            AuditUnavailable: the log cannot take the entry; then nothing is replaced.
        """
        return self._build(new, None, source, preserved)

    def _build(
        self, new: NewDatabase, old: Connection | None, source: SecretsSource, preserved: Preserved
    ) -> Built:
        """Build the new database; `old` is None when nothing can be read of the old one.

        Then the log of the backup is continued, with a number above every one known to be used.
        """
        manifest = new.backup.manifest
        secrets = secrets_afterwards(new, old, source)
        details: dict[str, Any] = {
            "created_at": manifest.created_at,
            "from_seq": manifest.head.seq,
            "sha256": manifest.sha256,
        }
        if self.is_served:
            details["safety_backup"] = preserved.safety_backup
        details["restored_secrets"] = secrets.outcome
        with open_to_serve(new.path) as db:
            if old is None:
                old_epoch = 0
                details[CONTINUES] = carry_over.continue_log_after(db, self._highest_known_seq(new))
            else:
                old_epoch = meta.epoch(old)
                self._carry_over(old, db, source)
            epoch = meta.raise_epoch(db, old_epoch)
            seq = self._log_restore(db, directory.logged_name(new.backup.name), details)
            if source == "backup":
                self._seal_secrets(db)
            carry_over.finish(db, self.clock, served=self.is_served)
            counts = {table: tables.count(db, table) for table in new.counts}
        return Built(epoch, seq, secrets, sha256_of(new.path), counts)

    def _carry_over(self, old: Connection, db: Connection, source: SecretsSource) -> None:
        """Copy into the new database `db` what it takes over from `old`: here nothing."""
        del old, db, source

    def _highest_known_seq(self, new: NewDatabase) -> int:
        """Return the highest number that an entry of this database's log is known to have.

        The first entry after each backup is the one about it, numbered one above its head.
        """
        store_id = bytes.fromhex(new.backup.manifest.store_id)
        backups = directory.of_store(directory.list_backups(self._backup_folder()), store_id)
        return max(each.manifest.head.seq + 1 for each in (new.backup, *backups))

    def _backup_folder(self) -> Path:
        """Return the folder of backups."""
        return self.path.parent / backup_names.DEFAULT

    def _log_restore(self, db: Connection, resource: str, details: dict[str, Any]) -> int:
        """Write the entry about the restore into the log of the new database; return its number."""
        text = msgspec.json.encode(details).decode()
        return append_entry(db, self.clock.now_ms(), "restore", resource, text).seq

    def _seal_secrets(self, db: Connection) -> None:
        """Seal the marks of the secrets that came from the backup into a log that stays sealed."""

    def swap(self, built: Built, keep: str | None) -> None:
        """Put the staged file in the place of this database; `keep` is the old file's new name."""
        swap.replace(self.path, self.clock, sha256=built.sha256, keep=keep)


class ServedDatabase(UnservedDatabase):
    """The database that this process serves."""

    is_served = True

    def __init__(self, ctx: LongContext) -> None:
        """Take the request that restores."""
        super().__init__(ctx.store.path, ctx.clock, ctx.progress)
        self._ctx = ctx
        self._store = ctx.store
        self._unpacked_bytes = 0

    def is_cancelled(self) -> bool:
        """Return whether the request was cancelled."""
        return self._ctx.cancel_event.is_set()

    def unpack(self, backup: Path, path: Path, *, dry_run: bool) -> NewDatabase:
        """Unpack and examine a backup; write to the audit log when it is rejected."""
        safety_bytes = (
            0 if dry_run or self._store.rescue else _BACKUP_PARTS * self.path.stat().st_size
        )
        try:
            with self._ctx.part_of_progress(after=safety_bytes):
                new = super().unpack(backup, path, dry_run=dry_run)
        except BackupRejected as rejected:
            log_rejection(self._ctx, rejected, backup.name, last=False)
            raise
        self._unpacked_bytes = _UNPACK_PARTS * new.backup.manifest.database_bytes
        return new

    def preview(self, new: NewDatabase, source: SecretsSource) -> Preview:
        """Read this database through a new connection, while other requests are served."""
        if self._store.rescue is not None:
            return super().preview(new, source)
        with self._ctx.reading() as db:
            content = self._count(lambda: db)
            secrets = self._unless_damaged(
                lambda: secrets_afterwards(new, db, source)
            ) or secrets_afterwards(new, None, source)
            changes = self._unless_damaged(partial(setting_changes, db, new.path)) or ()
        with self._store.lock, open_unsynced(new.path) as new_db:
            secrets_db = self._store.db if secrets.outcome == "kept" else new_db
            openable = openable_providers(self._ctx.vault, secrets_db)
        return Preview(content, secrets, openable, changes)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Purge deleted data, then keep other threads from the store."""
        self._unless_damaged(partial(purge_deleted, self._ctx))
        with self._store.exclusive():
            yield

    def read_content(self) -> Content:
        """Count the rows of this database through the shared connection."""
        return self._count(lambda: self._store.db)

    def _count(self, connection: Callable[[], Connection]) -> Content:
        """Count the rows of the tables that can be read; `connection` is called for each read."""
        counts = {}
        for table in tables.COUNTED:
            rows = self._unless_damaged(partial(_count_rows, connection, table))
            if rows is not None:
                counts[table] = rows
        store_id = self._unless_damaged(lambda: meta.store_id(connection()))
        return Content(counts, store_id or b"")

    def preserve(self) -> Preserved:
        """Make a backup with the secrets; when the database is damaged, keep its file instead."""
        with self._ctx.part_of_progress(before=self._unpacked_bytes):
            backup = self._unless_damaged(
                lambda: create_backup_from(
                    self._ctx, nullcontext(self._store.db), "restore", include_secrets=True
                )
            )
        self._ctx.check_cancelled()
        return Preserved(backup.backup.name, None) if backup else super().preserve()

    def build(self, new: NewDatabase, source: SecretsSource, preserved: Preserved) -> Built:
        """Take over from this database what can be read of it."""
        build = partial(self._build_from_store, new, source, preserved)
        if preserved.safety_backup is not None:
            # The database was sound a moment ago, so its secrets must not be given up.
            return self._retried(build)
        return self._unless_damaged(build) or super().build(new, source, preserved)

    def _build_from_store(
        self, new: NewDatabase, source: SecretsSource, preserved: Preserved
    ) -> Built:
        """Build the new database from the shared connection, whichever that is now."""
        return self._build(new, self._store.db, source, preserved)

    def _carry_over(self, old: Connection, db: Connection, source: SecretsSource) -> None:
        """Copy the log, guarding settings, and either the secrets or the number of failed unlocks.

        The log stays sealed only when the secrets that are there afterwards have the root key
        that sealed it.
        """
        carry_over.carry_audit_log(old, db)
        carry_over.carry_settings(old, db, self.clock)
        if source == "live":
            carry_over.carry_secrets(old, db)
            return
        carry_over.carry_failures(old, db)
        is_other_root = not is_own_root(self._ctx.vault, db)
        if is_other_root and (has_slots(db) or is_log_sealed(db)):
            restart_log_unsealed(db)

    def _highest_known_seq(self, new: NewDatabase) -> int:
        """Return the highest number in the log itself, where it can be read, or of the backups."""
        seq = self._unless_damaged(lambda: chain_head(self._store.db).seq) or 0
        return max(seq, super()._highest_known_seq(new))

    def _backup_folder(self) -> Path:
        """Return the folder that the settings name, or the default one when they are damaged."""
        folder = self._unless_damaged(lambda: directory.folder_of(self._store.db, self.path))
        return folder or super()._backup_folder()

    def _log_restore(self, db: Connection, resource: str, details: dict[str, Any]) -> int:
        """Write the entry about the restore, and send it as an event when the restore is done."""
        self._ctx.audit_in(db, "restore", resource, **details)
        return self._ctx.audit_seq

    def _seal_secrets(self, db: Connection) -> None:
        """Add a checkpoint where the log is still sealed by the root key that is unlocked."""
        keys = self._ctx.vault.keys
        if keys is not None and is_own_root(self._ctx.vault, db) and is_log_sealed(db):
            sealer = self._ctx.chain_sealer(keys)
            add_checkpoint(db, sealer, self.clock.random_bytes(KEY_BYTES), read_marks(db))

    def swap(self, built: Built, keep: str | None) -> None:
        """Swap the served file, announce it, and lock the vault when its secrets were replaced."""
        vault, store = self._ctx.vault, self._store
        before = self._secrets_before()
        swap_served(store, self.clock, sha256=built.sha256, keep=keep)
        if built.secrets.outcome != "kept" and not vault.ephemeral:
            # The unlocked root key is that of the old secrets.
            vault.lock()
        now = vault.state(is_set_up=hold_secrets(store.db))
        self._ctx.emit(SystemRestored(built.epoch, built.seq, now, built.secrets.outcome))
        after = _STATE_AFTER.get(built.secrets.outcome, before)
        if after != before and after is not None and not vault.ephemeral:
            self._ctx.emit(SecretsChanged(after, "restore", built.seq))
        self._ctx.hold_lock_until_answered()

    def _secrets_before(self) -> SecretsState | None:
        """Return the state of the secrets that clients know; None when it can no longer be read."""
        if self._store.rescue is not None:
            return "uninitialized"
        vault = self._ctx.vault
        return self._unless_damaged(lambda: vault.state(is_set_up=hold_secrets(self._store.db)))

    def _retried(self, act: Callable[[], T]) -> T:
        """Call `act`, and once more on a new connection when it fails as if there was damage."""
        try:
            return act()
        except Exception as fault:
            if not _may_be_damage(fault):
                raise
        self._store.reopen()
        return act()

    def _unless_damaged(self, act: Callable[[], T]) -> T | None:
        """Call `act`; return None when it fails on a new connection too, so there is damage."""
        try:
            return self._retried(act)
        except Exception as fault:
            if not _may_be_damage(fault):
                raise
        self._store.reopen()
        return None


def _count_rows(connection: Callable[[], Connection], table: str) -> int:
    """Count the rows of one table."""
    return tables.count(connection(), table)


def _may_be_damage(fault: Exception) -> bool:
    """Return whether an error can come from damage to the database, and not from a full disk."""
    is_damage = isinstance(fault, DatabaseDamaged | RecoveryRequired) or spoils_connection(fault)
    return is_damage and not is_full(fault)
