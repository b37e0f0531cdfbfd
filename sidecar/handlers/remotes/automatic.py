"""The chore that pushes to remotes what is due: after a backup, at an unlock, and every hour."""

from sidecar.catalog import chore
from sidecar.context import LongContext
from sidecar.remotes.pushing import push_due
from sidecar.store.remotes import CHORE


@chore(CHORE)
def push_remotes(ctx: LongContext) -> None:
    """Push everything that is due; when no remote is set, this reads one row."""
    push_due(ctx)
