"""The chore that empties the trash: archived workflows go after the days of a setting."""

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
    """Delete what has been archived for longer than trash_keep_days; 0 keeps all."""
    while True:
        ctx.check_cancelled()
        with ctx.reading() as db:
            days = settings.own(db, "trash_keep_days")
            before_at = ctx.clock.now_ms() - days * DAY_MS
            ids = list_archived_before(db, before_at, limits.TRASH_STEP) if days else []
        if not ids:
            return
        for workflow_id in ids:
            # A person may be just taking it out: looked at again where it is deleted.
            with suppress(NotFound):
                delete_one(
                    ctx,
                    workflow_id,
                    last=False,
                    shows_runs=False,
                    archived_before=before_at,
                    by="timer",
                )
