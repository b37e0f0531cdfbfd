"""Segments: compressed parts of the audit log, as they are pushed to a remote.

A segment is the size of its text and the compressed text, which has a line of JSON for each entry.
This module makes segments from the log and compares them with it.
"""

from typing import NamedTuple

import msgspec

from sidecar import limits
from sidecar.remotes.session import RemoteFailed
from sidecar.store.audit.log import Entry, chain_head, pruned_through, read_entries
from sidecar.store.connection import Connection
from sidecar.zstd import FrameDamaged, pack, unpack

_LEVEL = 9
"""Level of the compression: a segment is compressed once and never changed."""


class Segment(NamedTuple):
    """A compressed part of the log, and the numbers of its first and last entry."""

    first: int
    last: int
    data: bytes


class _Line(msgspec.Struct, frozen=True, array_like=True):
    """One entry."""

    seq: int
    at: int
    action: str
    resource: str
    details: str
    mac: bytes


def next_segment(db: Connection, after: int, through: int) -> Segment | None:
    """Return the part of the log after one entry and up to another, None when it is empty.

    The part ends earlier, at the entry with which it reaches the size of a segment.
    """
    after = max(after, pruned_through(db))
    text = bytearray()
    first = last = 0
    for row in read_entries(db, after, max(0, min(through - after, limits.REMOTE_SEGMENT_ENTRIES))):
        line = _Line(row.seq, row.at, row.action, row.resource, row.details, row.mac)
        text += msgspec.json.encode(line) + b"\n"
        first, last = first or row.seq, row.seq
        if len(text) >= limits.REMOTE_SEGMENT_FULL_BYTES:
            break
    if not last:
        return None
    return Segment(first, last, len(text).to_bytes(8) + pack(bytes(text), _LEVEL))


def read_lines(data: bytes) -> list[Entry]:
    """Return the entries of a part.

    Raises:
        RemoteFailed: the data is not a segment, or decompresses to more than the limit.
    """
    size = int.from_bytes(data[:8])
    if size > limits.REMOTE_SEGMENT_MAX_BYTES:
        raise RemoteFailed("too_large")
    try:
        text = unpack(data[8:], size)
        lines = [msgspec.json.decode(line, type=_Line) for line in text.splitlines()]
    except (FrameDamaged, msgspec.MsgspecError):
        raise RemoteFailed("failed") from None
    return [
        Entry(line.seq, line.action, line.resource, line.at, line.details, line.mac)
        for line in lines
    ]


def first_difference(db: Connection, entries: list[Entry]) -> int | None:
    """Return the number of the first of these entries that differs in the log, or None.

    Entries that were pruned, and those after the end of the log, are not compared.
    """
    if not entries:
        return None
    pruned = pruned_through(db)
    newest = chain_head(db).seq
    wanted = {row.seq: row for row in entries if pruned < row.seq <= newest}
    found = {row.seq: row for row in read_entries(db, entries[0].seq - 1, len(entries))}
    return next((seq for seq, row in sorted(wanted.items()) if found.get(seq) != row), None)
