"""The format of a sealed provider key, its fingerprint, and the HMAC over all of them.

A record is `secrets.encrypted_value` (offset, bytes; integers are big-endian):

    0   1  format: 1
    1   1  cipher: 1 AES-256-GCM
    2   4  id of the data key
    6   8  version: the vault's generation at the write, never used twice
    14 12  nonce
    26     AES-256-GCM(data key, plain) and 16 bytes of tag
    bound: LP("secret/1", store id, provider in UTF-8) + bytes 0..13

    plain: u8 1, u16 length, value in UTF-8, zeros up to a multiple of 64

The whole header is bound: when only version and key id were, 16 of 744 flipped bits were accepted.
The zeros hide the length of the value. A record is bound to its provider, store and version, so it
cannot be opened in another row or another store. The state root shows when a row was removed or
replaced by an older one.
"""

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

from sidecar import digests
from sidecar.errors import Tampered
from sidecar.vault import crypto
from sidecar.vault.crypto import BadSealError, length_prefixed
from sidecar.vault.keys import Keys
from sidecar.wiping import wipe

_HEAD: Final = struct.Struct(">BBIQ")
_FORMAT, _AES_256_GCM = 1, 1
_BLOCK_BYTES: Final = 64
_BODY_AT: Final = _HEAD.size + crypto.NONCE_BYTES


class SealedSecret(NamedTuple):
    """The columns of `secrets` that the state root covers."""

    provider: str
    encrypted_value: bytes
    key_hash: str
    created_at: int
    updated_at: int


class WrappedKey(NamedTuple):
    """The columns of `data_keys` that the state root covers."""

    key_id: int
    state: str
    wrapped: bytes


def seal_value(
    data_key: bytearray,
    key_id: int,
    version: int,
    store_id: bytes,
    provider: str,
    value: bytearray,
    nonce: bytes,
) -> bytes:
    """Seal a provider's key: return the record."""
    head = _HEAD.pack(_FORMAT, _AES_256_GCM, key_id, version)
    plain = bytearray(-(-(3 + len(value)) // _BLOCK_BYTES) * _BLOCK_BYTES)
    struct.pack_into(">BH", plain, 0, 1, len(value))
    plain[3 : 3 + len(value)] = value
    try:
        return head + nonce + crypto.seal(data_key, nonce, plain, _bound(store_id, provider, head))
    finally:
        wipe(plain)


def data_key_id(record: bytes) -> int:
    """Return the id of the data key that a record is sealed with.

    Raises:
        Tampered: the bytes do not have the form of a record.
    """
    if len(record) < _BODY_AT + crypto.TAG_BYTES + _BLOCK_BYTES or record[:2] != b"\x01\x01":
        raise Tampered(what="record")
    return int(_HEAD.unpack_from(record)[2])


def open_value(data_key: bytearray, store_id: bytes, provider: str, record: bytes) -> bytearray:
    """Return the value of a record, in a buffer that the caller wipes.

    Raises:
        Tampered: the record was changed, or belongs to another provider or store.
    """
    data_key_id(record)  # refuses bytes that are not a record
    head, nonce = record[: _HEAD.size], record[_HEAD.size : _BODY_AT]
    try:
        plain = crypto.unseal(data_key, nonce, record[_BODY_AT:], _bound(store_id, provider, head))
    except BadSealError:
        raise Tampered(what="record", provider=provider) from None
    length = int(struct.unpack_from(">H", plain, 1)[0])
    value = plain[3 : 3 + length]
    wipe(plain)
    return value


def _bound(store_id: bytes, provider: str, head: bytes) -> bytes:
    return length_prefixed(b"secret/1", store_id, provider.encode()) + head


def key_hash(keys: Keys, provider: str, value: bytearray) -> str:
    """Return a fingerprint of provider and value that says nothing without the root key.

    A plain hash would let a thief recognise a leaked key, and guess short keys.
    """
    message = bytearray(length_prefixed(provider.encode()))
    message += struct.pack(">I", len(value))
    message += value  # not added to the length first: that sum would stay in freed memory
    try:
        return "k1:" + digests.hmac_sha256(keys.fingerprint, message).hex()[:32]
    finally:
        wipe(message)


def state_root(
    keys: Keys, generation: int, secrets: Iterable[SealedSecret], data_keys: Iterable[WrappedKey]
) -> bytes:
    """Return the HMAC over the generation, every record by provider and every data key by id."""
    parts = [struct.pack(">Q", generation)]
    for row in sorted(secrets):
        times = struct.pack(">qq", row.created_at, row.updated_at)
        digest = digests.sha256(row.encrypted_value)
        parts.append(length_prefixed(row.provider.encode(), digest, row.key_hash.encode(), times))
    parts.append(b"keys")
    parts.extend(
        length_prefixed(struct.pack(">I", key.key_id), key.state.encode(), key.wrapped)
        for key in sorted(data_keys)
    )
    return digests.hmac_sha256(keys.state_root, b"".join(parts))
