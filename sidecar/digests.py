"""Computes hashes and authentication codes: the door to `hashlib` and `hmac`.

Both load the library of OpenSSL, which is 4 % of a start, so they are loaded when the first digest
is computed. What a start computes comes from Python's own SHA-256.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, AnyStr

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

Data = bytes | bytearray | memoryview


def sha256(data: Data) -> bytes:
    """Return the SHA-256 of the data, 32 bytes."""
    import hashlib  # noqa: PLC0415 - see the top

    return hashlib.sha256(data).digest()


def new_sha256() -> "Hash":
    """Return a SHA-256 that is given its data in pieces, by `update`."""
    import hashlib  # noqa: PLC0415 - see the top

    return hashlib.sha256()


def sha256_without_openssl(data: bytes) -> bytes:
    """Return the SHA-256 of the data, five times as slow, by what is built into Python."""
    try:
        module: Any = import_module("_sha2" if sys.version_info >= (3, 12) else "_sha256")
    except ImportError:
        return sha256(data)
    return bytes(module.sha256(data).digest())


def short_hash(data: bytes, size_bytes: int) -> bytes:
    """Return a BLAKE2b of the data that is `size_bytes` long."""
    import hashlib  # noqa: PLC0415 - see the top

    return hashlib.blake2b(data, digest_size=size_bytes).digest()


def hmac_sha256(key: Data, message: Data) -> bytes:
    """Return the HMAC-SHA256 of a message (RFC 2104), 32 bytes."""
    import hmac  # noqa: PLC0415 - see the top

    return hmac.digest(key, message, "sha256")


def equal(one: AnyStr, other: AnyStr) -> bool:
    """Compare in a time that does not depend on where the bytes differ."""
    import hmac  # noqa: PLC0415 - see the top

    return hmac.compare_digest(one, other)
