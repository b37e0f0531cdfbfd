"""What is done about damage: confirm it, mend what can be, else read only; `system.recover`."""

from contextlib import suppress
from typing import Annotated

from msgspec import Meta

from sidecar import limits
from sidecar.backups.newest_backup import unpacked_newest_backup
from sidecar.catalog import Params, Result, chore, method
from sidecar.context import LongContext
from sidecar.errors import (
    AuditUnavailable,
    DatabaseDamaged,
    DatabaseFull,
    Maintenance,
    NewerSchema,
    NotOurs,
    RecoveryRequired,
)
from sidecar.notifications import SystemRestored, SystemWarning
from sidecar.store import meta, secrets
from sidecar.store.compact import put_in_place
from sidecar.store.connection import Connection
from sidecar.store.repair import checks
from sidecar.store.repair.checks import Finding
from sidecar.store.repair.confirm import CHORE, find_damage, only_indexes, rebuild_index
from sidecar.store.repair.recover import Recovered, audit_totals, build
from sidecar.store.search import indexes
from sidecar.values import Count

# --- the chore that confirms a suspicion ------------------------------------------------------


@chore(CHORE, first_ms=limits.CHORES_FIRST_MS)
def confirm(ctx: LongContext) -> None:
    """Look at the file when something hints at damage: an error, or an end that was no end."""
    store = ctx.store
    if not store.suspected:
        return
    findings = _confirmed(ctx)
    if not store.damaged and findings and only_indexes(findings):
        mend(ctx, findings)
        findings = _confirmed(ctx)
        if not findings:
            detail = "An index was damaged and has been made anew; nothing is lost."
            ctx.emit(SystemWarning("index_rebuilt", detail))
    store.suspected = False
    if not findings:
        return
    with (
        checks.damage_as_finding([], "access_log"),
        suppress(AuditUnavailable),
        ctx.writing(),
    ):
        ctx.audit("check_findings", "database", count=len(findings))
    store.damaged = True
    store.reopen()
    detail = "The database is damaged. It is only read from now; recover it or restore a backup."
    ctx.emit(SystemWarning(DatabaseDamaged.slug, detail))


def _confirmed(ctx: LongContext) -> list[Finding]:
    """What two fresh connections find one after the other."""
    findings: list[Finding] = []
    for _look in range(2):
        with ctx.reading() as db:
            findings = find_damage(db, ctx.cancel_event.is_set)
        if not findings:
            break
    return findings


def mend(ctx: LongContext, findings: list[Finding]) -> None:
    """Make damaged indexes anew; what cannot be mended is found again."""
    with suppress(DatabaseDamaged):
        for name in {finding.where for finding in findings if finding.kind == "index"}:
            with ctx.writing() as db:
                rebuild_index(db, name)
        if any(finding.kind == "search_index" for finding in findings):
            with ctx.store.lock:
                indexes.start_rebuild(ctx.store)


# --- system.recover ---------------------------------------------------------------------------


class SystemRecoverParams(Params, frozen=True):
    """Whether it is meant."""

    dry_run: Annotated[
        bool,
        Meta(description="Only tell what could be saved; show it and ask. Absent: false."),
    ] = False


class SystemRecoverResult(Result, frozen=True):
    """What became of the rows; each table that has any."""

    salvaged: Annotated[dict[str, Count], Meta(description="Rows read from the damaged file.")]
    lost: Annotated[
        dict[str, Count],
        Meta(description="Rows that could not be read, as far as can be told, backup or not."),
    ]
    from_backup: Annotated[dict[str, Count], Meta(description="Rows taken from a backup.")]
    quarantine: Annotated[
        str | None,
        Meta(description="Name beside the database that the damaged file is kept under."),
    ]


@method(
    "system.recover",
    long=True,
    frees_space=True,
    errors=(
        DatabaseDamaged,
        DatabaseFull,
        Maintenance,
        NewerSchema,
        NotOurs,
        RecoveryRequired,
    ),
)
def recover(ctx: LongContext, params: SystemRecoverParams) -> SystemRecoverResult:
    """Build the database anew from all that can be read of it, and put it in the old one's place.

    What cannot be read comes from the newest backup, where that has it. The damaged file is kept
    and never changed. Meanwhile requests that need the database are answered `maintenance`. Call
    it with `dry_run` first, and let a person decide.
    """

    def step(table: str, rows: int) -> None:
        ctx.check_cancelled()
        ctx.progress(table, rows, None, "rows")

    def log(db: Connection, recovered: Recovered) -> None:
        ctx.audit_in(db, "recover", "database", **audit_totals(recovered))
        kept = secrets.is_initialized(db)
        ctx.emit(SystemRestored(meta.epoch(db), ctx.audit_seq, "kept" if kept else "none"))

    ctx.check_cancelled()
    store = ctx.store
    cancelled = ctx.cancel_event.is_set
    with (
        unpacked_newest_backup(store.path, ctx.clock, ctx.progress, cancelled) as backup,
        store.alone(),
    ):
        entry = None if params.dry_run else log
        recovered = build(store.path, ctx.clock, step, log=entry, backup=backup, vfs=store.vfs)
        if params.dry_run:
            return _told(recovered)
        put_in_place(store, ctx.clock, keep=recovered.quarantine)
    return _told(recovered)


def _told(recovered: Recovered) -> SystemRecoverResult:
    counts = [
        {name: count for name, count in rows.items() if count}
        for rows in (recovered.salvaged, recovered.lost, recovered.from_backup)
    ]
    return SystemRecoverResult(counts[0], counts[1], counts[2], recovered.quarantine)
