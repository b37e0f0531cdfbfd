"""The types that the methods of backups share, and finding the backup that a request names."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from sidecar import limits
from sidecar.archive.manifest import Reason, Secrets
from sidecar.backups import directory
from sidecar.backups.directory import Backup
from sidecar.context import LongContext
from sidecar.errors import InvalidParams
from sidecar.files import beside
from sidecar.store.database_files import SQLITE_LEFTOVERS
from sidecar.store.tables import COUNTED
from sidecar.values import Count, Timestamp

Name = Annotated[str, Meta(max_length=limits.BACKUP_NAME_MAX_CHARS, description="File name.")]
FilePath = Annotated[str, Meta(description="Absolute path of the file.")]
Label = Annotated[str | None, Meta(description="Label that was given when the backup was made.")]
Counts = Annotated[dict[str, int], Meta(description=f"Rows of {', '.join(COUNTED)}.")]
SecretsIn = Annotated[
    Secrets, Meta(description="`none`, or `sealed`: with the sealed secrets and their key slots.")
]
GivenName = Annotated[
    Annotated[str, Meta(max_length=limits.BACKUP_NAME_MAX_CHARS)] | None,
    Meta(description="Name of a listed backup; give this or `path`."),
]
GivenPath = Annotated[
    Annotated[str, Meta(max_length=limits.PATH_MAX_CHARS)] | None,
    Meta(description="Absolute path of a backup in any folder; give this or `name`."),
]


class BackupView(Struct, frozen=True, kw_only=True):
    """One backup as its manifest describes it."""

    name: Name
    path: FilePath
    created_at: Timestamp
    reason: Annotated[Reason, Meta(description="Why it was made.")]
    label: Label
    size_bytes: Annotated[Count, Meta(description="Size of the file.")]
    database_bytes: Annotated[Count, Meta(description="Size of the database in it.")]
    sha256: Annotated[str, Meta(description="SHA-256 of the database in it, hex.")]
    schema_version: Annotated[Count, Meta(description="Version of the tables in it.")]
    program: Annotated[str, Meta(description="Version of the program that made it.")]
    counts: Counts
    secrets: SecretsIn
    this_database: Annotated[bool, Meta(description="Whether it is one of the served database.")]


class BackupFinding(Struct, frozen=True):
    """One thing that is wrong with a backup or with the database in it."""

    kind: Annotated[
        str,
        Meta(
            description="Why a restore would reject the backup: `not_a_backup`, `newer`,"
            " `manifest`, `size`, `window`, `form`, `truncated`, `trailing`, `damaged`,"
            " `not_ours`, `schema` or `content`. Or, for damage with which a restore accepts it,"
            " a kind of system.check."
        ),
    ]
    detail: Annotated[str, Meta(description="One sentence for a person.")]


def view(backup: Backup, store_id: bytes) -> BackupView:
    """Return what a client sees of a backup; `store_id` is the id of the served database."""
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
        counts=manifest.counts,
        secrets=manifest.secrets,
        this_database=manifest.store_id == store_id.hex(),
    )


def find_backup(ctx: LongContext, name: str | None, path: str | None) -> Path:
    """Return the path of the backup that a request names by `name` or by `path`.

    Raises:
        InvalidParams: the request has neither or both of them, the path is not absolute, or it
            is that of the served database itself.
        NotFound: there is no such file.
    """
    if (name is None) == (path is None):
        raise InvalidParams("Name the backup by name or by path.", path="$.params")
    if name is not None:
        return directory.find(directory.locate(ctx.store).folder, name)
    given = Path(path or "")
    if "\0" in str(given) or not given.is_absolute():
        raise InvalidParams("The path must be absolute.", path="$.params.path")
    found = directory.require_file(given)
    for suffix in ("", *SQLITE_LEFTOVERS):
        own = beside(ctx.store.path, suffix)
        # Opening and closing the database's own file would release SQLite's locks on it.
        if own.exists() and own.samefile(found):
            raise InvalidParams("That is the database itself.", path="$.params.path")
    return found
