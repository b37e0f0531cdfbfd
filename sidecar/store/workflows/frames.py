"""Compresses the bodies of earlier revisions as zstd frames.

A key frame is compressed alone. A delta frame is compressed with the whole body of a key frame as
its dictionary (raw content, no training) and a window that covers both, so that what the two
revisions have in common takes almost no space.
"""

from typing import Any

from sidecar import limits, zstd
from sidecar.errors import DatabaseDamaged


def pack(body: bytes, key_body: bytes | None = None) -> bytes:
    """Compress a body: as a key frame, or as a delta frame when `key_body` is given."""
    return zstd.pack(body, limits.ZSTD_LEVEL, key_body)


def unpack(data: Any, size_bytes: Any, key_body: bytes | None = None) -> bytes:
    """Decompress a body of `size_bytes` bytes; the caller compares its fingerprint.

    Raises:
        DatabaseDamaged: the data is not a frame of that size, or needs another key frame.
    """
    fits = isinstance(size_bytes, int) and 0 <= size_bytes <= limits.BODY_MAX_BYTES
    if not (fits and isinstance(data, bytes)):
        raise DatabaseDamaged  # a damaged row must not make the process use all memory
    try:
        return zstd.unpack(data, size_bytes, key_body)
    except zstd.FrameDamaged:
        raise DatabaseDamaged from None
