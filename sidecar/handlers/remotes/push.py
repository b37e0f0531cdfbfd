"""`remotes.push`: make a backup if something has changed, and push everything that is due."""

from typing import Annotated

from msgspec import Meta

from sidecar.backups.create import create_backup
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import Conflict, RecoveryCodeNeeded
from sidecar.files import wire_errors
from sidecar.handlers.remotes.views import DEFAULT_NAME, NameParam
from sidecar.remotes.access import ERRORS, open_remote
from sidecar.remotes.due import is_newest_sealed_unchanged
from sidecar.remotes.pushing import alone, push_to
from sidecar.secrets import remote_identities as identities
from sidecar.values import Count


class RemotesPushParams(Params, frozen=True):
    """The remote to push to."""

    name: NameParam = DEFAULT_NAME


class RemotesPushResult(Result, frozen=True):
    """What was pushed."""

    backups: Annotated[list[str], Meta(description="Names of the backups, the oldest first.")]
    audit_entries: Annotated[Count, Meta(description="Number of entries of the audit log.")]
    sent_bytes: Annotated[Count, Meta(description="Number of sealed bytes that were sent.")]
    pruned: Annotated[
        list[str],
        Meta(description="Names of the backups that `remote_keep_bytes` has deleted there."),
    ]


@method(
    "remotes.push",
    long=True,
    errors=(*ERRORS, Conflict, RecoveryCodeNeeded),
)
def push(ctx: LongContext, params: RemotesPushParams) -> RemotesPushResult:
    """Make a backup with the secrets if something has changed, and push all that is due.

    An interrupted push continues where it stopped. Other requests are answered meanwhile.
    """
    access = open_remote(ctx, params.name)
    with alone(ctx):
        with ctx.reading() as db, wire_errors():
            if not identities.has_recovery_code(db):
                raise RecoveryCodeNeeded
            is_unchanged = is_newest_sealed_unchanged(db, ctx.store.path)
        if not is_unchanged:
            create_backup(ctx, "manual", include_secrets=True)
        done = push_to(ctx, access)
    return RemotesPushResult(done.backups, done.audit_entries, done.sent_bytes, done.pruned)
