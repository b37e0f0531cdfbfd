"""`remotes.list` and `remotes.fetch`: the backups that a remote has, and one of them fetched."""

from typing import Annotated

from msgspec import Meta, Struct

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import BackupRejected, Conflict
from sidecar.handlers.remotes.views import (
    DEFAULT_NAME,
    BackupName,
    Device,
    FilePath,
    HeadNumber,
    NameParam,
)
from sidecar.remotes import device
from sidecar.remotes.access import ERRORS, open_remote, reader_of, remote_errors
from sidecar.remotes.fetch import fetch_backup
from sidecar.remotes.heads import Head
from sidecar.values import Count, Timestamp


class RemotesListParams(Params, frozen=True):
    """The remote to list."""

    name: NameParam = DEFAULT_NAME


class RemoteBackup(Struct, frozen=True, kw_only=True):
    """A backup in a remote."""

    device: Device
    n: HeadNumber
    name: BackupName
    created_at: Timestamp
    size_bytes: Annotated[Count, Meta(description="Size of the sealed backup in the remote.")]
    epoch: Annotated[Count, Meta(description="Epoch of the database when the backup was pushed.")]
    this_device: Annotated[bool, Meta(description="Whether this device has pushed the backup.")]


class RemotesListResult(Result, frozen=True):
    """The backups of this database that the remote has."""

    backups: Annotated[
        list[RemoteBackup], Meta(description="Newest first, of every device; at most 1 000.")
    ]


@method("remotes.list", long=True, errors=(*ERRORS, Conflict))
def list_backups(ctx: LongContext, params: RemotesListParams) -> RemotesListResult:
    """List the backups of this database that a remote has, of every device that pushes there.

    A backup with an invalid head is omitted; `remotes.verify` reports what is wrong.
    """
    access = open_remote(ctx, params.name)
    own = device.own_id(ctx.store.path, access.remote)
    found: list[RemoteBackup] = []
    with remote_errors(ctx, access), access.session(ctx) as session:
        reader = reader_of(ctx, access, session)
        devices = reader.devices()
        for done, each in enumerate(devices):
            ctx.check_cancelled()
            ctx.progress("fetch", done, len(devices), "phases")
            found += [_view(head, own) for head in reader.backups(each)]
    found.sort(key=lambda each: (each.created_at, each.name), reverse=True)
    return RemotesListResult(found[: limits.REMOTE_FINDINGS_MAX])


def _view(head: Head, own: str | None) -> RemoteBackup:
    return RemoteBackup(
        device=head.device,
        n=head.n,
        name=head.subject,
        created_at=head.made_at,
        size_bytes=head.size,
        epoch=head.epoch,
        this_device=head.device == own,
    )


class RemotesFetchParams(Params, frozen=True):
    """The backup to fetch, as `remotes.list` shows it."""

    device: Annotated[
        str,
        Meta(max_length=64, description="Id of the device that pushed the backup, 32 hex digits."),
    ]
    n: Annotated[Count, Meta(description="Number of the backup's head.")]
    name: NameParam = DEFAULT_NAME


class RemotesFetchResult(Result, frozen=True):
    """The backup that was fetched."""

    name: BackupName
    path: FilePath
    size_bytes: Annotated[Count, Meta(description="Size of the file.")]


@method("remotes.fetch", long=True, errors=(*ERRORS, BackupRejected, Conflict))
def fetch(ctx: LongContext, params: RemotesFetchParams) -> RemotesFetchResult:
    """Fetch a backup into the folder of backups, where `backups.restore` finds it by its name.

    The backup is compared with its signed head. When the folder has it already, nothing is fetched.
    """
    access = open_remote(ctx, params.name)
    with remote_errors(ctx, access), access.session(ctx) as session:
        reader = reader_of(ctx, access, session)
        found = fetch_backup(ctx, reader, params.device, params.n)
    return RemotesFetchResult(found.name, str(found.path), found.size_bytes)
