"""`audit.prune`.

Pruning moves the start of the log forward: what is kept stays verifiable, and the entry of the
pruning says what went.
"""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from sidecar import limits, purging
from sidecar.catalog import Params, Result, chore, method
from sidecar.context import LongContext
from sidecar.errors import Conflict, InvalidParams, Locked, Tampered
from sidecar.handlers.audit.keys import keys_of, refuse_other_keys
from sidecar.store.audit.log import (
    chain_head,
    delete_pruned_entries,
    last_seq_before,
    pruned_through,
    set_log_start,
)
from sidecar.store.audit.verify import point_at
from sidecar.store.connection import Connection
from sidecar.values import Count, Timestamp

PRUNED_CHORE = "audit_pruned"


class AuditPruneParams(Params, frozen=True):
    """What goes: exactly one of them."""

    before_at: (
        Annotated[Timestamp, Meta(description="Entries older than this time, in ms of Unix time.")]
        | UnsetType
    ) = UNSET
    keep: Annotated[Count, Meta(description="All but the newest so many entries.")] | UnsetType = (
        UNSET
    )


class AuditPruneResult(Result, frozen=True):
    """What went."""

    deleted: Annotated[Count, Meta(description="How many entries are gone.")]
    pruned_through: Annotated[Count, Meta(description="Newest entry that was pruned, 0 for none.")]


@method("audit.prune", long=True, frees_space=True, errors=(Conflict, Locked, Tampered))
def prune(ctx: LongContext, params: AuditPruneParams) -> AuditPruneResult:
    """Delete the oldest entries; the rest stays verifiable. The last 30 days always stay.

    A sealed log must be unlocked for it.
    """
    if isinstance(params.before_at, UnsetType) == isinstance(params.keep, UnsetType):
        raise InvalidParams("Exactly one of before_at, keep is needed.", path="$.params")
    with ctx.reading(snapshot=True) as db:
        keys = keys_of(ctx, db)
        upto = _bound(ctx, db, params)
        before = pruned_through(db)
        point = point_at(db, upto, keys.open_for_audit if keys else None)
    if upto <= before:
        return AuditPruneResult(0, before)
    if point is None:
        refuse_other_keys(ctx, keys)
        raise Tampered("The log does not verify; nothing was pruned.", what="audit")
    deleted = upto - before
    with ctx.writing() as db:
        if (keys_of(ctx, db), pruned_through(db)) != (keys, before):
            raise Conflict("The log was pruned or sealed meanwhile.")
        set_log_start(db, point, ctx.chain_sealer(keys) if keys else None)
        ctx.audit("audit_prune", "audit", **{"from": before + 1, "to": upto}, head=point.head.hex())
    _delete(ctx, deleted)
    return AuditPruneResult(deleted, upto)


def _bound(ctx: LongContext, db: Connection, params: AuditPruneParams) -> int:
    """Number of the newest entry that goes."""
    youngest = ctx.clock.now_ms() - limits.AUDIT_KEEP_MIN_MS
    if isinstance(params.keep, UnsetType):
        at = 0 if isinstance(params.before_at, UnsetType) else params.before_at
        return last_seq_before(db, min(at, youngest))
    return min(chain_head(db).seq - params.keep, last_seq_before(db, youngest))


def _delete(ctx: LongContext, total: int | None) -> None:
    """Delete the entries before the log's new start, in steps."""

    def step(db: Connection) -> int:
        deleted = delete_pruned_entries(db, limits.AUDIT_PRUNE_BATCH)
        if deleted:
            purging.request(ctx)
        return deleted

    ctx.in_steps(step, lambda done: ctx.progress("prune", done, total, "entries"))


@chore(PRUNED_CHORE, first_ms=limits.CHORES_FIRST_MS)
def finish_pruning(ctx: LongContext) -> None:
    """Delete what a pruning that was killed has left."""
    _delete(ctx, None)
