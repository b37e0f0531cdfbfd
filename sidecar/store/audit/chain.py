"""The audit chain's arithmetic: the code of an entry, the key of the next, a point to start from.

Entry i carries mac_i = HMAC-SHA256(K_i, mac_{i-1} | i64 seq | i64 at | LP(action) |
LP(resource) | LP(details)), big-endian, LP(x) = u32 length and bytes, over the bytes as stored;
K_{i+1} = SHA-256("aev1" | K_i), or what a checkpoint after entry i says. Knows no table.
"""

import hashlib
import hmac
import struct
from typing import NamedTuple

MAC_BYTES = 32
GENESIS = bytes(MAC_BYTES)
"""What stands for the code of the entry before the first."""

_POINT = struct.Struct(">q32s32s")


class Point(NamedTuple):
    """Between two entries: number and code of the one before, key of the one after."""

    seq: int
    head: bytes
    key: bytes

    def packed(self) -> bytes:
        """72 bytes: i64 seq, code, key."""
        return _POINT.pack(*self)

    @classmethod
    def unpacked(cls, data: bytes | None) -> "Point | None":
        """Read what `packed` wrote; None for anything else."""
        return cls(*_POINT.unpack(data)) if data and len(data) == _POINT.size else None


def mac(key: bytes, previous: bytes, seq: int, at: int, texts: tuple[bytes, bytes, bytes]) -> bytes:
    """The code of an entry; texts are action, resource and details as stored."""
    message = b"".join((previous, struct.pack(">qq", seq, at), *map(_lp, texts)))
    return hmac.digest(key, message, "sha256")


def next_key(key: bytes) -> bytes:
    """The key of the following entry; from it nobody comes back to this one."""
    return hashlib.sha256(b"aev1" + key).digest()


def _lp(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data
