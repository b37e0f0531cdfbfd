"""Recovering the served database: a new file with what can be read of it takes its place."""

from sidecar.backups.newest_backup import unpacked_newest_backup
from sidecar.context import LongContext
from sidecar.notifications import SystemRestored
from sidecar.store import meta, secrets
from sidecar.store.compact import swap_served
from sidecar.store.connection import Connection
from sidecar.store.repair.recover import Recovered, audit_totals, build


def recover_database(ctx: LongContext, *, dry_run: bool) -> Recovered:
    """Build a new database from what can be read and from the newest backup, and serve it.

    The damaged file is kept under another name. With `dry_run` only count what would be saved.
    """
    ctx.check_cancelled()
    store = ctx.store

    def step(table: str, rows: int) -> None:
        ctx.check_cancelled()
        ctx.progress(table, rows, None, "rows")

    def log(db: Connection, recovered: Recovered) -> None:
        ctx.audit_in(db, "recover", "database", **audit_totals(recovered))
        kept = secrets.is_initialized(db)
        ctx.emit(SystemRestored(meta.epoch(db), ctx.audit_seq, "kept" if kept else "none"))

    with (
        unpacked_newest_backup(
            store.path, ctx.clock, ctx.progress, ctx.cancel_event.is_set
        ) as backup,
        store.exclusive(),
    ):
        entry = None if dry_run else log
        recovered = build(store.path, ctx.clock, step, log=entry, backup=backup, vfs=store.vfs)
        if not dry_run:
            swap_served(store, ctx.clock, keep=recovered.quarantine)
    return recovered
