"""The chore that deletes workflows which have been archived for longer than a setting says."""

from contextlib import suppress

from sidecar import limits
from sidecar.catalog import chore
from sidecar.context import LongContext
from sidecar.errors import NotFound
from sidecar.handlers.workflows.delete import delete_one
from sidecar.store import settings
from sidecar.store.workflows.delete import list_archived_before

CHORE = "trash"
DAY_MS = 86_400_000


@chore(CHORE, first_ms=limits.CHORES_FIRST_MS, every_ms=limits.RETENTION_EVERY_MS)
def empty_trash(ctx: LongContext) -> None:
    """Delete workflows that have been archived for longer than trash_keep_days; 0 keeps all."""
    while True:
        ctx.check_cancelled()
        with ctx.reading() as db:
            days = settings.number(db, "trash_keep_days")
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
