"""The chore that packs replaced bodies and prunes revisions beyond those that are kept."""

from sidecar import limits
from sidecar.catalog import chore
from sidecar.context import LongContext
from sidecar.store import purge, settings
from sidecar.store.connection import Connection
from sidecar.store.workflows import header as headers
from sidecar.store.workflows import revisions

CHORE = "revisions"
KEEP_SETTING = "revision_keep_count"


@chore(CHORE, first_ms=limits.CHORES_FIRST_MS)
def pack_revisions(ctx: LongContext) -> None:
    """Pack what saves have left, a few at a time; the work is done outside the lock."""
    while True:
        ctx.check_cancelled()
        with ctx.reading() as db:
            planned = revisions.plan_packing(db, limits.REVISION_PACK_STEP)
        if not planned:
            return
        with ctx.writing() as db:
            revisions.pack(db, planned)
            keep_count = settings.own(db, KEEP_SETTING)
            pruned = False
            for rid in dict.fromkeys(each.workflow for each in planned):
                pruned = prune(ctx, db, rid, keep_count) or pruned
        if pruned:
            ctx.session.schedule(purge.CHORE, limits.PURGE_SELDOM_MS, at_latest=True)


def prune(ctx: LongContext, db: Connection, rid: int, keep_count: int) -> bool:
    """Prune one workflow's revisions, with an audit entry when any went; whether any did."""
    pruned = revisions.prune(db, rid, keep_count)
    if pruned:
        purge.ask(db)
        workflow_id = headers.id_of(db, rid)
        ctx.audit("revision_prune", workflow_id, revisions=pruned, by="timer")
    return pruned > 0
