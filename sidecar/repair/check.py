"""Checking the served database: the file, its indexes, what is stored in it and the audit log."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from sidecar.context import LongContext
from sidecar.errors import AuditUnavailable
from sidecar.repair.confirm import rebuild_indexes
from sidecar.store.repair import CHORE, checks
from sidecar.store.repair.checks import Finding
from sidecar.store.search import indexes
from sidecar.store.search.compare_index import count_wrong_texts
from sidecar.vault.keys import Keys

T = TypeVar("T")


def check_database(ctx: LongContext, *, full: bool) -> tuple[list[Finding], dict[str, int]]:
    """Check the database and return the findings and how many rows of what were checked.

    With `full` every index is compared with its table as well. Damaged indexes are rebuilt, and
    findings are logged, unless the audit log is too damaged to take an entry. Of a database that
    cannot be opened the finding says why.
    """
    if ctx.store.rescue is not None:
        cure = "Restore a backup, or recover the database."
        finding = Finding("file", "database", ctx.store.rescue.message, cure)
        return [finding], dict.fromkeys(checks.COUNTED, 0)
    findings, counts = _check_all(ctx, full=full)
    if findings:
        # A read may have failed once: only what a second connection finds too is damage.
        findings, counts = _check_all(ctx, full=full)
    if full:
        findings += _check_header_indexes(ctx, findings)
        findings += _check_text_index(ctx, findings)
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
    """Run every check that only reads, again when the vault was locked or unlocked meanwhile.

    The sealed parts of the audit log are checked with the keys that were there at the beginning.
    """
    while True:
        keys = ctx.vault.keys
        findings, counts = _check_all_with(ctx, keys, full=full)
        if ctx.vault.keys is keys:
            return findings, counts


def _check_all_with(
    ctx: LongContext, keys: Keys | None, *, full: bool
) -> tuple[list[Finding], dict[str, int]]:
    """Run every check that only reads, on one state of the database."""
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


def _check_header_indexes(ctx: LongContext, findings: list[Finding]) -> list[Finding]:
    """Compare the search indexes of headers with their table, those without a finding so far."""
    wrong = {finding.where for finding in findings}
    names = [name for name in indexes.HEADER_INDEXES if name not in wrong]
    found = [_confirmed(partial(_check_header_index, ctx, name)) for name in names]
    return [finding for finding in found if finding is not None]


def _confirmed(check: Callable[[], T]) -> T:
    """Return what `check` finds when it is called again: a read may have failed once."""
    return check() and check()


def _check_header_index(ctx: LongContext, name: str) -> Finding | None:
    """Compare one index of headers with its table, after all pending headers were indexed.

    After a finding the shared connection is replaced, because it must not be used again.
    """
    _index_pending_headers(ctx)
    with ctx.store.lock:
        while indexes.update_headers_step(ctx.store):
            pass  # The few headers, if any, that were saved since the lock was released.
        if indexes.has_pending_headers(ctx.store.db):
            finding: Finding | None = checks.not_updated(name)
        else:
            with ctx.writing() as db:
                finding = checks.index_words(db, name)
        if finding is not None:
            ctx.store.reopen()
    return finding


def _index_pending_headers(ctx: LongContext) -> None:
    """Index the pending headers in steps, between which other requests are served."""
    more = True
    while more:
        ctx.check_cancelled()
        with ctx.store.lock:
            more = indexes.update_headers_step(ctx.store)


def _check_text_index(ctx: LongContext, findings: list[Finding]) -> list[Finding]:
    """Compare the search index of bodies with the bodies, unless there is a finding about it."""
    name = indexes.TEXT_INDEX
    has_finding = any(finding.where == name for finding in findings)
    if has_finding or not _confirmed(partial(_count_wrong_texts, ctx)):
        return []
    return [checks.wrong_words(name)]


def _count_wrong_texts(ctx: LongContext) -> int:
    """Count the workflows for which the index holds other words than their body."""
    with ctx.reading(snapshot=True, cancellable=True) as db:
        return count_wrong_texts(db, lambda _checked: ctx.check_cancelled())
