"""Identities: the keys that seal and sign for a remote, and the object that contains them.

An identity is an X25519 secret, for which objects are sealed, and an Ed25519 seed, which signs the
heads of one device. Both are in the database, wrapped under the root key. A remote has them in an
object of its own, together with the key slot of the recovery code. The code opens the slot, the
slot yields the root key, the root key opens the identities, and these open all other objects. After
a change of the root key, the new root key wraps the old identities too, and new identities seal.
"""

from typing import NamedTuple

import msgspec

from sidecar import digests
from sidecar.clock import Clock
from sidecar.store import remotes, secrets
from sidecar.store.connection import Connection
from sidecar.store.remotes import IdentityRow, RemoteRow
from sidecar.store.secrets import SlotRow
from sidecar.vault import crypto
from sidecar.vault.crypto import KEY_BYTES, NONCE_BYTES, BadSealError
from sidecar.vault.keys import Keys
from sidecar.wiping import moved, wipe

_WHAT = "identity"
_RING = "ring"


class Identity(NamedTuple):
    """An opened identity; the caller that opened it wipes its secrets."""

    device: str
    recipient: bytes
    verifier: bytes
    secret: bytearray
    seed: bytearray

    def wipe(self) -> None:
        """Overwrite both secrets."""
        wipe(self.secret)
        wipe(self.seed)


def make(db: Connection, keys: Keys, clock: Clock, device: str) -> Identity:
    """Make an identity for a device, and write it in the caller's transaction."""
    secret, seed = (moved(clock.random_bytes(KEY_BYTES)) for _ in range(2))
    made = Identity(device, crypto.exchange_public(secret), crypto.public_key(seed), secret, seed)
    sealed = _seal(keys, made.recipient, secret + seed, clock.random_bytes(NONCE_BYTES))
    at = clock.now_ms()
    remotes.add_identity(db, IdentityRow(made.recipient, made.verifier, device, sealed, at, 0))
    return made


def open_all(db: Connection, keys: Keys) -> list[Identity]:
    """Return every identity that can be opened, the oldest first; skip damaged ones."""
    found = []
    for row in remotes.identities(db):
        try:
            found.append(_open(keys, row))
        except BadSealError:
            continue
    return found


def open_current(db: Connection, keys: Keys, device: str) -> Identity | None:
    """Return the newest identity in use of a device, None when there is none."""
    for row in reversed(remotes.identities(db)):
        if row.device == device and not row.retired:
            try:
                return _open(keys, row)
            except BadSealError:
                continue
    return None


def _open(keys: Keys, row: IdentityRow) -> Identity:
    """Open an identity.

    Raises:
        BadSealError: the identity was changed, or is sealed under another root key.
    """
    plain = keys.open_for_remotes(_WHAT, row.recipient, row.sealed)
    if len(plain) != 2 * KEY_BYTES:
        raise BadSealError
    secret, seed = plain[:KEY_BYTES], plain[KEY_BYTES:]
    wipe(plain)
    return Identity(row.device, row.recipient, crypto.public_key(seed), secret, seed)


def _seal(keys: Keys, recipient: bytes, plain: bytearray, nonce: bytes) -> bytes:
    try:
        return keys.seal_for_remotes(_WHAT, recipient, plain, nonce)
    finally:
        wipe(plain)


# --- the object with keys -----------------------------------------------------------------------


class _Slot(msgspec.Struct, frozen=True):
    """A key slot, as in the table `key_slots`."""

    kind: str
    blob: bytes
    sha256: bytes


class _Member(msgspec.Struct, frozen=True):
    """An identity in the sealed part of the object."""

    device: str
    keys: bytearray
    """The X25519 secret and the Ed25519 seed."""


class KeysObject(msgspec.Struct, frozen=True):
    """The object with keys, from which the recovery code opens a remote; not sealed as a whole."""

    store: str
    slots: list[_Slot]
    ring: bytes
    """The identities, sealed under a key that the root key derives."""


def slots_to_carry(db: Connection, *, with_passphrase: bool) -> list[SlotRow]:
    """Return the key slots to push: of recovery codes, and of the passphrase if allowed.

    Slots of keychains are useless on another machine.
    """
    kinds = ("recovery", "passphrase") if with_passphrase else ("recovery",)
    return [slot for slot in secrets.slots(db) if slot.kind in kinds]


def has_recovery_code(db: Connection) -> bool:
    """Return whether there is a recovery code, without which no other machine opens a remote."""
    return bool(slots_to_carry(db, with_passphrase=False))


def mark(db: Connection, *, with_passphrase: bool) -> str:
    """Return a hash that changes whenever the object with keys must be made again."""
    slots = slots_to_carry(db, with_passphrase=with_passphrase)
    parts = [*(slot.sha256 for slot in slots), *(row.sealed for row in remotes.identities(db))]
    return digests.sha256(crypto.length_prefixed(*parts)).hex()


def keys_object(db: Connection, keys: Keys, clock: Clock, *, with_passphrase: bool) -> bytes:
    """Return the object with the slots, and the identities sealed under the root key."""
    found = open_all(db, keys)
    members = [_Member(each.device, each.secret + each.seed) for each in found]
    ring = moved(msgspec.json.encode(members))
    for each, member in zip(found, members, strict=True):
        each.wipe()
        wipe(member.keys)
    sealed = keys.seal_for_remotes(_RING, b"", ring, clock.random_bytes(NONCE_BYTES))
    wipe(ring)
    found_slots = slots_to_carry(db, with_passphrase=with_passphrase)
    slots = [_Slot(each.kind, each.blob, each.sha256) for each in found_slots]
    return msgspec.json.encode(KeysObject(keys.store_id.hex(), slots, sealed))


def parse_keys_object(data: bytes) -> KeysObject:
    """Parse the object with keys.

    Raises:
        BadSealError: the bytes are not an object with keys.
    """
    try:
        return msgspec.json.decode(data, type=KeysObject)
    except msgspec.MsgspecError:
        raise BadSealError from None


def open_ring(made: KeysObject, keys: Keys) -> list[Identity]:
    """Return the identities in the object with keys.

    Raises:
        BadSealError: the identities are sealed under another root key, or were changed.
    """
    plain = keys.open_for_remotes(_RING, b"", made.ring)
    try:
        members = msgspec.json.decode(plain, type=list[_Member])
    except msgspec.MsgspecError:
        raise BadSealError from None
    finally:
        wipe(plain)
    found = []
    for member in members:
        secret, seed = member.keys[:KEY_BYTES], member.keys[KEY_BYTES:]
        wipe(member.keys)
        found.append(
            Identity(
                member.device, crypto.exchange_public(secret), crypto.public_key(seed), secret, seed
            )
        )
    return found


# --- a new root key -----------------------------------------------------------------------------


def rewrap(db: Connection, old: Keys, new: Keys, clock: Clock) -> None:
    """Wrap identities and credentials under a new root key, in the transaction of a rekey.

    The identities are retired: the next push makes a new one. Rows that do not open stay unchanged.
    """
    for row in remotes.identities(db):
        try:
            plain = old.open_for_remotes(_WHAT, row.recipient, row.sealed)
        except BadSealError:
            continue
        sealed = _seal(new, row.recipient, plain, clock.random_bytes(NONCE_BYTES))
        remotes.reseal_identity(db, row.recipient, sealed)
    for remote in remotes.all_remotes(db):
        try:
            plain = open_credentials(old, remote)
        except BadSealError:
            continue
        sealed = seal_credentials(new, remote.name, remote.url, plain, clock)
        remotes.reseal_credentials(db, remote.name, sealed)


def seal_credentials(keys: Keys, name: str, url: str, text: bytearray, clock: Clock) -> bytes:
    """Seal the credentials of a remote, and wipe them.

    They are bound to the URL: when another program changes it, the credentials do not open.
    """
    nonce = clock.random_bytes(NONCE_BYTES)
    try:
        return keys.seal_for_remotes("credentials", _place(name, url), text, nonce)
    finally:
        wipe(text)


def open_credentials(keys: Keys, remote: RemoteRow) -> bytearray:
    """Return the credentials of a remote, which the caller wipes.

    Raises:
        BadSealError: the credentials or the URL were changed, or sealed under another root key.
    """
    bound = _place(remote.name, remote.url)
    return keys.open_for_remotes("credentials", bound, remote.credentials)


def _place(name: str, url: str) -> bytes:
    return crypto.length_prefixed(name.encode(), url.encode())
