"""`backups.list`, `backups.verify` and `backups.delete`: the backups that are there."""

from typing import Annotated

from msgspec import Meta, Struct

from sidecar.archive.manifest import is_authentic
from sidecar.backups import directory
from sidecar.backups import make as making
from sidecar.backups import verify as verifying
from sidecar.catalog import Params, Result, method
from sidecar.context import Context, LongContext
from sidecar.errors import BackupRejected, DatabaseFull, NotFound, ReadOnly
from sidecar.files import wire_errors
from sidecar.handlers.backups.views import (
    BackupView,
    GivenName,
    GivenPath,
    Name,
    locate,
    shown_name,
    view,
    view_of,
)
from sidecar.store.transfer import snapshot

# --- backups.list -----------------------------------------------------------------------------


class BackupsListParams(Params, frozen=True):
    """Nothing to choose."""


class BackupsListResult(Result, frozen=True):
    """The backups."""

    items: Annotated[list[BackupView], Meta(description="Newest first.")]


@method("backups.list", access="read", errors=(ReadOnly,))
def list_backups(ctx: Context, params: BackupsListParams) -> BackupsListResult:
    """List the backups in the folder of backups; what is not whole is not listed."""
    del params
    with wire_errors():
        seen = directory.seen(ctx.store)
        found = directory.listed(seen.folder)
    return BackupsListResult([view_of(each, seen.store_id) for each in found])


# --- backups.verify ---------------------------------------------------------------------------


class BackupsVerifyParams(Params, frozen=True):
    """Which backup."""

    name: GivenName = None
    path: GivenPath = None


class BackupFinding(Struct, frozen=True):
    """One thing that is not as it should be."""

    kind: Annotated[
        str,
        Meta(
            description="Why it would be rejected: `not_a_backup`, `newer`, `manifest`, `size`,"
            " `window`, `form`, `truncated`, `trailing`, `damaged`, `not_ours`, `schema` or"
            " `content`; or what a restore would take all the same, by the kinds of system.check."
        ),
    ]
    detail: Annotated[str, Meta(description="One sentence for a person.")]


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
    path = locate(ctx, params.name, params.path)
    with ctx.reading() as db:
        store_id = snapshot.store_id(db)
    with wire_errors():
        verdict = verifying.verify(
            path, ctx.store.path, ctx.progress, cancelled=ctx.cancel_event.is_set
        )
    manifest = authentic = None
    if verdict.manifest is not None:
        authentic = is_authentic(verdict.manifest, making.current_mac(ctx))
        manifest = view(path, verdict.manifest, verdict.size_bytes, store_id)
    if verdict.refusal is not None:
        log_rejected(ctx, verdict.refusal, path.name, last=True)
    findings = [BackupFinding(*found) for found in verdict.findings]
    return BackupsVerifyResult(not findings, findings, authentic, manifest)


def log_rejected(ctx: LongContext, refusal: BackupRejected, name: str, *, last: bool) -> None:
    """Write down that a backup was rejected; `last` where an answer follows and no error."""
    with ctx.writing(last=last):
        ctx.audit("backup_rejected", shown_name(name), reason=refusal.data["reason"])


# --- backups.delete ---------------------------------------------------------------------------


class BackupsDeleteParams(Params, frozen=True):
    """Which backup."""

    name: Name


class BackupsDeleteResult(Result, frozen=True):
    """The one that is gone."""

    name: Name


@method("backups.delete", access="write", frees=True, errors=(NotFound, ReadOnly))
def delete(ctx: Context, params: BackupsDeleteParams) -> BackupsDeleteResult:
    """Delete a backup for good, whoever made it."""
    path = directory.find(directory.place(ctx.db, ctx.store.path), params.name)
    ctx.audit("backup_delete", params.name)
    with wire_errors():
        path.unlink()
    return BackupsDeleteResult(params.name)
