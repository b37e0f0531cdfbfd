"""`runs.prune`, and the pruning that the settings ask for.

Pruning goes in batches that others can come between, each with its audit entry; stopped anywhere,
what is left is as if it had been asked for less. Then the file gives the space back.
"""

from typing import Annotated

from msgspec import Meta

from sidecar import limits, purging
from sidecar.catalog import Params, Result, chore, method
from sidecar.context import LongContext
from sidecar.errors import InvalidParams
from sidecar.store import batches as steps
from sidecar.store import purge, settings
from sidecar.store.interrupt import interruptible
from sidecar.store.runs import prune as run_prune
from sidecar.store.runs.prune import Wish
from sidecar.values import Count

CHORE = "run_retention"
DAY_MS = 86_400_000


class RunsPruneParams(Params, frozen=True):
    """Which runs shall go: each of these deletes by itself. Running and pinned ones stay."""

    older_than_ms: Annotated[
        Count | None,
        Meta(description="Those started longer ago than this, also the newest of their workflow."),
    ] = None
    keep_last: Annotated[
        Count | None,
        Meta(description="All but so many of each workflow, the newest, however young."),
    ] = None
    max_bytes: Annotated[
        Count | None,
        Meta(description="The oldest, until the stored summaries take no more than this."),
    ] = None
    dry_run: Annotated[bool, Meta(description="Only say how many would go; absent: false.")] = False


class RunsPruneResult(Result, frozen=True):
    """What went, or would."""

    deleted: Annotated[Count, Meta(description="How many runs.")]
    freed_bytes: Annotated[
        Count, Meta(description="How much smaller the file is; in a dry run what summaries take.")
    ]
    before_bytes: Annotated[Count, Meta(description="Size of the database before.")]
    after_bytes: Annotated[Count, Meta(description="Size of the database after.")]
    reached_limit: Annotated[
        bool, Meta(description="There are more: one call deletes at most 200 000.")
    ]


@method("runs.prune", long=True, frees_space=True)
def prune(ctx: LongContext, params: RunsPruneParams) -> RunsPruneResult:
    """Delete old runs with their summaries, in short steps, and shrink the file.

    A run goes when any of the criteria names it: with `keep_last` and `older_than_ms` both given
    the last ones go, too, once they are old. To keep the last ones give `keep_last` alone; what
    must stay in any case is pinned.
    """
    if params.older_than_ms is params.keep_last is params.max_bytes is None:
        raise InvalidParams(
            "Say which runs: older_than_ms, keep_last or max_bytes.", path="$.params"
        )
    before_at = None
    if params.older_than_ms is not None:
        before_at = ctx.clock.now_ms() - params.older_than_ms
    wish = Wish(before_at, params.keep_last, params.max_bytes)
    if params.dry_run:
        return _look(ctx, wish)
    return _prune(ctx, wish)


def _look(ctx: LongContext, wish: Wish) -> RunsPruneResult:
    count = size_bytes = 0
    reached_limit = False
    with ctx.reading(snapshot=True) as db, interruptible(db, ctx.cancel_event.is_set):
        file_bytes = purge.file_bytes(db)
        for rows in run_prune.batches(db, wish):
            ctx.check_cancelled()
            if count >= limits.PRUNE_MAX_RUNS:
                reached_limit = True
                break
            count += len(rows)
            size_bytes += sum(row[1] for row in rows)
    return RunsPruneResult(count, size_bytes, file_bytes, file_bytes, reached_limit)


def _prune(ctx: LongContext, wish: Wish, *, by_timer: bool = False) -> RunsPruneResult:
    deleted, reached_limit = 0, False
    with ctx.reading() as reader, interruptible(reader, ctx.cancel_event.is_set):
        before_bytes = purge.file_bytes(reader)
        for rows in run_prune.batches(reader, wish):
            if deleted >= limits.PRUNE_MAX_RUNS:
                reached_limit = True
                break
            for step in steps.cut(rows):
                deleted += _delete(ctx, [row[0] for row in step], by_timer=by_timer)
                ctx.progress("prune", deleted, None, "rows")
    after_bytes = _shrink(ctx) if deleted else before_bytes
    freed_bytes = max(0, before_bytes - after_bytes)
    return RunsPruneResult(deleted, freed_bytes, before_bytes, after_bytes, reached_limit)


def _delete(ctx: LongContext, rids: list[int], *, by_timer: bool) -> int:
    """Delete the runs of one step, with an audit entry; return how many there were."""
    details = {"by": "timer"} if by_timer else {}
    with ctx.writing() as db:
        gone = run_prune.delete(db, rids)
        if gone:
            ctx.audit("run_prune", "runs", runs=gone, **details)
            purging.request(ctx, soon=not by_timer)
    return gone


def _shrink(ctx: LongContext) -> int:
    """Return free pages to the file system; return the size of the database then."""
    purging.shrink_file(ctx)
    with ctx.reading() as db:
        after_bytes = purge.file_bytes(db)
    ctx.store.let_requests_go_first()
    # What the log takes would hide that there is more room now; a reader may prevent it.
    ctx.store.checkpoint()
    return after_bytes


@chore(CHORE, first_ms=limits.CHORES_FIRST_MS, every_ms=limits.RETENTION_EVERY_MS)
def prune_by_settings(ctx: LongContext) -> None:
    """Prune what run_keep_days, run_keep_count and run_keep_bytes do not keep."""
    with ctx.reading() as db:
        days, count, size_bytes = (
            settings.own(db, key) for key in ("run_keep_days", "run_keep_count", "run_keep_bytes")
        )
    if not (days or count or size_bytes):
        return
    before_at = ctx.clock.now_ms() - days * DAY_MS if days else None
    result = _prune(ctx, Wish(before_at, count or None, size_bytes or None), by_timer=True)
    if result.reached_limit:
        ctx.session.schedule(CHORE, limits.RETENTION_AGAIN_MS)
