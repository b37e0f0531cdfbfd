"""Checks the served database: the file, its indexes, its rows and the audit log."""

from contextlib import suppress

from sidecar.context import LongContext
from sidecar.errors import AuditUnavailable
from sidecar.repair.confirm import rebuild_indexes
from sidecar.store.repair import CHORE, checks
from sidecar.store.repair.checks import Finding
from sidecar.store.search import indexes
from sidecar.vault.keys import Keys


def check_database(ctx: LongContext, *, full: bool) -> tuple[list[Finding], dict[str, int]]:
    """Check the database; return the findings and the number of checked rows of each table.

    With `full` every index is compared with its table as well. Damaged indexes are rebuilt, and
    findings are logged, unless the audit log is too damaged for a new entry. When the database
    cannot be opened, a finding says why.
    """
    if ctx.store.rescue is not None:
        cure = "Restore a backup, or recover the database."
        finding = Finding("file", "database", ctx.store.rescue.message, cure)
        return [finding], dict.fromkeys(checks.COUNTED, 0)
    findings, counts = _check_all(ctx, full=full)
    if findings:
        # A single read may have failed: only what a second connection also finds is damage.
        findings, counts = _check_all(ctx, full=full)
    if full:
        findings += _check_indexes(ctx, findings)
    if any(finding.kind == "structure" for finding in findings):
        ctx.store.damage_suspected = True
        ctx.session.schedule(CHORE, 0)
    if ctx.store.takes_writes:
        rebuild_indexes(ctx, findings)
    total = sum(counts.values())
    ctx.progress("check", total, total, "rows")
    if findings and not ctx.store.reads_only:
        with (
            checks.damage_as_finding(findings, "access_log"),
            suppress(AuditUnavailable),
            ctx.writing(last=True),
        ):
            ctx.audit("check_findings", "database", findings=len(findings))
    return findings, counts


def _check_all(ctx: LongContext, *, full: bool) -> tuple[list[Finding], dict[str, int]]:
    """Run every check that only reads; repeat it when the vault was locked or unlocked meanwhile.

    The sealed parts of the audit log are checked with the keys that were present at the beginning.
    """
    while True:
        keys = ctx.vault.keys
        findings, counts = _check_all_with(ctx, keys, full=full)
        if ctx.vault.keys is keys:
            return findings, counts


def _check_all_with(
    ctx: LongContext, keys: Keys | None, *, full: bool
) -> tuple[list[Finding], dict[str, int]]:
    """Run every check that only reads, on one snapshot of the database."""
    findings: list[Finding] = []
    counts = dict.fromkeys(checks.COUNTED, 0)
    with (
        checks.damage_as_finding(findings, "database"),
        ctx.reading(snapshot=True, cancellable=True) as db,
    ):
        counts = checks.count_rows(db)
        total = sum(counts.values())

        def step(done: int) -> None:
            ctx.check_cancelled()
            ctx.progress("check", min(done, total), total, "rows")

        opener = keys.open_for_audit if keys and not ctx.vault.ephemeral else None
        findings.extend(checks.run_all(db, counts, step, opener, full=full))
    return findings, counts


def _check_indexes(ctx: LongContext, findings: list[Finding]) -> list[Finding]:
    """Compare the search indexes that have no finding yet with the workflows.

    A single read may have failed: only what is found twice is damage.
    """
    found = {finding.where for finding in findings}
    names = tuple(name for name in indexes.INDEXES if name not in found)
    wrong: list[Finding] = []
    for _attempt in range(2):
        with ctx.reading(snapshot=True, cancellable=True) as db:
            wrong = checks.index_words(db, lambda _done: ctx.check_cancelled(), names)
        names = tuple(finding.where for finding in wrong)
        if not wrong:
            break
    return wrong
