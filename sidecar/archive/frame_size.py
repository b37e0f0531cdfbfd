"""The size of a zstd frame, found without decompressing it (RFC 8878, 3.1.1).

Each block of a frame states its size, so reading the block headers tells where the frame ends and
how much it can unpack to. A frame that is cut off, followed by other data, or claims a content
size that its blocks cannot hold is rejected before a decompressor reads a byte of it.
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
    """The header of a frame."""

    window_bytes: int
    """Memory that a decompressor needs for the frame."""
    content_bytes: int
    """Size of the unpacked data."""
    size_bytes: int
    """Size of the header itself."""


def measure(file: IO[bytes], start: int, file_bytes: int) -> Header:
    """Read the headers of the frame at `start`, which must end where the file ends.

    Raises:
        BackupRejected: the frame is truncated, followed by other data, or does not have the form
                of a backup.
    """
    file.seek(start)
    header = _read_header(file.read(_HEADER_MAX_BYTES))
    _check_claims(header, file_bytes - start)
    end = _find_end(file, start + header.size_bytes, file_bytes, header)
    if end > file_bytes:
        raise rejection("truncated")
    if end < file_bytes:
        raise rejection("trailing")
    return header


def _read_header(first: bytes) -> Header:
    """Parse the header in the first bytes of a frame."""
    if len(first) < _HEADER_MIN_BYTES:
        raise rejection("truncated")
    if int.from_bytes(first[:4], "little") != _MAGIC:
        raise rejection("form")
    descriptor = first[4]
    is_single_segment, has_checksum = descriptor & 0x20, descriptor & 0x04
    if not has_checksum or descriptor & 0x1B:
        # It has no checksum, it needs a dictionary, or reserved bits are set.
        raise rejection("form")
    at = 5
    window_bytes = 0
    if not is_single_segment:
        exponent, mantissa = divmod(first[at], 8)
        window_bytes = (1 << (10 + exponent)) // 8 * (8 + mantissa)
        at += 1
    size_flag = descriptor >> 6
    size_bytes = (1 if is_single_segment else 0, 2, 4, 8)[size_flag]
    if not size_bytes:
        raise rejection("form")
    if len(first) < at + size_bytes:
        raise rejection("truncated")
    two_byte_offset = 256 if size_flag == 1 else 0
    content_bytes = int.from_bytes(first[at : at + size_bytes], "little") + two_byte_offset
    return Header(window_bytes or content_bytes, content_bytes, at + size_bytes)


def _check_claims(header: Header, packed_bytes: int) -> None:
    """Reject a frame that claims to need more memory or to hold more data than a backup can."""
    if header.window_bytes > limits.ARCHIVE_WINDOW_MAX_BYTES:
        raise rejection("window")
    max_bytes = max(limits.ARCHIVE_RATIO_FREE_BYTES, packed_bytes * limits.ARCHIVE_RATIO_MAX)
    if header.content_bytes > min(limits.ARCHIVE_DATABASE_MAX_BYTES, max_bytes):
        raise rejection("size")


def _find_end(file: IO[bytes], at: int, file_end: int, header: Header) -> int:
    """Return where the frame with its blocks from `at` ends; past `file_end` when it is cut off."""
    block_max_bytes = min(header.window_bytes, _BLOCK_MAX_BYTES)
    capacity_bytes = 0
    max_blocks = header.content_bytes // limits.ARCHIVE_BLOCK_MIN_BYTES + limits.ARCHIVE_BLOCKS_FREE
    for _block in range(max_blocks):
        file.seek(at)
        head = int.from_bytes(file.read(3), "little")
        if at + 3 > file_end:
            return file_end + 1
        is_last, kind, size_bytes = head & 1, head >> 1 & 3, head >> 3
        if kind == _RESERVED or size_bytes > block_max_bytes:
            raise rejection("damaged")
        capacity_bytes += size_bytes if kind in (_RAW, _RLE) else block_max_bytes
        at += 3 + (1 if kind == _RLE else size_bytes)
        if is_last:
            if capacity_bytes < header.content_bytes:
                raise rejection("size")
            return at + _CHECKSUM_BYTES
    raise rejection("form")
