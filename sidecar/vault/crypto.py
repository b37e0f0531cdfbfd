"""The cryptographic primitives; the only module that imports the library `cryptography`.

The library is loaded when the first key is needed, because it would cost a start 38 ms. It gives
AES-256-GCM, HKDF-SHA256, Argon2id, Ed25519 and, for what goes to a remote, X25519 and
ChaCha20-Poly1305.
Keys are bytearrays that the library writes into; the last user of a key wipes it. What the library
leaves in registers is overwritten after each operation (`_clears_registers`).
"""

import struct
import threading
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar

from sidecar import digests, limits, memory_room

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16

P = ParamSpec("P")
R = TypeVar("R")


class BadSealError(Exception):
    """The sealed bytes, the key or the bound data differ from those at the sealing."""


class Cost(NamedTuple):
    """The cost parameters of Argon2id (RFC 9106)."""

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
    blank: Any
    """AES-256-GCM with a key of zeros."""


LOADING: Final = threading.Lock()
"""Held while the library is loaded, and by the thread that preloads modules, for each module: that
thread could use the memory that was found free for the library."""


@cache
def load_cryptography() -> _Crypto:
    """Load the library, if there is memory for it.

    Raises:
        OSError: there is too little memory; the library itself would end the process then.
    """
    with LOADING:
        return _load()


def load_all() -> None:
    """Load all that this module uses, while it is on the disk.

    Raises:
        OSError: see `load_cryptography`.
    """
    _load_exchange()


def _load() -> _Crypto:
    """Load the library after checking the free memory."""
    memory_room.require(limits.CRYPTO_ROOM_BYTES)
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - 38 ms, see above
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    return _Crypto(
        AESGCM, Argon2id, HKDF, hashes.SHA256, ed25519, InvalidTag, AESGCM(bytes(KEY_BYTES))
    )


_BLANK_BYTES: Final = bytes(1024)
"""So many that the encryption of them takes each register that one of any length takes."""


def _clears_registers(operation: Callable[P, R]) -> Callable[P, R]:
    """Make an operation overwrite the registers of its thread at its end; `wiping` says why.

    AES-GCM leaves its round keys there, the first two of which are the key, and the others leave
    parts of what they computed. The same work with a key of zeros overwrites that, in 1.4 us:
    measured with AVX-512, then no vector register differs between two keys or two texts.
    """

    @wraps(operation)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return operation(*args, **kwargs)
        finally:
            load_cryptography().blank.encrypt(bytes(NONCE_BYTES), _BLANK_BYTES, None)
            digests.sha256(b"")

    return run


def length_prefixed(*parts: bytes | bytearray | memoryview) -> bytes:
    """Join the parts, each after its length as an unsigned 32-bit big-endian integer.

    `schema/security.md` calls it LP. The lengths keep two lists of parts from joining to the same
    bytes.
    """
    return b"".join(struct.pack(">I", len(part)) + bytes(part) for part in parts)


@_clears_registers
def derive(key: bytearray, store_id: bytes, label: str) -> bytearray:
    """Derive a key of 32 bytes by HKDF-SHA256 (RFC 5869).

    The salt is the store id, the info is `sim/1/` and the label.
    """
    crypto = load_cryptography()
    derived = bytearray(KEY_BYTES)
    info = b"sim/1/" + label.encode()
    crypto.hkdf(algorithm=crypto.sha256(), length=KEY_BYTES, salt=store_id, info=info).derive_into(
        key, derived
    )
    return derived


_stretch_lock = threading.Lock()


@_clears_registers
def stretch(passphrase: bytearray, salt: bytes, cost: Cost) -> bytearray:
    """Derive 32 bytes from a passphrase by Argon2id version 0x13.

    Only one derivation runs at a time, which limits the memory. It releases the
    interpreter's lock: measured, another thread waited 9 ms at worst.
    """
    with _stretch_lock:
        load_cryptography()
        memory_room.require(cost.memory_kib * limits.KIB + limits.STRETCH_SPARE_BYTES)
        derived = _argon2id(passphrase, salt, cost)
        # OpenSSL frees a copy of the passphrase; in the next derivations it gets that memory again.
        for _number in range(_OVERWRITES):
            _argon2id(bytearray(len(passphrase)), salt, _LEAST_COST)
    return derived


_LEAST_COST: Final = Cost(memory_kib=8, passes=1, lanes=1)
"""The least that Argon2id can cost: about 30 us."""

_OVERWRITES: Final = 8
"""Measured: after one, 1 of 200 passphrases was still in memory; after eight, 1 of 650."""


def _argon2id(passphrase: bytearray, salt: bytes, cost: Cost) -> bytearray:
    derived = bytearray(KEY_BYTES)
    load_cryptography().argon2id(
        salt=salt,
        length=KEY_BYTES,
        iterations=cost.passes,
        lanes=cost.lanes,
        memory_cost=cost.memory_kib,
    ).derive_into(passphrase, derived)
    return derived


def is_cost_allowed(cost: Cost) -> bool:
    """Return whether a cost is neither too low to protect nor too high for a machine."""
    return (
        limits.KDF_MEMORY_MIN_KIB <= cost.memory_kib <= limits.KDF_MEMORY_MAX_KIB
        and limits.KDF_PASSES_MIN <= cost.passes <= limits.KDF_PASSES_MAX
        and 1 <= cost.lanes <= limits.KDF_LANES_MAX
    )


@_clears_registers
def seal(key: bytearray, nonce: bytes, plain: bytes | bytearray, bound: bytes) -> bytes:
    """Encrypt with AES-256-GCM: return the ciphertext and its 16 bytes of tag.

    `bound` is authenticated with it: it must be the same when the bytes are unsealed.
    """
    return bytes(load_cryptography().aead(key).encrypt(nonce, plain, bound))


@_clears_registers
def unseal(key: bytearray, nonce: bytes, sealed: bytes, bound: bytes) -> bytearray:
    """Decrypt what `seal` returned, into a buffer that the caller wipes.

    Raises:
        BadSealError: the key, the nonce, the sealed bytes or `bound` differ.
    """
    if len(sealed) < TAG_BYTES:
        raise BadSealError
    crypto = load_cryptography()
    plain = bytearray(len(sealed) - TAG_BYTES)
    try:
        crypto.aead(key).decrypt_into(nonce, sealed, bound, plain)
    except crypto.invalid_tag:
        raise BadSealError from None
    return plain


@_clears_registers
def sign(seed: bytearray, message: bytes) -> bytes:
    """Sign a message with Ed25519 (RFC 8032); return the 64 bytes of the signature."""
    return bytes(
        load_cryptography().ed25519.Ed25519PrivateKey.from_private_bytes(seed).sign(message)
    )


@_clears_registers
def public_key(seed: bytearray) -> bytes:
    """Return the 32 bytes of the public key that verifies what `sign` signed."""
    private = load_cryptography().ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    return bytes(private.public_key().public_bytes_raw())


def verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether `signature` is a valid signature of the message for the public key."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - as above

    try:
        key = load_cryptography().ed25519.Ed25519PublicKey.from_public_bytes(public)
        key.verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


# --- what the age format needs ------------------------------------------------------------------


@cache
def _load_exchange() -> tuple[Any, Any]:
    """Load X25519 and ChaCha20-Poly1305, which only a process with a remote needs."""
    load_cryptography()
    from cryptography.hazmat.primitives.asymmetric import x25519  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.ciphers import aead  # noqa: PLC0415

    return x25519, aead.ChaCha20Poly1305


@_clears_registers
def hkdf(key: bytes | bytearray, salt: bytes, info: bytes) -> bytearray:
    """Derive 32 bytes by HKDF-SHA256 with this salt and info."""
    crypto = load_cryptography()
    derived = bytearray(KEY_BYTES)
    crypto.hkdf(algorithm=crypto.sha256(), length=KEY_BYTES, salt=salt, info=info).derive_into(
        key, derived
    )
    return derived


@_clears_registers
def exchange_public(secret: bytes | bytearray) -> bytes:
    """Return the public half of an X25519 secret (RFC 7748)."""
    private = _load_exchange()[0].X25519PrivateKey.from_private_bytes(secret)
    return bytes(private.public_key().public_bytes_raw())


@_clears_registers
def exchange(secret: bytes | bytearray, public: bytes) -> bytes:
    """Return the secret that an X25519 secret shares with the owner of a public key.

    Raises:
        BadSealError: the public key is of low order, or malformed.
    """
    x25519, _ = _load_exchange()
    try:
        peer = x25519.X25519PublicKey.from_public_bytes(public)
        private = x25519.X25519PrivateKey.from_private_bytes(secret)
        return bytes(private.exchange(peer))
    except ValueError:
        raise BadSealError from None


class ChunkCipher:
    """ChaCha20-Poly1305 (RFC 8439) with one key, without bound data."""

    @_clears_registers
    def __init__(self, key: bytes | bytearray) -> None:
        """Use this key of 32 bytes."""
        self._cipher = _load_exchange()[1](key)

    @_clears_registers
    def seal(self, nonce: bytes, plain: bytes | bytearray | memoryview) -> bytes:
        """Return the ciphertext and its tag."""
        return bytes(self._cipher.encrypt(nonce, plain, None))

    @_clears_registers
    def unseal(self, nonce: bytes, sealed: bytes | memoryview) -> bytes:
        """Return what `seal` sealed.

        Raises:
            BadSealError: the key, the nonce or the sealed bytes differ.
        """
        if len(sealed) < TAG_BYTES:
            raise BadSealError
        try:
            return bytes(self._cipher.decrypt(nonce, sealed, None))
        except load_cryptography().invalid_tag:
            raise BadSealError from None
