"""Recovering the served database: a new file with what can be read of it takes its place."""

from contextlib import nullcontext

from sidecar.backups.newest_backup import unpacked_newest_backup
from sidecar.context import LongContext
from sidecar.files import sha256_of
from sidecar.notifications import SystemRestored
from sidecar.store import meta, secrets, swap
from sidecar.store.compact import swap_served
from sidecar.store.connection import Connection
from sidecar.store.repair.recover import RECOVERED, Recovered, audit_totals, build
from sidecar.store.scratch import scratch_folder
from sidecar.vocabularies import ProgressPhase


def recover_database(ctx: LongContext, *, dry_run: bool) -> Recovered:
    """Build a new database from what can be read and from the newest backup, and serve it.

    The damaged file is kept under another name. With `dry_run` only count what would be saved.
    """
    ctx.check_cancelled()
    store = ctx.store

    copied: dict[str, int] = {}

    def step(table: str, rows: int) -> None:
        ctx.check_cancelled()
        copied[table] = rows
        ctx.progress("salvage", sum(copied.values()), None, "rows")

    def report_unpacked(phase: ProgressPhase, *_: object) -> None:
        """Report that a backup is read; how many rows it gives is not known yet."""
        ctx.progress(phase, 0, None, "rows")

    def log(db: Connection, recovered: Recovered) -> None:
        ctx.audit_in(db, "recover", "database", **audit_totals(recovered))
        kept = secrets.is_initialized(db)
        ctx.emit(SystemRestored(meta.epoch(db), ctx.audit_seq, "kept" if kept else "none"))

    with (
        unpacked_newest_backup(
            store.path, ctx.clock, report_unpacked, ctx.cancel_event.is_set, served=True
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
            served=True,
        )
        if not dry_run:
            sha256 = sha256_of(new)
            swap.stage(new, store.path)
            swap_served(store, ctx.clock, sha256=sha256, keep=recovered.quarantine)
    return recovered
