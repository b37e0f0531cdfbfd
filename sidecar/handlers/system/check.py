"""`system.check`: whether the database file and all that is stored in it are sound."""

from contextlib import suppress
from typing import Annotated

from msgspec import Meta, Struct

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import AuditUnavailable
from sidecar.handlers.system.recover import mend
from sidecar.store.repair import checks, confirm
from sidecar.store.repair.checks import Finding
from sidecar.store.search import indexes
from sidecar.store.search.compare_index import count_wrong_texts
from sidecar.vault.keys import Keys


class SystemCheckParams(Params, frozen=True):
    """How deep to look."""

    full: Annotated[
        bool,
        Meta(
            description="Also compare every index with its table: slower, and for 0.1 s per 20 000"
            " workflows nothing else is served. Absent: false."
        ),
    ] = False


class CheckFinding(Struct, frozen=True):
    """One thing that is not as it should be."""

    kind: Annotated[
        str,
        Meta(
            description="`structure`, `file`, `index`, `search_index`, `orphan`, `header`, `body`,"
            " `revision`, `summary` or `audit_chain`."
        ),
    ]
    where: Annotated[str, Meta(description="Table, index, id or field.")]
    detail: Annotated[str, Meta(description="What is wrong.")]
    cure: Annotated[str, Meta(description="What a person can do.")]


class SystemCheckResult(Result, frozen=True):
    """What the check found."""

    ok: Annotated[bool, Meta(description="Nothing was found.")]
    findings: Annotated[list[CheckFinding], Meta(description="At most 1 000.")]
    checked: Annotated[dict[str, int], Meta(description="How many of what was looked at.")]


@method("system.check", long=True)
def check(ctx: LongContext, params: SystemCheckParams) -> SystemCheckResult:
    """Check the file, its references, indexes, bodies, revisions, summaries and the audit chain.

    What is found is written to the audit log, unless the log itself can take no entry. An index
    that is wrong is made anew; nothing else is changed.
    """
    found, counts = _survey(ctx, full=params.full)
    if found:
        # Perhaps a read failed: only what a fresh connection finds again is there.
        found, counts = _survey(ctx, full=params.full)
    if params.full:
        _compare_search(ctx, found)
        _compare_text(ctx, found)
    if any(finding.kind == "structure" for finding in found):
        ctx.store.suspected = True
        ctx.session.schedule(confirm.CHORE, 0)
    mend(ctx, found)
    total = sum(counts.values())
    ctx.progress("check", total, total, "rows")
    if found:
        with (
            checks.damage_as_finding(found, "access_log"),
            suppress(AuditUnavailable),
            ctx.writing(last=True),
        ):
            ctx.audit("check_findings", "database", count=len(found))
    findings = [CheckFinding(*finding) for finding in found[: limits.FINDINGS_MAX]]
    return SystemCheckResult(not found, findings, counts)


def _survey(ctx: LongContext, *, full: bool) -> tuple[list[Finding], dict[str, int]]:
    """One look at everything on a connection of its own: findings, and what there was."""
    while True:
        keys = ctx.vault.keys
        found, counts = _survey_with(ctx, keys, full=full)
        if ctx.vault.keys is keys:
            return found, counts
        # Locked or unlocked meanwhile: what is sealed in the log was looked at with no key.


def _survey_with(
    ctx: LongContext, keys: Keys | None, *, full: bool
) -> tuple[list[Finding], dict[str, int]]:
    found: list[Finding] = []
    counts = dict.fromkeys(checks.COUNTED, 0)
    with (
        checks.damage_as_finding(found, "database"),
        ctx.reading(snapshot=True, cancellable=True) as db,
    ):
        counts = checks.count_rows(db)
        total = sum(counts.values())

        def step(done: int) -> None:
            ctx.check_cancelled()
            ctx.progress("check", min(done, total), total, "rows")

        opener = keys.open_for_audit if keys and not ctx.vault.ephemeral else None
        found.extend(checks.run_all(db, counts, step, opener, full=full))
    return found, counts


def _compare_search(ctx: LongContext, found: list[Finding]) -> None:
    """Compare what the indexes of headers say with the table; those found wrong already apart."""
    wrong = {finding.where for finding in found}
    for name in indexes.HEADER_INDEXES:
        # Twice, for the same reason.
        if name not in wrong and _compare_index(ctx, name) is not None:
            finding = _compare_index(ctx, name)
            found += [finding] if finding is not None else []


def _compare_text(ctx: LongContext, found: list[Finding]) -> None:
    """Compare what the index of bodies says with them, unless it was found wrong already."""
    name = indexes.TEXT_INDEX
    if all(finding.where != name for finding in found) and _count_wrong(ctx) and _count_wrong(ctx):
        found.append(checks.wrong_words(name))


def _count_wrong(ctx: LongContext) -> int:
    with ctx.reading(snapshot=True, cancellable=True) as db:
        return count_wrong_texts(db, lambda _seen: ctx.check_cancelled())


def _compare_index(ctx: LongContext, name: str) -> Finding | None:
    """What is wrong with an index of headers; then the connection is not used again."""
    _bring_up_headers(ctx)
    with ctx.store.lock:
        while indexes.update_headers_step(ctx.store):
            pass  # what was saved since, little if anything
        if indexes.has_pending_headers(ctx.store.db):
            finding: Finding | None = checks.not_updated(name)
        else:
            with ctx.writing() as db:
                finding = checks.index_words(db, name)
        if finding is not None:
            ctx.store.reopen()
    return finding


def _bring_up_headers(ctx: LongContext) -> None:
    """Index the headers that are pending, in steps between which others have their turn."""
    more = True
    while more:
        ctx.check_cancelled()
        with ctx.store.lock:
            more = indexes.update_headers_step(ctx.store)
