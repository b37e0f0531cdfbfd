"""One backup from beginning to end: purge, moment, file, entry; and later those that go for it.

The entry of the audit log is committed with the renaming that gives the file its name: a backup
that cannot be logged is not there. One at a time; a second one waits.
"""

import shutil
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from sidecar import __version__, files, limits, purging
from sidecar.archive import write as writing
from sidecar.archive.manifest import Head, Mac, Manifest, Reason, Secrets
from sidecar.backups import directory, retention
from sidecar.backups.directory import Backup
from sidecar.context import LongContext
from sidecar.errors import DatabaseFull, PurgeBlocked
from sidecar.redaction import hold
from sidecar.store import meta, purge, settings, swap
from sidecar.store.connection import Connection, Store
from sidecar.store.files import remove_database
from sidecar.store.pragmas import sqlite_version
from sidecar.store.search import indexes
from sidecar.store.transfer import snapshot
from sidecar.store.transfer.snapshot import Snapshot
from sidecar.vault import crypto

_DATABASE_SHARE: Final = 4
"""Without a bound of bytes: so many times the database, and at least the next."""
_KEEP_BYTES_LEAST: Final = 1024 * limits.MIB

CHORE: Final = "backups"
"""The chore that makes backups by itself, and deletes those that have become superfluous."""


class _Turn:
    """Whose turn it is at a database, and whether old backups wait to be deleted."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.retire_due = False


_turns: WeakKeyDictionary[Store, _Turn] = WeakKeyDictionary()


class Made(NamedTuple):
    """A backup, and what else came of it."""

    backup: Backup
    duration_ms: int
    search_damaged: bool


def current_mac(ctx: LongContext) -> Mac:
    """What codes manifests under the root key; None while nothing is unlocked.

    It outlives a lock in the middle of a backup: its key goes when the request is done.
    """
    with ctx.store.lock:
        keys = ctx.vault.keys
        if keys is None or ctx.vault.ephemeral:
            return None
        key = bytearray(keys.backup_mac)
    hold(key)
    return lambda message: crypto.mac(key, message)


@contextmanager
def exclusively(ctx: LongContext) -> Iterator[None]:
    """Wait until nobody else makes or restores a backup of this database.

    Raises:
        Cancelled: the request was, while it waited.
    """
    lock = _turns.setdefault(ctx.store, _Turn()).lock
    while not lock.acquire(timeout=limits.BACKUP_TURN_LOOK_MS / 1000):
        ctx.check_cancelled()
    try:
        yield
    finally:
        lock.release()


def make(
    ctx: LongContext,
    reason: Reason,
    *,
    label: str | None = None,
    include_secrets: bool = False,
    last: bool = False,
    details: dict[str, str] | None = None,
) -> Made:
    """Make a backup while others go on; `last` when nothing follows it in its request.

    Raises:
        Cancelled: nothing was made.
        DatabaseDamaged: the database is, so that no backup of it would be one.
        DatabaseFull: there is no room for it.
        ReadOnly: the folder cannot be written.
    """
    with exclusively(ctx), files.wire_errors():
        purge_first(ctx)
        return make_from(
            ctx,
            ctx.reading(),
            reason,
            label,
            include_secrets=include_secrets,
            last=last,
            details=details or {},
        )


def purge_first(ctx: LongContext) -> None:
    """Let nothing that was deleted get into a backup."""
    if purging.is_due(ctx):
        # What blocks it is in the write-ahead log alone, and that is not copied.
        with suppress(PurgeBlocked):
            purging.run(ctx, quiet=True)


def make_if_changed(
    ctx: LongContext, reason: Reason, details: dict[str, str] | None = None
) -> Made | None:
    """Make one unless the newest backup holds all that the database does."""
    with ctx.reading() as db:
        found = directory.listed(directory.place(db, ctx.store.path))
        if is_unchanged(db, directory.of_store(found, meta.store_id(db))):
            return None
    return make(ctx, reason, details=details)


def make_from(
    ctx: LongContext,
    reading: AbstractContextManager[Connection],
    reason: Reason,
    label: str | None,
    *,
    include_secrets: bool,
    last: bool,
    details: dict[str, str],
) -> Made:
    """The same of what a connection sees, which is let go as soon as its pages are copied.

    Who calls has the turn.
    """
    began_ms = ctx.clock.monotonic_ms()
    path = ctx.store.path
    copy = files.beside(path, swap.SNAPSHOT)
    try:
        with reading as source:
            folder = directory.place(source, path)
            files.make_folder(folder)
            directory.sweep(folder)
            _check_room(path, folder)
            taken = _take(ctx, source, copy, include_secrets=include_secrets)
        target = directory.free_name(folder, ctx.clock.now_ms())
        if taken.search_damaged:
            with ctx.store.lock:
                indexes.start_rebuild(ctx.store)
        with writing.unfinished(target) as partial:
            manifest = _pack(ctx, copy, partial, _describe(ctx, taken, reason, label))
            # Before the lock is taken: to remove a large file takes a while.
            copy.unlink()
            backup = Backup(target, manifest, partial.stat().st_size)
            _publish(ctx, partial, backup, last=last, details=details)
    finally:
        remove_database(copy)
    _turns.setdefault(ctx.store, _Turn()).retire_due = True
    ctx.session.schedule(CHORE, limits.BACKUP_RETIRE_MS, at_latest=True)
    duration_ms = round(ctx.clock.monotonic_ms() - began_ms)
    return Made(backup, duration_ms, taken.search_damaged)


def _check_room(path: Path, folder: Path) -> None:
    """Refuse before anything is written what would fill the disk: a copy, and what it packs to."""
    size_bytes = path.stat().st_size
    copies = 2 if path.parent.stat().st_dev == folder.stat().st_dev else 1
    wanted_bytes = copies * size_bytes + limits.BACKUP_ROOM_BYTES
    for place in (path.parent, folder):
        if shutil.disk_usage(place).free < wanted_bytes:
            raise DatabaseFull("There is no room for a backup; older ones are kept.")


def _take(ctx: LongContext, source: Connection, copy: Path, *, include_secrets: bool) -> Snapshot:
    total_bytes = 3 * int(source.pragma("page_count")) * int(source.pragma("page_size"))

    def step(done_bytes: int) -> None:
        ctx.progress("copy", done_bytes, max(total_bytes, 3 * done_bytes), "bytes")

    return snapshot.take(
        source,
        copy,
        include_secrets=include_secrets,
        cancelled=ctx.cancel_event.is_set,
        step=step,
    )


def _pack(ctx: LongContext, copy: Path, partial: Path, manifest: Manifest) -> Manifest:
    size_bytes = manifest.database_bytes

    def step(done_bytes: int) -> None:
        ctx.check_cancelled()
        phase = "pack" if done_bytes <= size_bytes else "verify"
        ctx.progress(phase, size_bytes + done_bytes, 3 * size_bytes, "bytes")

    return writing.write(copy, partial, manifest, mac=current_mac(ctx), step=step)


def _describe(ctx: LongContext, taken: Snapshot, reason: Reason, label: str | None) -> Manifest:
    secrets: Secrets = "sealed" if taken.has_secrets else "none"
    return Manifest(
        program=__version__,
        sqlite=sqlite_version(),
        schema_version=taken.schema_version,
        created_at=ctx.clock.now_ms(),
        reason=reason,
        label=label,
        store_id=taken.store_id.hex(),
        epoch=taken.epoch,
        head=Head(taken.head.seq, taken.head.mac.hex()),
        state=taken.state.hex(),
        counts=taken.counts,
        secrets=secrets,
        database_bytes=taken.size_bytes,
    )


def _publish(
    ctx: LongContext, partial: Path, backup: Backup, *, last: bool, details: dict[str, str]
) -> None:
    """Name the file and log it: both, or neither."""
    manifest = backup.manifest
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
            writing.publish(partial, backup.path)
    except BaseException:
        backup.path.unlink(missing_ok=True)
        raise


def retire(ctx: LongContext) -> None:
    """Delete the backups of this database that newer ones have made superfluous since the last
    time; without a newer one none is.
    """
    turn = _turns.setdefault(ctx.store, _Turn())
    if not turn.retire_due:
        return
    turn.retire_due = False
    with ctx.reading() as db:
        folder = directory.place(db, ctx.store.path)
        most_bytes = settings.own(db, "backup_keep_bytes")
        if most_bytes == 0:
            most_bytes = max(_KEEP_BYTES_LEAST, _DATABASE_SHARE * purge.file_bytes(db))
        own = directory.of_store(directory.listed(folder), meta.store_id(db))
    candidates = [
        retention.Candidate(
            each.name,
            each.manifest.created_at,
            each.manifest.reason,
            each.manifest.schema_version,
            each.size_bytes,
        )
        for each in own
    ]
    for name in retention.plan(ctx.clock.now_ms(), candidates, most_bytes):
        (folder / name).unlink(missing_ok=True)


def is_unchanged(db: Connection, own: list[Backup]) -> bool:
    """Whether the newest backup, or what was restored, is what the database holds."""
    now = snapshot.state(db)
    if now == meta.read(db, meta.RESTORED_STATE) or snapshot.is_untouched(db):
        return True
    return bool(own) and own[0].manifest.state == now.hex()
