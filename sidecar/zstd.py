"""Zstandard frames (RFC 8878): the one door for zstandard, for single values and for streams.

Imported when first used: most sessions pack nothing. What a frame is of, and what it means when
one is damaged, is the caller's business.
"""

from functools import cache
from types import ModuleType
from typing import IO, Any, cast

from sidecar import limits


class FrameDamaged(Exception):
    """The bytes are no frame, or not the one that was expected."""


@cache
def load_zstandard() -> ModuleType:
    """The library, imported by whoever asks first."""
    import zstandard  # noqa: PLC0415 - 15 ms that the start must not pay

    return zstandard


def _dictionary(body: bytes | None) -> Any:
    if body is None:
        return None
    zstd = load_zstandard()
    return zstd.ZstdCompressionDict(body, dict_type=zstd.DICT_TYPE_RAWCONTENT)


def pack(body: bytes, level: int, dictionary: bytes | None = None) -> bytes:
    """Compress a value, alone or beside another one, which the window covers too."""
    zstd = load_zstandard()
    whole_bytes = len(body) + len(dictionary or b"")
    parameters = zstd.ZstdCompressionParameters.from_level(
        level,
        source_size=len(body),
        dict_size=len(dictionary or b""),
        window_log=max(zstd.WINDOWLOG_MIN, min(whole_bytes.bit_length(), zstd.WINDOWLOG_MAX)),
        enable_ldm=False,
        write_content_size=True,
        write_dict_id=False,
    )
    compressor = zstd.ZstdCompressor(
        dict_data=_dictionary(dictionary), compression_params=parameters
    )
    return cast(bytes, compressor.compress(body))


def unpack(data: bytes, size_bytes: int, dictionary: bytes | None = None) -> bytes:
    """Give back a value of `size_bytes`.

    Raises:
        FrameDamaged: it is no frame of that size, or not of this dictionary.
    """
    zstd = load_zstandard()
    decompressor = zstd.ZstdDecompressor(
        dict_data=_dictionary(dictionary), max_window_size=limits.ZSTD_WINDOW_MAX_BYTES
    )
    try:
        if zstd.frame_content_size(data) != size_bytes:
            raise FrameDamaged
        return cast(bytes, decompressor.decompress(data, max_output_size=size_bytes))
    except zstd.ZstdError as fault:
        raise FrameDamaged from fault


class Packer:
    """One frame with checksum and content size, made a piece at a time."""

    def __init__(self, level: int, size_bytes: int) -> None:
        """Begin a frame over `size_bytes`; other than so many is refused at its end."""
        zstd = load_zstandard()
        compressor = zstd.ZstdCompressor(
            level=level, write_checksum=True, write_content_size=True, write_dict_id=False
        )
        self._frame = compressor.compressobj(size=size_bytes)

    def add(self, piece: bytes) -> bytes:
        """Take a piece; what of the frame is finished, perhaps nothing."""
        return cast(bytes, self._frame.compress(piece))

    def end(self) -> bytes:
        """The rest of the frame."""
        return cast(bytes, self._frame.flush())


class Unpacker:
    """Reads one frame a piece at a time, in memory bounded by its window."""

    def __init__(self, file: IO[bytes], window_max_bytes: int) -> None:
        """Begin at the file's position; a frame with a larger window is refused."""
        zstd = load_zstandard()
        self._error: type[Exception] = zstd.ZstdError
        decompressor = zstd.ZstdDecompressor(max_window_size=window_max_bytes)
        self._reader = decompressor.stream_reader(
            file, read_size=limits.ARCHIVE_PIECE_BYTES, read_across_frames=False, closefd=False
        )

    def read(self, size_bytes: int) -> bytes:
        """The next bytes, at most so many; none at the end, also where the frame is cut off.

        Raises:
            FrameDamaged: its bytes or its checksum are wrong, or its window is too large.
        """
        try:
            return cast(bytes, self._reader.read(size_bytes))
        except self._error as fault:
            raise FrameDamaged from fault
