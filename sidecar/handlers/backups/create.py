"""`backups.create`: one verified backup, made while others go on."""

from typing import Annotated

from msgspec import Meta

from sidecar import limits
from sidecar.backups import create as creating
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import DatabaseDamaged, DatabaseFull, Maintenance, ReadOnly
from sidecar.handlers.backups.views import Counts, FilePath, Name, SecretsIn
from sidecar.values import Count


class BackupsCreateParams(Params, frozen=True):
    """What kind of backup."""

    label: Annotated[
        Annotated[str, Meta(max_length=limits.BACKUP_LABEL_MAX_CHARS)] | None,
        Meta(description="What to call it, up to 200 characters."),
    ] = None
    include_secrets: Annotated[
        bool,
        Meta(
            description="Take the secrets along, sealed as they are, with the key slots; absent:"
            " false."
        ),
    ] = False


class BackupsCreateResult(Result, frozen=True, kw_only=True):
    """The backup."""

    name: Name
    path: FilePath
    size_bytes: Annotated[Count, Meta(description="Size of the file.")]
    database_bytes: Annotated[Count, Meta(description="Size of the database in it.")]
    sha256: Annotated[str, Meta(description="Of the database in it, hex.")]
    counts: Counts
    duration_ms: Annotated[Count, Meta(description="How long it took.")]
    secrets: SecretsIn


@method("backups.create", long=True, errors=(DatabaseDamaged, DatabaseFull, Maintenance, ReadOnly))
def create(ctx: LongContext, params: BackupsCreateParams) -> BackupsCreateResult:
    """Make a backup of this moment, checked and read back; it is kept until it is deleted.

    Other requests go on meanwhile. What was deleted is purged first, so that it is not in it.
    """
    created = creating.create(
        ctx, "manual", label=params.label, include_secrets=params.include_secrets, last=True
    )
    manifest = created.backup.manifest
    return BackupsCreateResult(
        name=created.backup.name,
        path=str(created.backup.path),
        size_bytes=created.backup.size_bytes,
        database_bytes=manifest.database_bytes,
        sha256=manifest.sha256,
        counts=manifest.counts,
        duration_ms=created.duration_ms,
        secrets=manifest.secrets,
    )
