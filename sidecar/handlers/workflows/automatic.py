"""The chores of workflows: pack and prune earlier revisions, and empty the trash."""

from contextlib import suppress

from sidecar import limits, purging
from sidecar.catalog import chore
from sidecar.context import LongContext
from sidecar.errors import NotFound
from sidecar.handlers.workflows.delete import delete_one
from sidecar.store import settings
from sidecar.store.workflows import revisions
from sidecar.store.workflows.delete import list_archived_before

PACK_CHORE = "revisions"
DAY_MS = 86_400_000


@chore(PACK_CHORE)
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
            pruned = revisions.prune_all(db, rids, settings.number(db, "revision_keep_count"))
            for workflow_id, count in pruned.items():
                ctx.audit("revision_prune", workflow_id, revisions=count, by="timer")
            if pruned:
                purging.request(ctx, soon=False)


@chore("trash")
def empty_trash(ctx: LongContext) -> None:
    """Delete workflows that have been archived for longer than archive_keep_days; 0 keeps all."""
    while True:
        ctx.check_cancelled()
        with ctx.reading() as db:
            days = settings.number(db, "archive_keep_days")
            before_at = ctx.clock.now_ms() - days * DAY_MS
            ids = list_archived_before(db, before_at, limits.TRASH_STEP) if days else []
        if not ids:
            return
        for workflow_id in ids:
            # It may have been unarchived since it was listed: then delete_one raises NotFound.
            with suppress(NotFound):
                delete_one(
                    ctx,
                    workflow_id,
                    last=False,
                    reports_runs=False,
                    archived_before=before_at,
                    by="timer",
                )
