"""JSON bodies to gzip and back, with their fingerprints: the one door for gzip.

A packed body is one gzip member (RFC 1952, no name, time 0) that any gzip reader opens. igzip
writes it where its wheel exists, up to ten times as fast as zlib; the two read each other's
members, so a database may move between machines with and without it.

Reading trusts nothing: size and SHA-256 are compared, and what a damaged or hostile member can
grow to is bounded before it is made.
"""

import hashlib
import zlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final, NamedTuple, cast

from sidecar import limits
from sidecar.errors import DatabaseDamaged

_GZIP_WBITS: Final = 31
"""zlib's way to ask for a gzip member: 15 window bits and 16 for the gzip wrapper."""


class Packed(NamedTuple):
    """A body as it is stored, and what its row says of it."""

    data: bytes
    sha256: bytes
    size_bytes: int
    stored_bytes: int


def _load_gzip() -> tuple[ModuleType, int]:
    """The fastest gzip there is, and the level measured best for it."""
    try:
        from isal import isal_zlib  # noqa: PLC0415 - the one place that may find it missing
    except ImportError:
        return zlib, limits.ZLIB_LEVEL
    return isal_zlib, limits.GZIP_LEVEL


def _bind(module: ModuleType, level: int) -> tuple[Callable[[bytes], bytes], Callable[[], Any]]:
    """A compressor of whole bodies and a maker of decompressors, of one gzip module."""
    return (
        lambda body: cast(bytes, module.compress(body, level, _GZIP_WBITS)),
        lambda: module.decompressobj(_GZIP_WBITS),
    )


_module, _level = _load_gzip()
_compress, _decompressor = _bind(_module, _level)
_FAULTS: Final = (zlib.error, _module.error, EOFError, OverflowError)


def fingerprint(body: bytes) -> bytes:
    """SHA-256 of a body's bytes, 32 bytes: equal ones are one body."""
    return hashlib.sha256(body).digest()


def pack(body: bytes, sha256: bytes | None = None) -> Packed:
    """Compress a body; `sha256` is its fingerprint where the caller has taken it already."""
    data = _compress(body)
    return Packed(data, sha256 or fingerprint(body), len(body), len(data))


def unpack(data: bytes, sha256: bytes, size_bytes: int | None = None) -> bytes:
    """Give back the body, having checked that it is the one that was stored.

    `size_bytes` is the size its row says; None where no row does, and then the cap of bodies
    bounds it.

    Raises:
        DatabaseDamaged: cut off, not gzip, followed by other bytes, larger or smaller than
            said, or of another SHA-256.
    """
    allowed = limits.BODY_MAX_BYTES if size_bytes is None else size_bytes
    decompressor = _decompressor()
    try:
        # One byte more than allowed tells a body that is too long from one that just fits.
        body = cast(bytes, decompressor.decompress(data, allowed + 1))
    except _FAULTS:
        raise DatabaseDamaged from None
    ends_well = decompressor.eof and not decompressor.unused_data
    right_size = len(body) == size_bytes if size_bytes is not None else len(body) <= allowed
    if not (ends_well and right_size):
        raise DatabaseDamaged
    if fingerprint(body) != sha256:
        raise DatabaseDamaged
    return body


def normalise(body: bytes) -> bytes:
    r"""Make a JSON text safe for line readers; all but three characters stay byte for byte.

    Raw U+2028 and U+2029, legal only inside strings, become their escapes. A raw CR, legal only
    between tokens, becomes a space. Common line readers split on all three.
    """
    if b"\r" in body:
        body = body.replace(b"\r", b" ")
    # Scans for one byte cost next to nothing, and most bodies lack these two.
    if b"\xa8" in body and b"\xe2\x80\xa8" in body:
        body = body.replace(b"\xe2\x80\xa8", b"\\u2028")
    if b"\xa9" in body and b"\xe2\x80\xa9" in body:
        body = body.replace(b"\xe2\x80\xa9", b"\\u2029")
    return body
