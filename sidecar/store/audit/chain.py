"""The arithmetic of the audit chain: the code of an entry and the key of the next one.

Entry i has the code mac_i = HMAC-SHA256(K_i, mac_{i-1} | i64 seq | i64 at | LP(action) |
LP(resource) | LP(details)), big-endian, LP(x) = u32 length and bytes, over the bytes as stored;
K_{i+1} = SHA-256("aev1" | K_i), or the key that a checkpoint after entry i holds. This module
reads and writes no table.
"""

import struct
from typing import NamedTuple

from sidecar import digests

MAC_BYTES = 32
GENESIS = bytes(MAC_BYTES)
"""The code that the first entry continues from, in place of the code of an entry before it."""

_POINT = struct.Struct(">q32s32s")
POINT_BYTES = _POINT.size


class Point(NamedTuple):
    """A point between two entries: number and code of the entry before, key of the entry after."""

    seq: int
    head: bytes
    key: bytes

    def packed(self) -> bytes:
        """Return the point as 72 bytes: i64 seq, code, key."""
        return _POINT.pack(*self)

    @classmethod
    def unpacked(cls, data: bytes | None) -> "Point | None":
        """Return the point that `packed` wrote; None for any other bytes."""
        return cls(*_POINT.unpack(data)) if data and len(data) == _POINT.size else None


def mac(key: bytes, previous: bytes, seq: int, at: int, texts: tuple[bytes, bytes, bytes]) -> bytes:
    """Return the code of an entry; `texts` are action, resource and details as stored."""
    message = b"".join((previous, struct.pack(">qq", seq, at), *map(_lp, texts)))
    return digests.hmac_sha256(key, message)


def next_key(key: bytes) -> bytes:
    """Return the key of the following entry; the given key cannot be computed from it."""
    return digests.sha256(b"aev1" + key)


def _lp(data: bytes) -> bytes:
    """Return the bytes with their length before them."""
    return struct.pack(">I", len(data)) + data
