"""`backups.verify`: examine a backup as a restore would, without restoring it."""

from typing import Annotated

from msgspec import Meta

from sidecar.archive.manifest import is_authentic
from sidecar.backups.create import manifest_mac
from sidecar.backups.directory import Backup
from sidecar.backups.verify import log_rejection, verify_backup
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
    """The backup to verify."""

    name: GivenName = None
    path: GivenPath = None


class BackupsVerifyResult(Result, frozen=True):
    """The result of the verification."""

    ok: Annotated[bool, Meta(description="A restore would accept it, and all in it is sound.")]
    findings: Annotated[list[BackupFinding], Meta(description="What is wrong, at most 1 000.")]
    authentic: Annotated[
        bool | None,
        Meta(
            description="Whether the backup was made under the current root key; null when that is"
            " unknown: secrets are locked or not set up now, or were so when it was made."
        ),
    ]
    manifest: Annotated[
        BackupView | None, Meta(description="What its manifest says; null when that is damaged.")
    ]


@method("backups.verify", long=True, errors=(DatabaseFull, NotFound, ReadOnly))
def verify(ctx: LongContext, params: BackupsVerifyParams) -> BackupsVerifyResult:
    """Unpack a backup into a scratch file and examine everything in it, as a restore does.

    A backup that a restore would reject is reported in the audit log too.
    """
    path = find_backup(ctx, params.name, params.path)
    with ctx.reading() as db:
        store_id = meta.store_id(db)
    with wire_errors():
        verdict = verify_backup(path, ctx.store.path, ctx.progress, ctx.cancel_event.is_set)
    manifest = authentic = None
    if verdict.manifest is not None:
        authentic = is_authentic(verdict.manifest, manifest_mac(ctx))
        manifest = view(Backup(path, verdict.manifest, verdict.size_bytes), store_id)
    if verdict.rejection is not None:
        log_rejection(ctx, verdict.rejection, path.name, last=True)
    findings = [BackupFinding(*finding) for finding in verdict.findings]
    return BackupsVerifyResult(not findings, findings, authentic, manifest)
