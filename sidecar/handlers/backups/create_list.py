"""`backups.create` and `backups.list`: make a verified backup, and list those that there are."""

from typing import Annotated

from msgspec import Meta

from sidecar import limits
from sidecar.backups import directory
from sidecar.backups.create import create_backup
from sidecar.catalog import Params, Result, method
from sidecar.context import Context, LongContext
from sidecar.errors import ReadOnly
from sidecar.files import wire_errors
from sidecar.handlers.backups.views import BackupView, Counts, FilePath, Name, view
from sidecar.pages import page_of
from sidecar.store.tables import by_noun
from sidecar.values import Count, CursorParam, Limit, NextCursor
from sidecar.vocabularies import BackupSecrets


class BackupsCreateParams(Params, frozen=True):
    """The content of the backup, and its label."""

    label: Annotated[
        Annotated[str, Meta(max_length=limits.BACKUP_LABEL_MAX_CHARS)] | None,
        Meta(description="A label for people, up to 200 characters."),
    ] = None
    include_secrets: Annotated[
        bool,
        Meta(
            description="Include the sealed secrets and the key slots that unlock them; absent:"
            " false."
        ),
    ] = False


class BackupsCreateResult(Result, frozen=True, kw_only=True):
    """The backup that was made."""

    name: Name
    path: FilePath
    size_bytes: Annotated[Count, Meta(description="Size of the file.")]
    database_bytes: Annotated[Count, Meta(description="Size of the database in it.")]
    sha256: Annotated[str, Meta(description="SHA-256 of the database in it, hex.")]
    counts: Counts
    duration_ms: Annotated[Count, Meta(description="Time it took, in milliseconds.")]
    secrets: BackupSecrets
    omitted: Annotated[
        list[str],
        Meta(
            description="Objects in the database's schema that are not of this program and are not"
            " in the backup, such as `view late_runs`."
        ),
    ]


@method("backups.create", long=True)
def create(ctx: LongContext, params: BackupsCreateParams) -> BackupsCreateResult:
    """Make a backup of the database as it is now, verify it, and keep it until it is deleted.

    Other requests are served meanwhile. Deleted data is purged first, so the backup lacks it, and
    tables, indexes, views and triggers of other programs are omitted. A folder that
    `backup_directory` names and that has lost its marker file, as on a drive that is not mounted,
    is refused with `read_only` once; the next call accepts it as it is then.
    """
    created = create_backup(
        ctx, "manual", label=params.label, include_secrets=params.include_secrets, last=True
    )
    manifest = created.backup.manifest
    return BackupsCreateResult(
        name=created.backup.name,
        path=str(created.backup.path),
        size_bytes=created.backup.size_bytes,
        database_bytes=manifest.database_bytes,
        sha256=manifest.sha256,
        counts=by_noun(manifest.counts),
        duration_ms=created.duration_ms,
        secrets=manifest.secrets,
        omitted=created.omitted,
    )


class BackupsListParams(Params, frozen=True):
    """Which page of backups to list."""

    limit: Limit = limits.PAGE_DEFAULT
    cursor: CursorParam = None


class BackupsListResult(Result, frozen=True):
    """A page of the complete backups in the folder of backups."""

    items: Annotated[list[BackupView], Meta(description="Newest first.")]
    next_cursor: NextCursor


@method("backups.list", access="read", errors=(ReadOnly,))
def list_backups(ctx: Context, params: BackupsListParams) -> BackupsListResult:
    """List the backups in the folder of backups.

    A file without a readable manifest is omitted, for example an incomplete one. `backups.verify`
    reports what is wrong with such a file.
    """
    with wire_errors():
        location = directory.locate(ctx.store)
        backups = directory.list_backups(location.folder)
    page, next_cursor = page_of(
        backups,
        directory.age_key,
        params.limit,
        params.cursor,
        kinds=(int, str),
        descending=True,
    )
    return BackupsListResult([view(each, location.store_id) for each in page], next_cursor)
