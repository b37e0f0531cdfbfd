"""Opens a remote for a push or a read, and raises its failures as errors of the wire."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from sidecar.context import Context, LongContext
from sidecar.courier_protocol import BadAddress, Credentials, Open, parse_address
from sidecar.errors import (
    Locked,
    NotFound,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUntrusted,
    SidecarError,
    Tampered,
)
from sidecar.redaction import add_secret
from sidecar.remotes.read import Reader, open_reader
from sidecar.remotes.session import RemoteFailed, Session
from sidecar.secrets import remote_identities as identities
from sidecar.secrets.remote_identities import Identity
from sidecar.secrets.state import KEY_ERRORS, require_stored_keys, usable_keys
from sidecar.store import meta, remotes
from sidecar.store.remotes import RemoteRow
from sidecar.vault.crypto import BadSealError
from sidecar.vault.keys import Keys
from sidecar.vocabularies import RemoteFault

ERRORS: Final = (*KEY_ERRORS, NotFound, RemoteRefused, RemoteUnavailable, RemoteUntrusted, Tampered)
"""The refusals of a method that reads from a remote or writes to it."""

_TEXTS: Final[dict[RemoteFault, str]] = {
    "offline": "The remote cannot be reached.",
    "full": "The remote has no space left; delete something there, or set remote_keep_bytes.",
    "forbidden": "The remote refuses the credentials, or they grant too few rights.",
    "no_bucket": "The bucket of the remote does not exist.",
    "clock": "The remote refuses requests because this computer's clock is wrong.",
    "not_installed": "The library for object stores is not installed.",
    "unsupported": "The remote cannot create an object on the condition that its name is free.",
    "failed": "The remote gave an answer that this program does not know.",
}


class Access(NamedTuple):
    """An opened remote: its place and credentials, and the keys of the vault when it was opened."""

    remote: RemoteRow
    store: str
    opened: Open
    keys: Keys

    def session(self, ctx: LongContext) -> Session:
        """Start a courier; it ends when the request is cancelled or the secrets are locked."""

        def is_over() -> bool:
            return ctx.cancel_event.is_set() or ctx.vault.keys is not self.keys

        return Session(self.opened, is_over)


def open_remote(ctx: LongContext, name: str, *, by_timer: bool = False) -> Access:
    """Return the remote of that name with its credentials, which are wiped with the request.

    `by_timer` means that a chore opens it: this does not restart the idle time of the lock.

    Raises:
        NotFound: there is no such remote.
        Locked, NotInitialized, Conflict: there are no keys, or they are ephemeral.
        Tampered: another program has changed the row of the remote.
    """
    with ctx.store.lock:
        keys = usable_keys(ctx) if by_timer else None
        db = ctx.store.db
        row = remotes.find(db, name)
        store = meta.store_id(db).hex()
    if row is None:
        raise NotFound("There is no remote of that name.", path="$.params.name")
    keys = keys or require_stored_keys(ctx)
    try:
        credentials = identities.open_credentials(keys, row)
        add_secret(credentials)
        for word in credentials.split():
            add_secret(bytearray(word))
        place = parse_address(row.url)
    except (BadSealError, BadAddress):
        hint = "Set the remote again with remotes.set."
        text = "The remote was changed by another program."
        raise Tampered(text, what="rows", hint=hint) from None
    return Access(row, store, Open(place, parse_credentials(credentials)), keys)


def parse_credentials(text: bytearray) -> Credentials | None:
    """Parse the text of credentials; return None when it is empty.

    Raises:
        ValueError: the text is not two or three words.
    """
    words = text.decode().split()
    if not words:
        return None
    key, secret, *token = words
    if len(token) > 1:
        raise ValueError(text)
    return Credentials(key, secret, *token)


def require_unlocked(ctx: Context, access: Access) -> None:
    """Check that the secrets were not locked after the remote was opened.

    Raises:
        Locked: the secrets were locked, or locked and unlocked again.
    """
    if ctx.vault.keys is not access.keys:
        raise Locked("The secrets were locked while the request was running.")


def known_identities(ctx: LongContext, access: Access) -> list[Identity]:
    """Return the identities in the database; their secrets are wiped with the request."""
    with ctx.store.lock:
        require_unlocked(ctx, access)
        found = identities.open_all(ctx.store.db, access.keys)
    for each in found:
        add_secret(each.secret)
        add_secret(each.seed)
    return found


def reader_of(ctx: LongContext, access: Access, session: Session) -> Reader:
    """Return a reader of this database's store in the remote, with every identity that opens."""
    return open_reader(session, access.store, known_identities(ctx, access), access.keys)


def reason_of(fault: str) -> RemoteFault:
    """Return the reason, as clients know it, for a courier's fault."""
    return fault if fault in _TEXTS else "failed"


def as_error(failed: RemoteFailed) -> SidecarError:
    """Return the error that a client gets for a failure of a remote."""
    if failed.fault in ("missing", "exists", "too_large"):
        return RemoteUntrusted()
    reason = reason_of(failed.fault)
    hint = failed.detail[:200] or None
    if reason in ("offline", "full"):
        return RemoteUnavailable(_TEXTS[reason], reason=reason, hint=hint)
    return RemoteRefused(_TEXTS[reason], reason=reason, hint=hint)


@contextmanager
def remote_errors(ctx: Context, access: Access) -> Iterator[None]:
    """Raise a failure of a remote as an error of the wire, or `locked` after a lock."""
    try:
        yield
    except RemoteFailed as failed:
        require_unlocked(ctx, access)
        raise as_error(failed) from failed
    except BadSealError:
        require_unlocked(ctx, access)
        raise RemoteUntrusted from None
