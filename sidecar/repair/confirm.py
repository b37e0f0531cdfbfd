"""Confirms suspected damage; then rebuilds the indexes, or stops writing."""

from contextlib import suppress

from sidecar.context import LongContext
from sidecar.errors import AuditUnavailable, DatabaseDamaged
from sidecar.notifications import SystemWarning
from sidecar.store.repair import checks
from sidecar.store.repair.checks import Finding
from sidecar.store.repair.confirm import find_damage, only_indexes, rebuild_index
from sidecar.store.search import indexes


def confirm_damage(ctx: LongContext) -> None:
    """Check the file when damage is suspected, after an error or an unclean end of the process.

    Damaged indexes are rebuilt. When anything else is damaged, the database becomes read-only and a
    warning is sent.
    """
    store = ctx.store
    if not store.damage_suspected:
        return
    findings = _find_damage_twice(ctx)
    if not store.damaged and findings and only_indexes(findings):
        rebuild_indexes(ctx, findings)
        findings = _find_damage_twice(ctx)
        if not findings:
            detail = "An index was damaged and has been rebuilt; nothing is lost."
            ctx.emit(SystemWarning("index_rebuilt", detail))
    store.damage_suspected = False
    if not findings:
        return
    with (
        checks.damage_as_finding([], "access_log"),
        suppress(AuditUnavailable),
        ctx.writing(),
    ):
        ctx.audit("check_findings", "database", findings=len(findings))
    store.damaged = True
    store.reopen()
    detail = "The database is damaged. From now on it is only read: recover it or restore a backup."
    ctx.emit(SystemWarning("database_damaged", detail))


def _find_damage_twice(ctx: LongContext) -> list[Finding]:
    """Return the findings of a second new connection; none when either connection finds none."""
    findings: list[Finding] = []
    for _attempt in range(2):
        with ctx.reading() as db:
            findings = find_damage(db, ctx.cancel_event.is_set)
        if not findings:
            break
    return findings


def rebuild_indexes(ctx: LongContext, findings: list[Finding]) -> None:
    """Rebuild the indexes that have a finding; the next check finds one that was not rebuilt."""
    with suppress(DatabaseDamaged):
        for name in {finding.where for finding in findings if finding.kind == "index"}:
            with ctx.writing() as db:
                rebuild_index(db, name)
        if any(finding.kind == "search_index" for finding in findings):
            with ctx.store.lock:
                indexes.start_rebuild(ctx.store)
