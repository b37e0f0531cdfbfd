"""The shape of a zstd frame, measured without unpacking it: RFC 8878, 3.1.1.

A frame says how large its blocks are, so where it ends, and what it can at most unpack to, is
known after a walk over their headers. What is cut off, followed by something, or claims what its
blocks cannot hold is refused before a decompressor sees a byte of it.
"""

from typing import IO, Final, NamedTuple

from sidecar import limits
from sidecar.archive.manifest import rejection

_MAGIC: Final = 0xFD2FB528
_HEADER_MIN_BYTES: Final = 6
_HEADER_MAX_BYTES: Final = 18
_BLOCK_MAX_BYTES: Final = 128 * limits.KIB
_CHECKSUM_BYTES: Final = 4
_RAW, _RLE, _RESERVED = 0, 1, 3


class Header(NamedTuple):
    """What a frame says at its beginning."""

    window_bytes: int
    content_bytes: int
    size_bytes: int
    """Of the header itself."""


def measure(file: IO[bytes], start: int, file_bytes: int) -> Header:
    """Walk over the frame at `start`, which must be the last thing in the file.

    Raises:
        BackupRejected: it is not whole, not alone, or not of the form that backups have.
    """
    file.seek(start)
    header = _read_header(file.read(_HEADER_MAX_BYTES))
    _check_claims(header, file_bytes - start)
    end = _walk(file, start + header.size_bytes, file_bytes, header)
    if end > file_bytes:
        raise rejection("truncated")
    if end < file_bytes:
        raise rejection("trailing")
    return header


def _read_header(first: bytes) -> Header:
    if len(first) < _HEADER_MIN_BYTES:
        raise rejection("truncated")
    if int.from_bytes(first[:4], "little") != _MAGIC:
        raise rejection("form")
    descriptor = first[4]
    single, checksum = descriptor & 0x20, descriptor & 0x04
    if not checksum or descriptor & 0x1B:
        # No checksum, a dictionary, or bits that mean nothing yet.
        raise rejection("form")
    at = 5
    window_bytes = 0
    if not single:
        exponent, mantissa = divmod(first[at], 8)
        window_bytes = (1 << (10 + exponent)) // 8 * (8 + mantissa)
        at += 1
    size_flag = descriptor >> 6
    size_bytes = (1 if single else 0, 2, 4, 8)[size_flag]
    if not size_bytes:
        raise rejection("form")
    if len(first) < at + size_bytes:
        raise rejection("truncated")
    two_byte_offset = 256 if size_flag == 1 else 0
    content_bytes = int.from_bytes(first[at : at + size_bytes], "little") + two_byte_offset
    return Header(window_bytes or content_bytes, content_bytes, at + size_bytes)


def _check_claims(header: Header, packed_bytes: int) -> None:
    if header.window_bytes > limits.ARCHIVE_WINDOW_MAX_BYTES:
        raise rejection("window")
    most_bytes = max(limits.ARCHIVE_RATIO_FREE_BYTES, packed_bytes * limits.ARCHIVE_RATIO_MAX)
    if header.content_bytes > min(limits.ARCHIVE_DATABASE_MAX_BYTES, most_bytes):
        raise rejection("size")


def _walk(file: IO[bytes], at: int, end: int, header: Header) -> int:
    """Where the frame ends, by its blocks; past `end` when it is cut off."""
    block_max_bytes = min(header.window_bytes, _BLOCK_MAX_BYTES)
    room_bytes = 0
    most_blocks = (
        header.content_bytes // limits.ARCHIVE_BLOCK_MIN_BYTES + limits.ARCHIVE_BLOCKS_FREE
    )
    for _block in range(most_blocks):
        file.seek(at)
        head = int.from_bytes(file.read(3), "little")
        if at + 3 > end:
            return end + 1
        last, kind, size_bytes = head & 1, head >> 1 & 3, head >> 3
        if kind == _RESERVED or size_bytes > block_max_bytes:
            raise rejection("damaged")
        room_bytes += size_bytes if kind in (_RAW, _RLE) else block_max_bytes
        at += 3 + (1 if kind == _RLE else size_bytes)
        if last:
            if room_bytes < header.content_bytes:
                raise rejection("size")
            return at + _CHECKSUM_BYTES
    raise rejection("form")
