"""Making one backup: purge deleted data, copy the database, examine and pack the copy, log it.

The entry in the audit log is committed together with the rename that gives the file its name, so
a backup that cannot be logged does not exist. Several can be made at the same time.
"""

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from msgspec.structs import replace

from sidecar import __version__, digests, files, limits, log, purging
from sidecar.archive.manifest import Head, Mac, Manifest
from sidecar.archive.write import partial_file, publish_backup, write_backup
from sidecar.backups import directory
from sidecar.backups.directory import Backup
from sidecar.backups.marker import prepare_folder
from sidecar.backups.retention import request_retention
from sidecar.backups.verify import compare
from sidecar.context import LongContext
from sidecar.errors import BackupRejected, DatabaseDamaged, DatabaseFull, PurgeBlocked
from sidecar.notifications import SystemWarning
from sidecar.redaction import add_secret
from sidecar.store import meta, remotes, settings
from sidecar.store.connection import Connection, Store
from sidecar.store.interrupt import interruptible
from sidecar.store.pragmas import sqlite_version
from sidecar.store.repair import checks
from sidecar.store.scratch import scratch_folder
from sidecar.store.search import indexes
from sidecar.store.transfer import snapshot
from sidecar.store.transfer.examine import Untrusted, examine
from sidecar.store.transfer.snapshot import Snapshot
from sidecar.store.unserved_file import open_unsynced, transaction
from sidecar.vocabularies import BackupReason, BackupSecrets, ProgressPhase

_HOUR_MS: Final = 3_600_000
_NAMES_SHOWN: Final = 10

_warned_of: WeakKeyDictionary[Store, list[str]] = WeakKeyDictionary()
"""The foreign objects of each database of which the last warning was."""


class Created(NamedTuple):
    """A backup, and how long it took to make it."""

    backup: Backup
    duration_ms: int
    omitted: list[str]
    """Foreign objects of the schema that it lacks, as `view late_runs`."""


def manifest_mac(ctx: LongContext) -> Mac:
    """Return the function that authenticates manifests; None while the vault is locked.

    The function works until the request ends, even when the vault is locked meanwhile. Its key
    is then wiped with the request's other secrets.
    """
    with ctx.store.lock:
        keys = ctx.vault.keys
        if keys is None or ctx.vault.ephemeral:
            return None
        key = bytearray(keys.backup_mac)
    add_secret(key)
    return lambda message: digests.hmac_sha256(key, message)


def create_backup(
    ctx: LongContext,
    reason: BackupReason,
    *,
    label: str | None = None,
    include_secrets: bool = False,
    last: bool = False,
    details: dict[str, str] | None = None,
) -> Created:
    """Make a backup while other requests are served.

    `last` says that the request does nothing after it; `details` are added to the log's entry.

    Raises:
        Cancelled: the request was cancelled; no backup was made.
        DatabaseDamaged: the database is damaged, so a copy of it would be too.
        DatabaseFull: the disk has no room for the copy or for the backup.
        ReadOnly: the folder of backups cannot be written to.
    """
    with files.wire_errors():
        purge_deleted(ctx)
        return create_backup_from(
            ctx,
            ctx.reading(),
            reason,
            label=label,
            include_secrets=include_secrets,
            last=last,
            details=details,
        )


def purge_deleted(ctx: LongContext) -> None:
    """Purge what was deleted, so that it does not get into a backup.

    Where the log was cut off nothing can be purged, and the backup is the last copy of the data.
    Where another process serves the database that one purges.
    """
    if ctx.store.takes_writes and purging.is_due(ctx):
        # What blocks a purge is in the write-ahead log alone, and that is not copied.
        with suppress(PurgeBlocked):
            purging.run(ctx, quiet=True)


def create_backup_if_changed(
    ctx: LongContext, reason: BackupReason, details: dict[str, str] | None = None
) -> None:
    """Make a backup unless the newest one holds the same data as the database."""
    with ctx.reading() as db:
        if _is_unchanged(db, directory.list_own(db, ctx.store.path)):
            return
        # A remote gets the same file: without the secrets another machine would lack the keys.
        is_pushed = remotes.any_set(db) and settings.choice(db, "remote_push") != '"off"'
    create_backup(ctx, reason, include_secrets=is_pushed, details=details)


def create_backup_if_due(ctx: LongContext) -> None:
    """Make an automatic backup when the interval of the settings has passed since the newest."""
    interval_ms, age_ms = interval_and_age(ctx)
    if interval_ms and (age_ms is None or age_ms >= interval_ms):
        create_backup_if_changed(ctx, "interval", {"by": "timer"})


def interval_and_age(ctx: LongContext) -> tuple[int, int | None]:
    """Return the interval of automatic backups, 0 for none, and the age of the newest backup.

    The age is None when there is no backup; one that is dated in the future does not count.
    """
    with ctx.reading() as db:
        interval_ms = settings.number(db, "backup_interval_hours") * _HOUR_MS
        backups = directory.list_own(db, ctx.store.path)
    now_ms = ctx.clock.now_ms()
    ages_ms = [now_ms - each.manifest.created_at for each in backups]
    return interval_ms, min((age for age in ages_ms if age >= -limits.CLOCK_JUMP_MS), default=None)


def create_backup_from(
    ctx: LongContext,
    reading: AbstractContextManager[Connection],
    reason: BackupReason,
    *,
    label: str | None = None,
    include_secrets: bool = False,
    last: bool = False,
    details: dict[str, str] | None = None,
) -> Created:
    """Make a backup of what the connection `reading` sees; it is closed once its pages are copied.

    The caller must have purged deleted data.
    """
    began_ms = ctx.clock.monotonic_ms()
    path = ctx.store.path
    with scratch_folder(path) as scratch:
        copy = scratch / "copy"
        with reading as source:
            folder = directory.folder_of(source, path)
            named = settings.folder(source, "backup_directory") is not None
            prepare_folder(ctx, source, folder, named=named, by_person=reason == "manual")
            store_id = meta.store_id(source).hex()
            directory.remove_partial_files(folder, store_id, scratch.stat().st_mtime)
            _check_room(path, folder)
            copied = _copy(ctx, source, copy, include_secrets=include_secrets)
        described = _examine(ctx, copy, _describe(ctx, copied, reason, label))
        with _new_file(folder, ctx.clock.now_ms(), store_id) as (target, partial):
            manifest = _pack(ctx, copy, partial, described)
            # Removed before the lock is taken, because removing a large file takes time.
            copy.unlink()
            backup = Backup(target, manifest, partial.stat().st_size)
            backup = _publish(ctx, partial, backup, last=last, details=details or {})
    request_retention(ctx)
    if include_secrets:
        ctx.session.schedule(remotes.CHORE, 0, at_latest=True)
    _warn_of_omitted(ctx, copied.omitted)
    return Created(backup, round(ctx.clock.monotonic_ms() - began_ms), copied.omitted)


@contextmanager
def _new_file(folder: Path, at_ms: int, store_id: str) -> Iterator[tuple[Path, Path]]:
    """Yield the name of a new backup and the unfinished file of it, which no other backup has."""
    with ExitStack() as stack:
        partial = None
        while partial is None:
            target = directory.unused_path(folder, at_ms, store_id)
            with suppress(FileExistsError):  # a backup made at the same time was quicker
                partial = stack.enter_context(partial_file(target, store_id))
        yield target, partial


def _check_room(path: Path, folder: Path) -> None:
    """Raise DatabaseFull before anything is written when the copy and the backup may not fit."""
    size_bytes = path.stat().st_size
    copies = 2 if path.parent.stat().st_dev == folder.stat().st_dev else 1
    required_bytes = copies * size_bytes + limits.BACKUP_ROOM_BYTES
    for place in (path.parent, folder):
        if shutil.disk_usage(place).free < required_bytes:
            raise DatabaseFull("There is no room for a backup; older ones are kept.")


def _copy(ctx: LongContext, source: Connection, copy: Path, *, include_secrets: bool) -> Snapshot:
    """Copy one state of the database; the copy is the first quarter of the reported progress."""
    total_bytes = 4 * int(source.pragma("page_count")) * int(source.pragma("page_size"))

    def step(done_bytes: int) -> None:
        ctx.progress("copy", done_bytes, max(total_bytes, 4 * done_bytes), "bytes")

    return snapshot.take(
        source,
        copy,
        include_secrets=include_secrets,
        cancelled=ctx.cancel_event.is_set,
        step=step,
    )


def _examine(ctx: LongContext, copy: Path, manifest: Manifest) -> Manifest:
    """Examine the copy as a restore examines what it unpacks; return its manifest.

    Search indexes that are damaged are emptied in the copy, and rebuilt in both files.

    Raises:
        DatabaseDamaged: a restore would refuse the backup.
    """
    size_bytes = manifest.database_bytes

    def step(done: int, total: int) -> None:
        ctx.check_cancelled()
        share = done * size_bytes // max(total, 1)
        ctx.progress("check", size_bytes + share, 4 * size_bytes, "bytes")

    cancelled = ctx.cancel_event.is_set
    try:
        examined = examine(copy, cancelled=cancelled, step=step)
        compare(manifest, examined)
    except (Untrusted, BackupRejected):
        raise DatabaseDamaged(
            "The database is damaged; no backup was made. Run system.check."
        ) from None
    with open_unsynced(copy) as db, interruptible(db, cancelled):
        found = [*examined.findings, *checks.index_words_of_copy(db)]
    if any(finding.kind == "search_index" for finding in found):
        # A connection on which an index was found damaged is not used again.
        with open_unsynced(copy) as db, transaction(db):
            indexes.mark_all_pending(db)
        with ctx.store.lock:
            indexes.start_rebuild(ctx.store)
    return replace(manifest, database_bytes=copy.stat().st_size)


def _warn_of_omitted(ctx: LongContext, omitted: list[str]) -> None:
    """Send a warning about foreign objects, once for each set of them."""
    if omitted and _warned_of.get(ctx.store) != omitted:
        _warned_of[ctx.store] = omitted
        names = ", ".join(omitted[:_NAMES_SHOWN])
        detail = f"Backups omit what is not of this program: {names}."
        ctx.emit(SystemWarning("foreign_objects", detail))


def _pack(ctx: LongContext, copy: Path, partial: Path, manifest: Manifest) -> Manifest:
    """Write the backup and read it back, the third and the last quarter of the progress."""
    size_bytes = manifest.database_bytes

    def step(done_bytes: int) -> None:
        ctx.check_cancelled()
        phase: ProgressPhase = "pack" if done_bytes <= size_bytes else "verify"
        ctx.progress(phase, 2 * size_bytes + done_bytes, 4 * size_bytes, "bytes")

    return write_backup(copy, partial, manifest, mac=manifest_mac(ctx), step=step)


def _describe(
    ctx: LongContext, copied: Snapshot, reason: BackupReason, label: str | None
) -> Manifest:
    """Return the manifest of a copy, without what is known only once it is packed."""
    secrets: BackupSecrets = "sealed" if copied.has_secrets else "none"
    return Manifest(
        program=__version__,
        sqlite=sqlite_version(),
        schema_version=copied.schema_version,
        created_at=ctx.clock.now_ms(),
        reason=reason,
        label=label,
        store_id=copied.store_id.hex(),
        epoch=copied.epoch,
        head=Head(copied.head.seq, copied.head.mac.hex()),
        state=copied.fingerprint.hex(),
        counts=copied.counts,
        secrets=secrets,
        database_bytes=copied.size_bytes,
    )


def _publish(
    ctx: LongContext, partial: Path, backup: Backup, *, last: bool, details: dict[str, str]
) -> Backup:
    """Give the file its name and log the backup; when one of the two fails, undo both.

    Return the backup, with another name where another process was quicker to take the first.
    """
    while True:
        try:
            _publish_as(ctx, partial, backup, last=last, details=details)
        except FileExistsError:
            store_id, at_ms = backup.manifest.store_id, backup.manifest.created_at
            path = directory.unused_path(backup.path.parent, at_ms, store_id)
            backup = backup._replace(path=path)
        else:
            return backup


def _publish_as(
    ctx: LongContext, partial: Path, backup: Backup, *, last: bool, details: dict[str, str]
) -> None:
    """Log the backup and give it its name in one transaction.

    Where nothing can be written to the database, the backup is made without an entry.

    Raises:
        FileExistsError: another file has the name.
    """
    manifest = backup.manifest
    if not ctx.store.takes_writes:
        publish_backup(partial, backup.path)
        log.warning("backup_not_audited", name=backup.name)
        return
    published = False  # until then the name may be that of another file
    try:
        with ctx.writing(last=last):
            ctx.audit(
                "backup_create",
                backup.name,
                reason=manifest.reason,
                secrets=manifest.secrets,
                database_bytes=manifest.database_bytes,
                size_bytes=backup.size_bytes,
                **details,
            )
            publish_backup(partial, backup.path)
            published = True
    except BaseException:
        if published:
            backup.path.unlink(missing_ok=True)
        raise


def _is_unchanged(db: Connection, backups: list[Backup]) -> bool:
    """Return whether the newest of `backups`, or the backup restored last, holds the same data."""
    fingerprint = snapshot.fingerprint(db)
    if fingerprint == meta.read(db, meta.RESTORED_STATE) or snapshot.is_untouched(db):
        return True
    return bool(backups) and backups[0].manifest.state == fingerprint.hex()
