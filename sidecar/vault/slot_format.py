"""The format of a slot: the root key, wrapped by a secret, in 128 bytes.

The secret is a passphrase, an item of the system's keychain or a recovery code. Offset and bytes:

    0   4  "SSK1"
    4   1  kdf: 1 Argon2id, 2 HKDF alone (the secret is random)
    5   1  cipher: 1 AES-256-GCM
    6   2  generation of the slot
    8  12  memory in KiB, passes, lanes: 3 x u32 (0 for kdf 2)
    20 16  salt, fresh at every write
    36 12  nonce
    48 48  AES-256-GCM(slot-enc, root key) and tag; bound: LP("slot", store id, bytes 0..35)
    96 32  HMAC-SHA256(slot-mac, LP(store id) + bytes 0..95)

Integers are big-endian. slot-enc and slot-mac are derived from Argon2id(secret, salt) or, for a
random secret, from HMAC-SHA256(salt, secret). The HMAC commits to the key, which GCM alone does
not. A wrong HMAC means a wrong secret; a wrong SHA-256 of the 128 bytes, which is stored beside
them, means damage (KeePassXC's KDBX 4 separates the two in the same way). The cost is checked
before any key is derived.
"""

import struct
from collections.abc import Callable
from typing import Final

from sidecar import digests, limits
from sidecar.errors import KdfPolicy, SlotDamaged, WrongPassphrase
from sidecar.vault import crypto
from sidecar.vault.crypto import BadSealError, Cost, length_prefixed
from sidecar.wiping import moved, wipe

SLOT_BYTES: Final = 128
_MAGIC: Final = b"SSK1"
_HEAD: Final = struct.Struct(">4sBBHIII16s")
_ARGON2ID, _HKDF = 1, 2
_AES_256_GCM: Final = 1
_COVERED: Final = 96
"""Number of bytes at the start of a slot that the HMAC covers."""

DEFAULT_COST: Final = Cost(limits.KDF_MEMORY_KIB, limits.KDF_PASSES, limits.KDF_LANES)

Random = Callable[[int], bytes]


def wrap(
    root: bytearray,
    store_id: bytes,
    generation: int,
    secret: bytearray,
    random: Random,
    cost: Cost | None,
) -> bytes:
    """Return the bytes of a slot that `secret` opens.

    A passphrase is stretched at `cost`. A random secret needs no stretching: its cost is None.
    """
    salt = random(16)
    kdf = _HKDF if cost is None else _ARGON2ID
    numbers = cost or Cost(0, 0, 0)
    head = _HEAD.pack(_MAGIC, kdf, _AES_256_GCM, generation & 0xFFFF, *numbers, salt)
    nonce = random(crypto.NONCE_BYTES)
    seal_key, mac_key = _slot_keys(secret, store_id, salt, cost)
    try:
        sealed = crypto.seal(seal_key, nonce, root, length_prefixed(b"slot", store_id, head))
        covered = head + nonce + sealed
        return covered + digests.hmac_sha256(mac_key, length_prefixed(store_id) + covered)
    finally:
        wipe(seal_key)
        wipe(mac_key)


def unwrap(blob: bytes, sha256: bytes, store_id: bytes, secret: bytearray) -> bytearray:
    """Return the root key from a slot, in a buffer that the caller wipes.

    Raises:
        SlotDamaged: the bytes differ from those that were written.
        KdfPolicy: the cost is out of bounds; nothing was derived.
        WrongPassphrase: the bytes are sound, but the secret is not the slot's.
    """
    cost = read_cost(blob, sha256)
    if cost is not None and not crypto.is_cost_allowed(cost):
        raise KdfPolicy(**cost._asdict())
    head, nonce = blob[:36], blob[36:48]
    seal_key, mac_key = _slot_keys(secret, store_id, blob[20:36], cost)
    try:
        expected = digests.hmac_sha256(mac_key, length_prefixed(store_id) + blob[:_COVERED])
        if not digests.equal(expected, blob[_COVERED:]):
            raise WrongPassphrase
        bound = length_prefixed(b"slot", store_id, head)
        return crypto.unseal(seal_key, nonce, blob[48:_COVERED], bound)
    except BadSealError:
        raise SlotDamaged from None
    finally:
        wipe(seal_key)
        wipe(mac_key)


def read_cost(blob: bytes, sha256: bytes) -> Cost | None:
    """Return the cost of opening a slot; None when its secret is not stretched.

    Raises:
        SlotDamaged: the bytes differ from those that were written, or have an unknown form.
    """
    if len(blob) != SLOT_BYTES or not digests.equal(digests.sha256(blob), sha256):
        raise SlotDamaged
    magic, kdf, cipher, _generation, *numbers, _salt = _HEAD.unpack_from(blob)
    if magic != _MAGIC or cipher != _AES_256_GCM or kdf not in (_ARGON2ID, _HKDF):
        raise SlotDamaged("The key slot is of a form this version does not know.")
    return Cost(*numbers) if kdf == _ARGON2ID else None


def _slot_keys(
    secret: bytearray, store_id: bytes, salt: bytes, cost: Cost | None
) -> tuple[bytearray, bytearray]:
    """Derive slot-enc and slot-mac from a secret; the caller wipes them."""
    if cost is None:
        stretched = moved(digests.hmac_sha256(salt, secret))
    else:
        stretched = crypto.stretch(secret, salt, cost)
    try:
        return (
            crypto.derive(stretched, store_id, "slot-enc"),
            crypto.derive(stretched, store_id, "slot-mac"),
        )
    finally:
        wipe(stretched)
