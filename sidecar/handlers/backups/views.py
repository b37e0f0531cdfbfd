"""The types that the methods of backups share, and what a client sees of a backup."""

from typing import Annotated

from msgspec import Meta, Struct

from sidecar import limits
from sidecar.backups.directory import Backup
from sidecar.store.tables import COUNTED_NOUNS, by_noun
from sidecar.values import Count, Timestamp
from sidecar.vocabularies import BackupReason, BackupSecrets

Name = Annotated[str, Meta(max_length=limits.BACKUP_NAME_MAX_CHARS, description="File name.")]
FilePath = Annotated[str, Meta(description="Absolute path of the file.")]
Counts = Annotated[dict[str, int], Meta(description=f"Rows of {', '.join(COUNTED_NOUNS)}.")]


class BackupView(Struct, frozen=True, kw_only=True):
    """One backup as its manifest describes it."""

    name: Name
    path: FilePath
    created_at: Timestamp
    reason: BackupReason
    label: Annotated[str | None, Meta(description="Label that was given when the backup was made.")]
    size_bytes: Annotated[Count, Meta(description="Size of the file.")]
    database_bytes: Annotated[Count, Meta(description="Size of the database in it.")]
    sha256: Annotated[str, Meta(description="SHA-256 of the database in it, hex.")]
    schema_version: Annotated[Count, Meta(description="Version of the tables in it.")]
    program: Annotated[str, Meta(description="Version of the program that made it.")]
    counts: Counts
    secrets: BackupSecrets
    this_database: Annotated[
        bool | None,
        Meta(
            description="Whether it is one of the served database; null where that is not known, as"
            " in a rescue."
        ),
    ]


def view(backup: Backup, store_id: bytes) -> BackupView:
    """Return what a client sees of a backup.

    `store_id` is the id of the served database, empty where it cannot be read.
    """
    manifest = backup.manifest
    return BackupView(
        name=backup.name,
        path=str(backup.path),
        created_at=manifest.created_at,
        reason=manifest.reason,
        label=manifest.label,
        size_bytes=backup.size_bytes,
        database_bytes=manifest.database_bytes,
        sha256=manifest.sha256,
        schema_version=manifest.schema_version,
        program=manifest.program,
        counts=by_noun(manifest.counts),
        secrets=manifest.secrets,
        this_database=manifest.store_id == store_id.hex() if store_id else None,
    )
