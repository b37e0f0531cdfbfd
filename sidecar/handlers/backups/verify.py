"""`backups.verify`: examine a backup as a restore would, without restoring it."""

from typing import Annotated

from msgspec import Meta

from sidecar.archive.manifest import is_authentic
from sidecar.backups import verify as verifying
from sidecar.backups.create import manifest_mac
from sidecar.backups.directory import Backup
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import DatabaseFull, NotFound, ReadOnly
from sidecar.files import wire_errors
from sidecar.handlers.backups.views import (
    BackupFinding,
    BackupView,
    GivenName,
    GivenPath,
    find_backup,
    view,
)
from sidecar.store import meta


class BackupsVerifyParams(Params, frozen=True):
    """Which backup."""

    name: GivenName = None
    path: GivenPath = None


class BackupsVerifyResult(Result, frozen=True):
    """What was found."""

    ok: Annotated[bool, Meta(description="A restore would take it, and all in it is sound.")]
    findings: Annotated[list[BackupFinding], Meta(description="At most 1 000.")]
    authentic: Annotated[
        bool | None,
        Meta(
            description="It was made under the root key of now; null where that cannot be told:"
            " secrets are locked or not set up, or were when it was made."
        ),
    ]
    manifest: Annotated[
        BackupView | None, Meta(description="What it says of itself; null where that is damaged.")
    ]


@method("backups.verify", long=True, errors=(DatabaseFull, NotFound, ReadOnly))
def verify(ctx: LongContext, params: BackupsVerifyParams) -> BackupsVerifyResult:
    """Unpack a backup aside and look at all that is in it, as a restore would.

    One that would be rejected is written to the audit log.
    """
    path = find_backup(ctx, params.name, params.path)
    with ctx.reading() as db:
        store_id = meta.store_id(db)
    with wire_errors():
        verdict = verifying.verify(path, ctx.store.path, ctx.progress, ctx.cancel_event.is_set)
    manifest = authentic = None
    if verdict.manifest is not None:
        authentic = is_authentic(verdict.manifest, manifest_mac(ctx))
        manifest = view(Backup(path, verdict.manifest, verdict.size_bytes), store_id)
    if verdict.rejection is not None:
        verifying.log_rejection(ctx, verdict.rejection, path.name, last=True)
    findings = [BackupFinding(*finding) for finding in verdict.findings]
    return BackupsVerifyResult(not findings, findings, authentic, manifest)
