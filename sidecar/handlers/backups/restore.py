"""`backups.restore`: put a backup in the place of the database."""

from typing import Annotated, Literal

from msgspec import Meta

from sidecar.backups import restore as restoring
from sidecar.backups.old_database import ServedDatabase
from sidecar.backups.restore import Restored
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import (
    BackupRejected,
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseFull,
    Maintenance,
    NotFound,
    ReadOnly,
    RecoveryRequired,
)
from sidecar.handlers.backups.views import (
    BackupFinding,
    BackupView,
    Counts,
    GivenName,
    GivenPath,
    find_backup,
    view,
)
from sidecar.values import Count


class BackupsRestoreParams(Params, frozen=True):
    """Which backup, and what of the present is to stay."""

    name: GivenName = None
    path: GivenPath = None
    dry_run: Annotated[bool, Meta(description="Only tell what would become; absent: false.")] = (
        False
    )
    secrets: Annotated[
        Literal["live", "backup"],
        Meta(
            description="Whose secrets, passphrase and tries are there afterwards: `live`, those"
            " of now, or `backup`; absent: live."
        ),
    ] = "live"


class BackupsRestoreResult(Result, frozen=True, kw_only=True):
    """What became, or in a dry run would become."""

    dry_run: Annotated[bool, Meta(description="Nothing was changed.")]
    backup: Annotated[BackupView, Meta(description="What was restored.")]
    migrated_from: Annotated[
        int | None, Meta(description="Version of its tables if they were older, else null.")
    ]
    counts: Counts
    counts_before: Annotated[
        dict[str, int],
        Meta(description="The same of what was replaced, but for what was too damaged to count."),
    ]
    secrets: Annotated[
        Literal["kept", "from_backup", "none"], Meta(description="Which secrets are there.")
    ]
    providers: Annotated[list[str], Meta(description="Whose keys are there, sealed.")]
    providers_open: Annotated[
        list[str] | None,
        Meta(
            description="Whose of these keys open with what is unlocked now; null while locked,"
            " and when it is done."
        ),
    ]
    providers_lost: Annotated[
        list[str], Meta(description="Whose keys were there and are no longer.")
    ]
    safety_backup: Annotated[
        str | None,
        Meta(description="Name of the backup of what was replaced, secrets included."),
    ]
    kept_aside: Annotated[
        str | None,
        Meta(
            description="Name of the file that was replaced, where it was too damaged for a"
            " backup; else null."
        ),
    ]
    epoch: Annotated[Count | None, Meta(description="Rises with every restore; null in a dry run.")]
    seq: Annotated[Count | None, Meta(description="Newest audit entry; null in a dry run.")]
    findings: Annotated[
        list[BackupFinding], Meta(description="What in it is not sound, row by row.")
    ]


@method(
    "backups.restore",
    long=True,
    errors=(
        BackupRejected,
        DatabaseBusy,
        DatabaseDamaged,
        DatabaseFull,
        Maintenance,
        NotFound,
        ReadOnly,
        RecoveryRequired,
    ),
)
def restore(ctx: LongContext, params: BackupsRestoreParams) -> BackupsRestoreResult:
    """Put a backup in the database's place; a backup of what is replaced is made first.

    It is unpacked and looked at while others go on; a rejected one changes nothing. The audit
    log of now goes on. Then, until it is done, requests that need the database are answered
    `maintenance`; killed at any moment it leaves the old database or the new one, whole.
    """
    path = find_backup(ctx, params.name, params.path)
    old = ServedDatabase(ctx)
    return result_of(restoring.restore(old, path, params.secrets, dry_run=params.dry_run))


def result_of(restored: Restored) -> BackupsRestoreResult:
    """Return the method's result for a restore, also for one of a database that is not served."""
    new, secrets, built = restored.new, restored.secrets, restored.built
    return BackupsRestoreResult(
        dry_run=built is None,
        backup=view(new.backup, restored.content.store_id),
        migrated_from=new.migrated_from,
        counts=new.counts,
        counts_before=restored.content.counts,
        secrets=secrets.outcome,
        providers=secrets.providers,
        providers_open=restored.openable,
        providers_lost=secrets.lost_providers,
        safety_backup=restored.preserved.safety_backup,
        kept_aside=restored.preserved.file_name,
        epoch=built and built.epoch,
        seq=built and built.seq,
        findings=[
            BackupFinding(each.kind, f"{each.where}: {each.detail}") for each in new.findings
        ],
    )
