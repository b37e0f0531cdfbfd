"""Bodies of earlier revisions as zstd frames.

A key frame stands alone. A delta frame is compressed with the whole body of a key frame as its
dictionary (raw content, no training) and a window that covers both, so that what two revisions
share costs next to nothing.
"""

from sidecar import limits, zstd
from sidecar.errors import DatabaseDamaged


def pack(body: bytes, key_body: bytes | None = None) -> bytes:
    """Compress a body, alone or beside the body of its key frame."""
    return zstd.pack(body, limits.ZSTD_LEVEL, key_body)


def unpack(data: bytes, size_bytes: int, key_body: bytes | None = None) -> bytes:
    """Give back a body of `size_bytes`; the caller compares its fingerprint.

    Raises:
        DatabaseDamaged: it is no frame of that size, or not of this key frame.
    """
    if size_bytes > limits.BODY_MAX_BYTES:
        raise DatabaseDamaged  # what a damaged row can make grow is bounded before it is made
    try:
        return zstd.unpack(data, size_bytes, key_body)
    except zstd.FrameDamaged:
        raise DatabaseDamaged from None
