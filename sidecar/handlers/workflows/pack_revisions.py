"""The chore that packs the bodies of earlier revisions and prunes revisions that are too many."""

from sidecar import limits, purging
from sidecar.catalog import chore
from sidecar.context import LongContext
from sidecar.store import settings
from sidecar.store.workflows import revisions

CHORE = "revisions"
KEEP_SETTING = "revision_keep_count"


@chore(CHORE, first_ms=limits.CHORES_FIRST_MS)
def pack_revisions(ctx: LongContext) -> None:
    """Pack the bodies that saves have replaced, a few at a time, and prune their workflows.

    The bodies are compressed outside the lock.
    """
    while True:
        ctx.check_cancelled()
        with ctx.reading() as db:
            planned = revisions.plan_packing(db, limits.REVISION_PACK_STEP)
        if not planned:
            return
        with ctx.writing() as db:
            revisions.pack(db, planned)
            rids = dict.fromkeys(each.workflow for each in planned)
            pruned = revisions.prune_all(db, rids, settings.number(db, KEEP_SETTING))
            for workflow_id, count in pruned.items():
                ctx.audit("revision_prune", workflow_id, revisions=count, by="timer")
            if pruned:
                purging.request(ctx, soon=False)
