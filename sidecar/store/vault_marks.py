"""The marks of the vault: what the sealed audit log keeps of it.

The state root (`vault_state.root`) cannot tell rows of the vault that were put back all together
as they were at an earlier time. So each checkpoint of the audit log seals the marks of the vault
of its time. They are hashes: a SHA-256 over the generation and the state root, then one of the
blob of each slot.
"""

import struct
from typing import Final

from sidecar import digests
from sidecar.store.connection import Connection, one_row
from sidecar.store.rows import read_any

_MARK_BYTES: Final = 32


def read_marks(db: Connection) -> bytes:
    """Return the marks of the vault as it is."""
    return _mark_of_rows(db) + b"".join(_digest(blob) for blob, _ in _slots(db))


def marks_after_write(db: Connection, before: bytes) -> bytes:
    """Return the marks after a write of keys; those of the slots are taken from `before`."""
    return _mark_of_rows(db) + before[_MARK_BYTES:]


def agrees_with(db: Connection, marks: bytes) -> bool:
    """Return whether the vault is the one that has these marks.

    A slot that is damaged or gone makes no difference: it opens nothing.
    """
    slots = {marks[at : at + _MARK_BYTES] for at in range(_MARK_BYTES, len(marks), _MARK_BYTES)}
    return marks[:_MARK_BYTES] == _mark_of_rows(db) and all(
        _digest(blob) in slots for blob, sha256 in _slots(db) if _digest(blob) == sha256
    )


def _mark_of_rows(db: Connection) -> bytes:
    generation, root = one_row(db, "SELECT generation, root FROM vault_state WHERE one = 1")
    if not isinstance(generation, int) or not isinstance(root, bytes | None):
        return b""  # damaged: it agrees with no mark
    return _digest(struct.pack(">q", generation) + (root or b""))


def _slots(db: Connection) -> list[tuple[bytes, bytes]]:
    """Return the blob of each slot and the SHA-256 that is stored beside it."""
    rows = read_any(db, 2, "SELECT blob, sha256 FROM key_slots ORDER BY slot")
    return [(blob if isinstance(blob, bytes) else b"", sha256) for blob, sha256 in rows]


def _digest(data: bytes) -> bytes:
    return digests.sha256(data)
