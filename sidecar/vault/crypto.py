"""The door to `cryptography`, loaded when the first key is needed: it costs a start 38 ms.

Owns which primitives there are (AES-256-GCM, HKDF-SHA256, Argon2id, Ed25519) and that what they
are given and give is wiped: keys are bytearrays, made in place and overwritten by who is done.
HMAC and SHA-256 come from the standard library.
"""

import hashlib
import hmac
import struct
import threading
from functools import cache
from typing import Any, NamedTuple

from sidecar import limits

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16


class BadSealError(Exception):
    """Sealed bytes, their key or what they are bound to are not what they were."""


class Cost(NamedTuple):
    """What Argon2id is to cost (RFC 9106): memory in KiB, passes, lanes."""

    memory_kib: int
    passes: int
    lanes: int


class _Crypto(NamedTuple):
    aead: Any
    argon2id: Any
    hkdf: Any
    sha256: Any
    ed25519: Any
    invalid_tag: type[Exception]


@cache
def _load() -> _Crypto:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see the module
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    return _Crypto(AESGCM, Argon2id, HKDF, hashes.SHA256, ed25519, InvalidTag)


def lp(*parts: bytes | bytearray | memoryview) -> bytes:
    """Each part behind its length as an unsigned 32-bit big-endian integer, so none runs over."""
    return b"".join(struct.pack(">I", len(part)) + bytes(part) for part in parts)


def derive(key: bytearray, store_id: bytes, label: str) -> bytearray:
    """A subkey of 32 bytes: HKDF-SHA256 (RFC 5869), salt = store id, info = `sim/1/` + label."""
    crypto = _load()
    derived = bytearray(KEY_BYTES)
    info = b"sim/1/" + label.encode()
    crypto.hkdf(algorithm=crypto.sha256(), length=KEY_BYTES, salt=store_id, info=info).derive_into(
        key, derived
    )
    return derived


_one_at_a_time = threading.Lock()


def stretch(passphrase: bytearray, salt: bytes, cost: Cost) -> bytearray:
    """Argon2id version 0x13, 32 bytes; one at a time, so that memory is taken only once.

    Releases the interpreter's lock while it works (measured: a ticker ran on, 9 ms at worst).
    """
    derived = bytearray(KEY_BYTES)
    with _one_at_a_time:
        _load().argon2id(
            salt=salt,
            length=KEY_BYTES,
            iterations=cost.passes,
            lanes=cost.lanes,
            memory_cost=cost.memory_kib,
        ).derive_into(passphrase, derived)
    return derived


def within_policy(cost: Cost) -> bool:
    """Whether deriving at this cost is neither too weak nor a way to take the machine down."""
    return (
        limits.KDF_MEMORY_MIN_KIB <= cost.memory_kib <= limits.KDF_MEMORY_MAX_KIB
        and limits.KDF_PASSES_MIN <= cost.passes <= limits.KDF_PASSES_MAX
        and 1 <= cost.lanes <= limits.KDF_LANES_MAX
    )


def seal(key: bytearray, nonce: bytes, plain: bytes | bytearray, bound: bytes) -> bytes:
    """AES-256-GCM: ciphertext and 16 bytes of tag; `bound` is authenticated with it."""
    return bytes(_load().aead(key).encrypt(nonce, plain, bound))


def unseal(key: bytearray, nonce: bytes, sealed: bytes, bound: bytes) -> bytearray:
    """What was sealed, in a buffer the caller wipes.

    Raises:
        BadSealError: any bit of key, nonce, sealed bytes or `bound` is another one.
    """
    if len(sealed) < TAG_BYTES:
        raise BadSealError
    crypto = _load()
    plain = bytearray(len(sealed) - TAG_BYTES)
    try:
        crypto.aead(key).decrypt_into(nonce, sealed, bound, plain)
    except crypto.invalid_tag:
        raise BadSealError from None
    return plain


def mac(key: bytearray, message: bytes | bytearray) -> bytes:
    """HMAC-SHA256."""
    return hmac.digest(key, message, "sha256")


def same(one: bytes, other: bytes) -> bool:
    """Compare without telling by the time where they differ."""
    return hmac.compare_digest(one, other)


def sha256(data: bytes | memoryview) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()


def sign(seed: bytearray, message: bytes) -> bytes:
    """Ed25519 signature (RFC 8032), 64 bytes."""
    return bytes(_load().ed25519.Ed25519PrivateKey.from_private_bytes(bytes(seed)).sign(message))


def public_key(seed: bytearray) -> bytes:
    """The 32 bytes that check what `sign` signed."""
    private = _load().ed25519.Ed25519PrivateKey.from_private_bytes(bytes(seed))
    return bytes(private.public_key().public_bytes_raw())
