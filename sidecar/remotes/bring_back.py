"""Retrieves a backup on a machine that has only the address of the remote and the recovery code.

The code opens a key slot in an object with keys, which yields the root key. The root key opens
the identities in the same object, and the identities open the heads and the backups. No database
is needed, and the only file that is written is the backup.
"""

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from sidecar import files, limits
from sidecar.backups import directory
from sidecar.backups.directory import Backup
from sidecar.courier_protocol import BadAddress, Open, parse_address
from sidecar.errors import (
    BackupRejected,
    InvalidParams,
    KdfPolicy,
    NotFound,
    RemoteUntrusted,
    SlotDamaged,
    WrongPassphrase,
)
from sidecar.remotes.access import as_error, parse_credentials
from sidecar.remotes.fetch import write_backup
from sidecar.remotes.heads import Head, devices, folder
from sidecar.remotes.read import UNSOUND, Reader, Report, keys_objects, stores
from sidecar.remotes.session import RemoteFailed, Session
from sidecar.secrets.remote_identities import Identity, KeysObject, open_ring
from sidecar.vault import slot_format
from sidecar.vault.crypto import BadSealError
from sidecar.vault.keys import Keys
from sidecar.vault.recovery_code import parse_code

Kind = Literal["recovery", "passphrase"]


class Secret(NamedTuple):
    """The secret that opens a slot, and the kind of the slot."""

    kind: Kind
    secret: bytearray


class Found(NamedTuple):
    """A backup that was retrieved, and its head."""

    backup: Backup
    head: Head
    unsound: list[Head]
    """The heads of newer backups that are damaged: their objects differ from what was pushed."""


def secret_of(kind: Kind, text: str) -> Secret:
    """Return the secret that a person typed to open a slot.

    Raises:
        WrongPassphrase: the text is not a recovery code.
    """
    typed = bytearray(text.encode())
    return Secret(kind, parse_code(typed) if kind == "recovery" else typed)


def open_url(url: str, credentials: str) -> Session:
    """Start a courier to the remote of a URL.

    Raises:
        InvalidParams: the URL or the credentials have the wrong form.
    """
    try:
        opened = Open(parse_address(url), parse_credentials(bytearray(credentials.encode())))
    except BadAddress as bad:
        raise InvalidParams(str(bad)) from None
    except ValueError:
        raise InvalidParams("Credentials are two or three words.") from None
    return Session(opened, lambda: False)


def bring_newest(
    session: Session, store: str | None, secret: Secret, folder_of_backups: Path, report: Report
) -> Found:
    """Retrieve the newest sound backup of a store into a folder.

    Raises:
        NotFound: the remote has no such store, or no backup of it; or the secret opens several
            stores, whose ids the error lists.
        WrongPassphrase: the secret opens no store in the remote.
        RemoteUntrusted: the objects in the remote differ from what was pushed.
        RemoteUnavailable, RemoteRefused: the remote failed.
    """
    try:
        reader = _open_store(session, store, secret)
        return _bring_first_sound(reader, folder_of_backups, report)
    except RemoteFailed as failed:
        raise as_error(failed) from failed
    except BadSealError:
        raise RemoteUntrusted from None


def _open_store(session: Session, store: str | None, secret: Secret) -> Reader:
    """Return the named store, or the only store that the secret opens."""
    there = stores(session)
    wanted = [each for each in there if store in (None, each)]
    if not wanted:
        raise NotFound(f"The remote has no such database; it has {', '.join(there) or 'none'}.")
    opened = {each: found for each in wanted if (found := _identities(session, each, secret))}
    if not opened:
        raise WrongPassphrase(f"It opens none of the databases there: {', '.join(wanted)}.")
    if len(opened) > 1:
        raise NotFound(f"It opens several databases; choose one of {', '.join(opened)}.")
    only = next(iter(opened))
    return Reader(session, only, opened[only])


def _identities(session: Session, store: str, secret: Secret) -> list[Identity]:
    """Return the identities of all devices of a store that the secret opens."""
    found: dict[bytes, Identity] = {}
    for device in devices(session.folders(folder(store))):
        for made in keys_objects(session, store, device):
            found.update({each.recipient: each for each in _open_keys(made, secret)})
    return list(found.values())


def _open_keys(made: KeysObject, secret: Secret) -> list[Identity]:
    """Return the identities in an object with keys; an empty list when the secret does not fit."""
    for root in _roots(made, secret):
        keys = Keys(root, bytes.fromhex(made.store))
        try:
            return open_ring(made, keys)
        except BadSealError:
            continue
        finally:
            keys.wipe()
    return []


def _roots(made: KeysObject, secret: Secret) -> Iterator[bytearray]:
    """Yield the root key of each slot that the secret opens."""
    store_id = bytes.fromhex(made.store)
    for slot in made.slots[: limits.SLOTS_MAX]:
        if slot.kind != secret.kind:
            continue
        try:
            yield slot_format.unwrap(slot.blob, slot.sha256, store_id, bytearray(secret.secret))
        except (WrongPassphrase, SlotDamaged, KdfPolicy):
            continue


def _bring_first_sound(reader: Reader, folder_of_backups: Path, report: Report) -> Found:
    """Retrieve the newest backup of any device; when it is damaged, the newest older one.

    Raises:
        NotFound: the remote has no backup.
        RemoteUntrusted: every backup differs from what was pushed.
        RemoteFailed: the remote failed.
    """
    each_device = [reader.backups(each) for each in reader.devices()]
    unsound: list[Head] = []
    for head in heapq.merge(*each_device, key=lambda head: -head.made_at):
        files.make_folder(folder_of_backups)
        try:
            with files.wire_errors():
                target = directory.unused_path(folder_of_backups, head.made_at, reader.store)
                return Found(write_backup(reader, head, target, report), head, unsound)
        except (BadSealError, BackupRejected):
            unsound.append(head)
        except RemoteFailed as failed:
            if failed.fault not in UNSOUND:
                raise
            unsound.append(head)
    if unsound:
        raise RemoteUntrusted
    raise NotFound("The remote has no sound backup of this database.")
