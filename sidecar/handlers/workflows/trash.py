"""The chore that empties the trash: archived workflows go after the days of a setting."""

from sidecar import limits
from sidecar.catalog import chore
from sidecar.context import LongContext
from sidecar.errors import NotFound
from sidecar.handlers.workflows.delete import delete_one
from sidecar.store import settings
from sidecar.store.workflows import remove

CHORE = "trash"
DAY_MS = 86_400_000


@chore(CHORE, first_ms=limits.CHORES_FIRST_MS, every_ms=limits.RETENTION_EVERY_MS)
def empty_trash(ctx: LongContext) -> None:
    """Delete what has been archived for longer than trash_keep_days; 0 keeps all."""
    with ctx.reading() as db:
        days = settings.own(db, "trash_keep_days")
    if not days:
        return
    before_at = ctx.clock.now_ms() - days * DAY_MS
    while True:
        ctx.check_cancelled()
        with ctx.reading() as db:
            ids = remove.archived_before(db, before_at, limits.TRASH_STEP)
        if not ids:
            return
        for workflow_id in ids:
            try:
                delete_one(ctx, workflow_id, last=False, shows_runs=False, by="timer")
            except NotFound:
                continue  # somebody else was faster
