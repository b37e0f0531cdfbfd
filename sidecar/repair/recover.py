"""Recovers the served database: replaces it by a new file with the data that can be read."""

from contextlib import nullcontext
from pathlib import Path

from sidecar.backups.newest_backup import unpacked_newest_backup
from sidecar.context import LongContext
from sidecar.errors import Conflict
from sidecar.files import sha256_of
from sidecar.notifications import SecretsChanged, SystemRestored
from sidecar.secrets.state import vault_state
from sidecar.store import meta, swap, tables
from sidecar.store.compact import swap_served
from sidecar.store.connection import Connection
from sidecar.store.repair.recover import (
    RECOVERED,
    Recovered,
    audit_totals,
    build,
    build_empty,
    quarantine_name,
)
from sidecar.store.scratch import scratch_folder
from sidecar.vocabularies import SecretsState


def recover_database(ctx: LongContext, *, dry_run: bool) -> Recovered:
    """Build a new database from the readable data and the newest backup, and serve it.

    The damaged file is kept under another name. With `dry_run` only count what would be saved.
    """
    ctx.check_cancelled()
    store = ctx.store
    in_use = store.rescue is None
    told = _told_state(ctx)
    kept = False
    copied: dict[str, int] = {}

    def step(table: str, rows: int) -> None:
        ctx.check_cancelled()
        copied[table] = rows
        ctx.progress("salvage", sum(copied.values()), None, "rows")

    def log(db: Connection, recovered: Recovered) -> None:
        nonlocal kept
        kept = _log_recovery(ctx, db, recovered)

    with (
        unpacked_newest_backup(
            store.path,
            ctx.clock,
            # The number of rows that the backup contributes is not known yet.
            lambda phase, *_: ctx.progress(phase, 0, None, "rows"),
            ctx.cancel_event.is_set,
            in_use=in_use,
        ) as backup,
        scratch_folder(store.path) as folder,
        nullcontext() if dry_run else store.exclusive(),
    ):
        new = folder / RECOVERED
        recovered = build(
            store.path,
            new,
            ctx.clock,
            step,
            log=None if dry_run else log,
            backup=backup,
            vfs=store.vfs,
            in_use=in_use,
        )
        if not dry_run:
            _put_in_place(ctx, new, recovered.kept_aside)
            _announce_secrets(ctx, told, kept=kept)
    return recovered


def _log_recovery(ctx: LongContext, db: Connection, recovered: Recovered) -> bool:
    """Write the entry of a recovery into the new file; return whether it has the secrets."""
    meta.write(db, meta.CLEAN_END, 0)
    ctx.audit_in(db, "recover", "database", **audit_totals(recovered))
    kept = tables.hold_secrets(db)
    now = _state_after(ctx, kept=kept)
    ctx.emit(SystemRestored(meta.epoch(db), ctx.audit_seq, now, "kept" if kept else "none"))
    return kept


def begin_new(ctx: LongContext) -> str | None:
    """Serve a new, empty database in the place of one that cannot be read.

    Nothing is deleted: return the name under which the old file is kept, None when the file and its
    log are missing.

    Raises:
        Conflict: the database opens and no damage was found in it.
    """
    store = ctx.store
    if not store.damaged:
        raise Conflict(
            "The database can be used; recover it without begin_new, or restore a backup."
        )

    def log(db: Connection) -> None:
        ctx.audit_in(db, "recover", "database", begin_new=True)
        now = _state_after(ctx, kept=False)
        ctx.emit(SystemRestored(meta.epoch(db), ctx.audit_seq, now, "none"))

    told = _told_state(ctx)
    with scratch_folder(store.path) as folder, store.exclusive():
        is_left = any(each.exists() for each in swap.remnants(store.path))
        kept = quarantine_name(store.path, ctx.clock) if is_left else None
        new = folder / RECOVERED
        build_empty(new, ctx.clock, log)
        ctx.check_cancelled()
        _put_in_place(ctx, new, kept)
        _announce_secrets(ctx, told, kept=False)
    return kept


def _state_after(ctx: LongContext, *, kept: bool) -> SecretsState:
    """Return the state of the secrets in the new file, which has those of the old one or none."""
    if kept or ctx.vault.ephemeral:
        return ctx.vault.state(is_set_up=kept)
    return "uninitialized"


def _told_state(ctx: LongContext) -> SecretsState | None:
    """Return the state of the secrets that clients were told; None when it cannot be read.

    In the mode `rescue`, clients were told that no secrets are set up.
    """
    if ctx.store.rescue is not None:
        return "uninitialized"
    try:
        return vault_state(ctx.store.db, ctx.vault)
    except Exception:  # noqa: BLE001 - an unreadable state must not prevent the recovery
        return None


def _announce_secrets(ctx: LongContext, told: SecretsState | None, *, kept: bool) -> None:
    """Lock the vault if its secrets were not kept; announce the state if it has changed."""
    if ctx.vault.ephemeral:
        return
    if not kept:
        ctx.vault.lock()
    now = _state_after(ctx, kept=kept)
    if now != told:
        ctx.emit(SecretsChanged(now, "recover", ctx.audit_seq))


def _put_in_place(ctx: LongContext, new: Path, keep: str | None) -> None:
    """Serve the file `new`; keep the old file under the name `keep`."""
    sha256 = sha256_of(new)
    swap.stage(new, ctx.store.path)
    swap_served(ctx.store, ctx.clock, sha256=sha256, keep=keep)
