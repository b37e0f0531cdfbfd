"""`remotes.set`, `remotes.status` and `remotes.delete`: the remotes of the database.

Setting a remote opens no connection; `remotes.test` and each push do.
"""

from typing import Annotated

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from sidecar import limits, purging
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.courier_protocol import BadAddress, parse_address
from sidecar.errors import Conflict, InvalidParams, NotFound, ReadOnly, RecoveryCodeNeeded
from sidecar.files import wire_errors
from sidecar.handlers.remotes.views import DEFAULT_NAME, Name, NameParam, Url
from sidecar.remotes import device
from sidecar.remotes.access import parse_credentials
from sidecar.remotes.due import due_backups, entries_after
from sidecar.secrets import remote_identities as identities
from sidecar.secrets.raw_params import take_text
from sidecar.secrets.state import KEY_ERRORS, require_keys
from sidecar.store import remotes
from sidecar.store.audit.log import chain_head
from sidecar.store.remotes import RemoteRow
from sidecar.values import Count, Timestamp
from sidecar.vocabularies import RemoteFault

Credentials = Annotated[
    Raw | UnsetType,
    Meta(
        description="Access key id and secret access key of an object store, and a session token"
        " if there is one, separated by spaces; absent: the stored credentials stay. A folder"
        " needs none.",
        extra_json_schema={
            "type": "string",
            "minLength": 1,
            "maxLength": limits.REMOTE_CREDENTIAL_MAX_CHARS,
            "writeOnly": True,
        },
    ),
]


class RemotesSetParams(Params, frozen=True):
    """The address of the remote, and its credentials."""

    url: Url
    credentials: Credentials = UNSET
    name: NameParam = DEFAULT_NAME
    with_passphrase: Annotated[
        bool,
        Meta(
            description="Whether the passphrase, too, opens what is pushed; then a reader of the"
            " remote can try passphrases. Absent: false, only the recovery code opens it."
        ),
    ] = False


class RemotesSetResult(Result, frozen=True):
    """The remote that was set."""

    name: Name
    created: Annotated[bool, Meta(description="False when it replaced one of the same name.")]


@method(
    "remotes.set",
    access="write",
    sensitive=True,
    errors=(*KEY_ERRORS, Conflict, RecoveryCodeNeeded),
)
def set_remote(ctx: Context, params: RemotesSetParams) -> RemotesSetResult:
    """Set a remote: from now on sealed backups and the audit log go there while unlocked.

    Automatic backups then contain the sealed secrets. Another URL begins a new chain of heads, and
    everything is pushed again.
    """
    text = None
    if params.credentials is not UNSET:
        path = "$.params.credentials"
        text = take_text(params.credentials, path, limits.REMOTE_CREDENTIAL_MAX_CHARS)
    _check(params, text)
    keys = require_keys(ctx)
    if ctx.vault.ephemeral:
        raise Conflict("Ephemeral secrets end with the process; then nothing opens a backup.")
    db = ctx.db
    if not identities.has_recovery_code(db):
        raise RecoveryCodeNeeded
    before = remotes.find(db, params.name)
    if before is None and len(remotes.all_remotes(db)) >= limits.REMOTES_MAX:
        raise Conflict("The number of remotes is at its limit.", limit=limits.REMOTES_MAX)
    is_same = before is not None and before.url == params.url
    if before is not None and not is_same:
        remotes.delete(db, params.name)
    if text is None and before is not None and is_same:
        sealed = before.credentials
    else:
        copy = bytearray(text or b"")
        sealed = identities.seal_credentials(keys, params.name, params.url, copy, ctx.clock)
    with wire_errors():
        device.read_or_make(ctx.store.path, ctx.clock)
    at = before.created_at if before is not None and is_same else ctx.clock.now_ms()
    row = RemoteRow(
        params.name, params.url, sealed, int(params.with_passphrase), at, None, None, None
    )
    remotes.put(db, row)
    ctx.audit("remote_set", params.name, created=before is None)
    purging.request(ctx)
    ctx.session.schedule(remotes.CHORE, limits.RETENTION_AFTER_CHANGE_MS)
    return RemotesSetResult(params.name, before is None)


def _check(params: RemotesSetParams, text: bytearray | None) -> None:
    """Check the address and the credentials of a remote.

    Raises:
        InvalidParams: one of them has the wrong form.
    """
    try:
        place = parse_address(params.url)
    except BadAddress as bad:
        raise InvalidParams(str(bad), path="$.params.url") from None
    path = "$.params.credentials"
    if place.kind == "folder":
        if text is not None:
            raise InvalidParams("A folder takes no credentials.", path=path)
        return
    if text is None:
        return
    try:
        parse_credentials(text)
    except ValueError:
        message = "Credentials are two or three words: the key's id, the secret key, a token."
        raise InvalidParams(message, path=path) from None


class RemotesStatusParams(Params, frozen=True):
    """Nothing."""


class RemoteStatus(Struct, frozen=True, kw_only=True):
    """A remote, and what is to be pushed to it."""

    name: Name
    url: Url
    with_passphrase: Annotated[
        bool, Meta(description="Whether the passphrase opens what is pushed.")
    ]
    device: Annotated[
        str | None,
        Meta(
            description="Id under which this device writes to the remote; null before it has one."
        ),
    ]
    created_at: Timestamp
    pushed_at: Annotated[
        Timestamp | None, Meta(description="When a push last succeeded; null when none has.")
    ]
    failed_at: Annotated[
        Timestamp | None, Meta(description="When pushes began to fail; null while they succeed.")
    ]
    failure: Annotated[
        RemoteFault | None, Meta(description="Why pushes fail; null while they succeed.")
    ]
    heads: Annotated[Count, Meta(description="Heads that this device has pushed.")]
    due_backups: Annotated[Count, Meta(description="Backups that are to be pushed.")]
    due_audit_entries: Annotated[
        Count, Meta(description="Entries of the audit log that are to be pushed.")
    ]


class RemotesStatusResult(Result, frozen=True):
    """The remotes."""

    remotes: Annotated[list[RemoteStatus], Meta(description="Ordered by name, at most 8.")]
    recovery_code: Annotated[
        bool, Meta(description="Whether there is a recovery code, without which nothing is pushed.")
    ]


@method("remotes.status", access="read", errors=(ReadOnly,))
def status(ctx: Context, params: RemotesStatusParams) -> RemotesStatusResult:
    """Return the remotes, what is to be pushed to each, and why pushes fail. Does not connect."""
    del params
    with wire_errors():
        items = [_status(ctx, row) for row in remotes.all_remotes(ctx.db)]
    return RemotesStatusResult(items, identities.has_recovery_code(ctx.db))


def _status(ctx: Context, row: RemoteRow) -> RemoteStatus:
    db, path = ctx.db, ctx.store.path
    own = device.own_id(path, row)
    newest = None if own is None else remotes.newest_head(db, row.name, own)
    after = entries_after(db, row.name, own or "")
    failures: tuple[str, ...] = RemoteFault.__origin__.__args__  # type: ignore[attr-defined]
    return RemoteStatus(
        name=row.name,
        url=row.url,
        with_passphrase=bool(row.with_passphrase),
        device=own,
        created_at=row.created_at,
        pushed_at=row.pushed_at,
        failed_at=row.failed_at,
        failure=None if row.failure not in failures else row.failure,  # type: ignore[arg-type]
        heads=0 if newest is None else newest.n,
        due_backups=len(due_backups(db, path, row.name, own or "")),
        due_audit_entries=0 if after is None else max(0, chain_head(db).seq - after),
    )


class RemotesDeleteParams(Params, frozen=True):
    """The remote to delete."""

    name: NameParam = DEFAULT_NAME


class RemotesDeleteResult(Result, frozen=True):
    """The remote that was deleted."""

    name: Name


@method("remotes.delete", access="write", errors=(NotFound,))
def delete(ctx: Context, params: RemotesDeleteParams) -> RemotesDeleteResult:
    """Delete a remote and its credentials from the database; nothing is pushed there any more.

    Its objects stay in the remote, and the recovery code still opens them.
    """
    if not remotes.delete(ctx.db, params.name):
        raise NotFound("There is no remote of that name.", path="$.params.name")
    ctx.audit("remote_delete", params.name)
    purging.request(ctx)
    return RemotesDeleteResult(params.name)
