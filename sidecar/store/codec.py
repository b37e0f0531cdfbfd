"""Packs JSON bodies with gzip and unpacks them, and computes their fingerprints.

A packed body is one gzip member (RFC 1952, no name, time 0) that any gzip program can read. It is
written by igzip where its wheel exists, up to ten times as fast as zlib. Both read the members of
the other, so a database may move between machines with and without igzip.

Unpacking compares the size and the SHA-256, and limits the size of what a damaged or hostile
member can produce before it is produced.
"""

import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import ModuleType
from typing import Any, Final, NamedTuple

from sidecar import digests, limits
from sidecar.errors import DatabaseDamaged

_GZIP_WBITS: Final = 31
"""What requests a gzip member of zlib: 15 window bits, plus 16 for the gzip wrapper."""


class Packed(NamedTuple):
    """A packed body, with the columns that its row has about it."""

    data: bytes
    sha256: bytes
    size_bytes: int
    stored_bytes: int


def _load_gzip() -> tuple[ModuleType, int]:
    """Return the fastest gzip module that is installed, and the level measured best for it."""
    try:
        from isal import isal_zlib  # noqa: PLC0415 - the one place that may find it missing
    except ImportError:
        return zlib, limits.ZLIB_LEVEL
    return isal_zlib, limits.GZIP_LEVEL


def _bind(module: ModuleType, level: int) -> tuple[Callable[[bytes], bytes], Callable[[], Any]]:
    """Return functions of a gzip module: one compresses a body, one returns a decompressor."""
    return (
        partial(module.compress, level=level, wbits=_GZIP_WBITS),
        lambda: module.decompressobj(_GZIP_WBITS),
    )


_module, _level = _load_gzip()
_compress, _decompressor = _bind(_module, _level)
_FAULTS: Final = (zlib.error, _module.error, EOFError, OverflowError)


def fingerprint(body: bytes) -> bytes:
    """Return the SHA-256 of a body, 32 bytes; bodies with equal ones are the same."""
    return digests.sha256(body)


def pack(body: bytes, sha256: bytes | None = None) -> Packed:
    """Compress a body; `sha256` is its fingerprint where the caller has computed it already."""
    data = _compress(body)
    return Packed(data, sha256 or fingerprint(body), len(body), len(data))


def unpack(data: Any, sha256: Any, size_bytes: Any = None) -> bytes:
    """Return the body, after checking that it is the one that was stored.

    `size_bytes` is the size in its row; None where there is none, and then the limit of bodies
    applies. The three are cells of a row, which has any types when it is damaged.

    Raises:
        DatabaseDamaged: it is cut off, not gzip, followed by other bytes, or has another size or
            SHA-256.
    """
    body = _decompressed(data, size_bytes)
    if fingerprint(body) != sha256:
        raise DatabaseDamaged
    return body


def holds(data: Any, body: bytes) -> bool:
    """Return whether a cell has this body packed, which needs no SHA-256 of what is unpacked."""
    with suppress(DatabaseDamaged):
        return _decompressed(data, len(body)) == body
    return False


def _decompressed(data: Any, size_bytes: Any) -> bytes:
    """Return what is packed, after checking its size."""
    allowed = limits.BODY_MAX_BYTES if size_bytes is None else size_bytes
    if not (isinstance(data, bytes) and isinstance(allowed, int) and allowed >= 0):
        raise DatabaseDamaged
    decompressor = _decompressor()
    try:
        # One byte more than allowed tells a body that is too long from one that just fits.
        body: bytes = decompressor.decompress(data, allowed + 1)
    except _FAULTS:
        raise DatabaseDamaged from None
    ends_well = decompressor.eof and not decompressor.unused_data
    right_size = len(body) == size_bytes if size_bytes is not None else len(body) <= allowed
    if not (ends_well and right_size):
        raise DatabaseDamaged
    return body
