"""`audit.prune`: deletes the oldest entries of the log.

Pruning moves the start of the log forward: the entries that are left stay verifiable, and the
entry of the pruning says which were deleted.
"""

from typing import Annotated

from msgspec import Meta

from sidecar import limits, purging
from sidecar.catalog import Params, Result, chore, method
from sidecar.context import LongContext
from sidecar.errors import Conflict, InvalidParams, Locked, Tampered
from sidecar.handlers.audit.keys import keys_of, refuse_other_keys
from sidecar.store.audit import log
from sidecar.store.audit.verify import point_at
from sidecar.store.connection import Connection
from sidecar.values import Count

PRUNED_CHORE = "audit_pruned"


class AuditPruneParams(Params, frozen=True):
    """Which entries to delete: those that either of the criteria names."""

    older_than_ms: Annotated[
        Count | None, Meta(description="Entries that are older than this.")
    ] = None
    keep_last: Annotated[Count | None, Meta(description="All entries but the newest so many.")] = (
        None
    )
    dry_run: Annotated[
        bool, Meta(description="Only count the entries, delete none; absent: false.")
    ] = False


class AuditPruneResult(Result, frozen=True):
    """The deleted rows; in a dry run, those that would be deleted."""

    deleted: Annotated[Count, Meta(description="Number of entries.")]
    pruned_through: Annotated[
        Count, Meta(description="Newest entry that was pruned, now or before; 0 for none.")
    ]


@method("audit.prune", long=True, frees_space=True, errors=(Conflict, Locked, Tampered))
def prune(ctx: LongContext, params: AuditPruneParams) -> AuditPruneResult:
    """Delete the oldest entries; the others stay verifiable. Entries of the last 30 days stay.

    An entry is deleted when either criterion names it: to keep the newest ones however old they
    are, give `keep_last` alone. When the log is sealed, secrets must be unlocked.
    """
    if params.older_than_ms is params.keep_last is None:
        raise InvalidParams("Give at least one of older_than_ms and keep_last.", path="$.params")
    with ctx.reading(snapshot=True) as db:
        keys = keys_of(ctx, db)
        upto = _newest_to_delete(ctx, db, params)
        before = log.pruned_through(db)
        point = point_at(db, upto, keys.open_for_audit if keys else None)
    if upto <= before:
        return AuditPruneResult(0, before)
    if point is None:
        refuse_other_keys(ctx, keys)
        raise Tampered("The log does not verify; nothing was pruned.", what="audit")
    deleted = upto - before
    if params.dry_run:
        return AuditPruneResult(deleted, upto)
    with ctx.writing() as db:
        if (keys_of(ctx, db), log.pruned_through(db)) != (keys, before):
            raise Conflict("The log was pruned or sealed during the call; nothing was pruned.")
        ctx.audit("audit_prune", "audit", **{"from": before + 1, "to": upto}, head=point.head.hex())
        if keys is not None:
            # The newest checkpoint may be pruned, and the marks of the vault with it.
            ctx.checkpoint_chain()
        log.set_log_start(db, point, ctx.chain_sealer(keys) if keys else None)
    _delete(ctx, deleted)
    return AuditPruneResult(deleted, upto)


def _newest_to_delete(ctx: LongContext, db: Connection, params: AuditPruneParams) -> int:
    """Return the number of the newest entry to delete."""
    now_ms, upto = ctx.clock.now_ms(), 0
    if params.older_than_ms is not None:
        upto = log.last_seq_before(db, now_ms - params.older_than_ms)
    if params.keep_last is not None:
        upto = max(upto, log.chain_head(db).seq - params.keep_last)
    return min(upto, log.last_seq_before(db, now_ms - limits.AUDIT_KEEP_MIN_MS))


def _delete(ctx: LongContext, total: int | None) -> None:
    """Delete the entries before the log's new start, in steps."""

    def step(db: Connection) -> int:
        deleted = log.delete_pruned_entries(db, limits.AUDIT_PRUNE_BATCH)
        if deleted:
            purging.request(ctx)
        return deleted

    ctx.in_steps(step, lambda done: ctx.progress("prune", done, total, "entries"))


@chore(PRUNED_CHORE)
def finish_pruning(ctx: LongContext) -> None:
    """Delete the entries before the log's start that a killed process has left."""
    _delete(ctx, None)
