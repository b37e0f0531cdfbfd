"""`runs.prune`, and the chore that prunes runs as the settings say.

Runs are deleted in steps, each a transaction with an audit entry of its own, and other requests
are served between two steps. A prune that is stopped between two steps has deleted the runs of
the steps before. Afterwards the file is shrunk.
"""

from typing import Annotated

from msgspec import Meta

from sidecar import limits, purging
from sidecar.catalog import Params, Result, chore, method
from sidecar.context import LongContext
from sidecar.errors import InvalidParams
from sidecar.handlers.runs.running import tell
from sidecar.store import purge, settings
from sidecar.store.runs.prune import Criteria, delete_runs, steps
from sidecar.values import Count

CHORE = "run_retention"
DAY_MS = 86_400_000


class RunsPruneParams(Params, frozen=True):
    """Which runs to delete: those that any of the criteria names.

    Running runs that do not wait, pinned runs, and for 7 days interrupted runs stay.
    """

    older_than_ms: Annotated[
        Count | None,
        Meta(
            description="Runs that were started longer ago than this, even the newest of their"
            " workflow."
        ),
    ] = None
    keep_last: Annotated[
        Count | None,
        Meta(description="All runs of each workflow but the newest so many, however recent."),
    ] = None
    max_bytes: Annotated[
        Count | None,
        Meta(
            description="The oldest runs, until the stored summaries of the others take no more"
            " than this."
        ),
    ] = None
    dry_run: Annotated[
        bool, Meta(description="Only count the runs, delete none; absent: false.")
    ] = False


class RunsPruneResult(Result, frozen=True):
    """The deleted rows; in a dry run, those that would be deleted."""

    deleted: Annotated[Count, Meta(description="Number of runs.")]
    freed_bytes: Annotated[
        Count,
        Meta(
            description="How much smaller the file is; in a dry run, the size of the summaries of"
            " these runs."
        ),
    ]
    before_bytes: Annotated[Count, Meta(description="Size of the database before the call.")]
    after_bytes: Annotated[Count, Meta(description="Size of the database after the call.")]
    reached_limit: Annotated[
        bool, Meta(description="Whether more are left: one call deletes at most 200 000 runs.")
    ]


@method("runs.prune", long=True, frees_space=True)
def prune(ctx: LongContext, params: RunsPruneParams) -> RunsPruneResult:
    """Delete old runs with their summaries, in short steps, and shrink the file.

    A run is deleted when any of the criteria names it: when `keep_last` and `older_than_ms` are
    both given, the last runs are deleted, too, once they are old. To keep the last ones, give
    `keep_last` alone. Pinned runs are never deleted, nor are runs that were found interrupted less
    than 7 days ago, because the host may resume them.
    """
    if params.older_than_ms is params.keep_last is params.max_bytes is None:
        raise InvalidParams(
            "Give at least one of older_than_ms, keep_last and max_bytes.", path="$.params"
        )
    now_ms = ctx.clock.now_ms()
    before_at = None if params.older_than_ms is None else now_ms - params.older_than_ms
    criteria = Criteria(before_at, params.keep_last, params.max_bytes, now_ms)
    if params.dry_run:
        return _count(ctx, criteria)
    return _prune(ctx, criteria)


def _count(ctx: LongContext, criteria: Criteria) -> RunsPruneResult:
    """Return what a prune would delete now, without deleting it."""
    count = size_bytes = 0
    reached_limit = False
    with ctx.reading(snapshot=True, cancellable=True) as db:
        file_bytes = purge.file_bytes(db)
        for rows in steps(db, criteria):
            ctx.check_cancelled()
            if count >= limits.PRUNE_MAX_RUNS:
                reached_limit = True
                break
            count += len(rows)
            size_bytes += sum(row[1] for row in rows)
    return RunsPruneResult(count, size_bytes, file_bytes, file_bytes, reached_limit)


def _prune(ctx: LongContext, criteria: Criteria, *, by_timer: bool = False) -> RunsPruneResult:
    """Delete runs step by step, then shrink the file."""
    deleted, reached_limit = 0, False
    with ctx.reading(cancellable=True) as reader:
        before_bytes = purge.file_bytes(reader)
        for rows in steps(reader, criteria):
            if deleted >= limits.PRUNE_MAX_RUNS:
                reached_limit = True
                break
            deleted += _delete(ctx, [row[0] for row in rows], criteria, by_timer=by_timer)
            ctx.progress("prune", deleted, None, "rows")
    after_bytes = _shrink(ctx) if deleted else before_bytes
    freed_bytes = max(0, before_bytes - after_bytes)
    return RunsPruneResult(deleted, freed_bytes, before_bytes, after_bytes, reached_limit)


def _delete(ctx: LongContext, rids: list[int], criteria: Criteria, *, by_timer: bool) -> int:
    """Delete the runs of one step, with an audit entry; return how many there were."""
    details = {"by": "timer"} if by_timer else {}
    with ctx.writing() as db:
        deleted = delete_runs(db, rids, criteria)
        if deleted:
            ctx.audit("run_prune", "runs", runs=len(deleted), **details)
            for run in deleted:
                tell(ctx, run.id, run.workflow_id, run.status, "deleted")
            purging.request(ctx, soon=not by_timer)
    return len(deleted)


def _shrink(ctx: LongContext) -> int:
    """Return free pages to the file system; return the size of the database afterwards."""
    purging.shrink_file(ctx)
    with ctx.reading() as db:
        after_bytes = purge.file_bytes(db)
    ctx.store.yield_to_requests()
    # The size of the write-ahead log would hide that there is more room now. When a reader
    # prevents the checkpoint, nothing is lost: a later one is made.
    ctx.store.checkpoint()
    return after_bytes


@chore(CHORE)
def prune_by_settings(ctx: LongContext) -> None:
    """Prune the runs that run_keep_days, run_keep_count and run_keep_bytes do not keep."""
    with ctx.reading() as db:
        days, count, size_bytes = (
            settings.number(db, key)
            for key in ("run_keep_days", "run_keep_count", "run_keep_bytes")
        )
    if not (days or count or size_bytes):
        return
    now_ms = ctx.clock.now_ms()
    before_at = now_ms - days * DAY_MS if days else None
    criteria = Criteria(before_at, count or None, size_bytes or None, now_ms)
    result = _prune(ctx, criteria, by_timer=True)
    if result.reached_limit:
        ctx.session.schedule(CHORE, limits.RETENTION_CONTINUE_MS)
