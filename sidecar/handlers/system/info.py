"""Methods of the process itself: is it alive, what is it, how is it, end it."""

import sys
from contextlib import suppress
from typing import Annotated, Any

from msgspec import Meta, Struct

from sidecar import __version__, limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context, LongContext, secret_state
from sidecar.errors import AuditUnavailable
from sidecar.handlers.system.recover import mend
from sidecar.process import usage
from sidecar.store import purge, stats
from sidecar.store.connection import sqlite_version
from sidecar.store.interrupt import interruptible
from sidecar.store.repair import checks
from sidecar.store.repair import confirm as damage
from sidecar.store.repair.checks import Finding
from sidecar.store.search import compare_index as text_check
from sidecar.store.search import index as search_index
from sidecar.values import Count, Timestamp
from sidecar.vault.keys import Keys

# --- system.ping ------------------------------------------------------------------------------


class SystemPingParams(Params, frozen=True):
    """Nothing to choose."""


class SystemPingResult(Result, frozen=True):
    """The answer."""

    at: Timestamp


@method("system.ping")
def ping(ctx: Context, params: SystemPingParams) -> SystemPingResult:
    """Answer at once, without the database."""
    del params
    return SystemPingResult(ctx.clock.now_ms())


# --- system.info ------------------------------------------------------------------------------


class SystemInfoParams(Params, frozen=True):
    """Nothing to choose."""


class SystemInfoResult(Result, frozen=True):
    """What this process is."""

    version: Annotated[str, Meta(description="Version of the program.")]
    protocol_version: Annotated[str, Meta(description="major.minor of this protocol.")]
    schema_version: Annotated[Count, Meta(description="Version of the database's tables.")]
    database: Annotated[str, Meta(description="Path of the database file.")]
    pid: Annotated[Count, Meta(description="Process id.")]
    started_at: Timestamp
    python: Annotated[str, Meta(description="Version of Python.")]
    sqlite: Annotated[str, Meta(description="Version of SQLite.")]
    platform: Annotated[str, Meta(description="`linux`, `darwin` or `win32`.")]
    pragmas: Annotated[dict[str, Any], Meta(description="As the live connection has them.")]
    limits: Annotated[dict[str, int], Meta(description="The limits a client can run into.")]
    secrets: Annotated[str, Meta(description="As secrets.status tells it.")]


@method("system.info", access="read")
def info(ctx: Context, params: SystemInfoParams) -> SystemInfoResult:
    """Tell versions, places, pragmas and limits."""
    del params
    facts = ctx.session.facts()
    return SystemInfoResult(
        version=__version__,
        protocol_version=limits.PROTOCOL_VERSION,
        schema_version=ctx.store.schema_version(),
        database=facts["database"],
        pid=facts["pid"],
        started_at=facts["started_at"],
        python=".".join(map(str, sys.version_info[:3])),
        sqlite=sqlite_version(),
        platform=sys.platform,
        pragmas=ctx.store.pragmas(),
        limits=limits.PUBLISHED,
        secrets=secret_state(ctx.db, ctx.vault),
    )


# --- system.stats -----------------------------------------------------------------------------


class SystemStatsParams(Params, frozen=True):
    """Nothing to choose."""


class MethodStats(Struct, frozen=True):
    """One method since the start of the process."""

    method: Annotated[str, Meta(description="Its name.")]
    calls: Annotated[Count, Meta(description="How often it was called.")]
    errors: Annotated[Count, Meta(description="How often it failed.")]
    p50_us: Annotated[Count, Meta(description="Median of the newest 256, microseconds.")]
    p99_us: Annotated[Count, Meta(description="99th percentile of the newest 256, microseconds.")]


class SystemStatsResult(Result, frozen=True):
    """How much there is, and what it costs."""

    workflows: Annotated[Count, Meta(description="Live workflows.")]
    archived: Annotated[Count, Meta(description="Archived workflows.")]
    revisions: Annotated[Count, Meta(description="Kept older revisions.")]
    runs: Annotated[Count, Meta(description="Runs.")]
    audit_entries: Annotated[Count, Meta(description="Entries of the audit log.")]
    live_bytes: Annotated[Count, Meta(description="Bytes of the file in use.")]
    free_bytes: Annotated[Count, Meta(description="Bytes of the file free for reuse.")]
    wal_bytes: Annotated[Count, Meta(description="Bytes of the write-ahead log.")]
    purge_pending: Annotated[bool, Meta(description="Deleted text waits to be overwritten.")]
    body_bytes: Annotated[Count, Meta(description="Bytes of all bodies as they were sent.")]
    stored_bytes: Annotated[Count, Meta(description="Bytes of all bodies, compressed.")]
    compression_ratio: Annotated[
        float, Meta(description="stored_bytes by body_bytes; 0 without bodies.")
    ]
    resident_bytes: Annotated[Count, Meta(description="Memory of the process; 0 if unknown.")]
    threads: Annotated[Count, Meta(description="Threads of the process.")]
    descriptors: Annotated[Count, Meta(description="Open descriptors; 0 if unknown.")]
    methods: Annotated[list[MethodStats], Meta(description="Methods called so far, by name.")]


@method("system.stats", access="read")
def system_stats(ctx: Context, params: SystemStatsParams) -> SystemStatsResult:
    """Tell counts, sizes and latencies."""
    del params
    totals = stats.totals(ctx.db)
    space = stats.space(ctx.db, ctx.store.path)
    process = usage()
    ratio = totals.stored_bytes / totals.body_bytes if totals.body_bytes else 0.0
    return SystemStatsResult(
        workflows=totals.workflows,
        archived=totals.archived,
        revisions=totals.revisions,
        runs=totals.runs,
        audit_entries=totals.audit_entries,
        live_bytes=space.live_bytes,
        free_bytes=space.free_bytes,
        wal_bytes=space.wal_bytes,
        purge_pending=purge.asked(ctx.db) > 0,
        body_bytes=totals.body_bytes,
        stored_bytes=totals.stored_bytes,
        compression_ratio=round(ratio, 4),
        resident_bytes=process.resident_bytes,
        threads=process.threads,
        descriptors=process.descriptors,
        methods=[MethodStats(*row) for row in ctx.session.latencies()],
    )


# --- system.check -----------------------------------------------------------------------------


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
        ctx.session.schedule(damage.CHORE, 0)
    mend(ctx, found)
    total = sum(counts.values())
    ctx.progress("check", total, total, "rows")
    if found:
        with (
            checks.noting_damage(found, "access_log"),
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
        checks.noting_damage(found, "database"),
        ctx.reading() as db,
        interruptible(db, ctx.cancel_event.is_set),
    ):
        db.execute("BEGIN")
        counts = checks.counts(db)
        total = sum(counts.values())

        def step(done: int) -> None:
            ctx.check_cancelled()
            ctx.progress("check", min(done, total), total, "rows")

        opener = keys.open_for_audit if keys and not ctx.vault.ephemeral else None
        found.extend(checks.survey(db, counts, step, opener, full=full))
    return found, counts


def _compare_search(ctx: LongContext, found: list[Finding]) -> None:
    """Compare what the indexes of headers say with the table; those found wrong already apart."""
    wrong = {finding.where for finding in found}
    for name in search_index.HEADER_INDEXES:
        # Twice, for the same reason.
        if name not in wrong and _compare_index(ctx, name) is not None:
            finding = _compare_index(ctx, name)
            found += [finding] if finding is not None else []


def _compare_text(ctx: LongContext, found: list[Finding]) -> None:
    """Compare what the index of bodies says with them, unless it was found wrong already."""
    name = search_index.TEXT_INDEX
    if all(finding.where != name for finding in found) and _count_wrong(ctx) and _count_wrong(ctx):
        found.append(checks.search_wrong(name))


def _count_wrong(ctx: LongContext) -> int:
    with ctx.reading() as db, interruptible(db, ctx.cancel_event.is_set):
        db.execute("BEGIN")
        return text_check.wrong(db, lambda _seen: ctx.check_cancelled())


def _compare_index(ctx: LongContext, name: str) -> Finding | None:
    """What is wrong with an index of headers; then the connection is not used again."""
    _bring_up_headers(ctx)
    with ctx.store.lock:
        while search_index.bring_up_headers(ctx.store):
            pass  # what was saved since, little if anything
        if search_index.headers_behind(ctx.store.db):
            finding: Finding | None = checks.search_behind(name)
        else:
            with ctx.writing() as db:
                finding = checks.search_text(db, name)
        if finding is not None:
            ctx.store.reopen()
    return finding


def _bring_up_headers(ctx: LongContext) -> None:
    """Index the headers that are pending, in steps between which others have their turn."""
    more = True
    while more:
        ctx.check_cancelled()
        with ctx.store.lock:
            more = search_index.bring_up_headers(ctx.store)


# --- system.shutdown --------------------------------------------------------------------------


class SystemShutdownParams(Params, frozen=True):
    """Nothing to choose."""


class SystemShutdownResult(Result, frozen=True):
    """Nothing to tell: the end follows."""


@method("system.shutdown")
def shutdown(ctx: Context, params: SystemShutdownParams) -> SystemShutdownResult:
    """End the process once what was accepted before is answered."""
    del params
    ctx.session.stop("shutdown")
    return SystemShutdownResult()
