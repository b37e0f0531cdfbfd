"""Zstandard frames (RFC 8878), for single values and for streams.

Only this module uses the library zstandard. It imports it when it is first needed, because most
sessions pack nothing.
"""

from functools import cache
from types import ModuleType
from typing import IO, Any, cast

from sidecar import limits


class FrameDamaged(Exception):
    """The bytes are not a valid frame, or not the frame that was expected."""


@cache
def load_zstandard() -> ModuleType:
    """Import the library when this is first called, and return it."""
    import zstandard  # noqa: PLC0415 - it takes 15 ms, too long for every start

    return zstandard


def _dictionary(body: bytes | None) -> Any:
    """Return `body` as a dictionary of the library."""
    if body is None:
        return None
    zstd = load_zstandard()
    return zstd.ZstdCompressionDict(body, dict_type=zstd.DICT_TYPE_RAWCONTENT)


def pack(body: bytes, level: int, dictionary: bytes | None = None) -> bytes:
    """Compress a value, with a similar value as `dictionary` if given; the window covers both."""
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
    """Decompress a value that must have `size_bytes`.

    Raises:
        FrameDamaged: `data` is not a frame with that content size, or needs another dictionary.
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
    """Compresses a stream into one frame with checksum and content size, a piece at a time."""

    def __init__(self, level: int, size_bytes: int) -> None:
        """Start a frame; `end` fails when the pieces do not add up to `size_bytes`."""
        zstd = load_zstandard()
        compressor = zstd.ZstdCompressor(
            level=level, write_checksum=True, write_content_size=True, write_dict_id=False
        )
        self._frame = compressor.compressobj(size=size_bytes)

    def add(self, piece: bytes) -> bytes:
        """Compress a piece; return what is finished of the frame, which may be empty."""
        return cast(bytes, self._frame.compress(piece))

    def end(self) -> bytes:
        """Return the rest of the frame."""
        return cast(bytes, self._frame.flush())


class Unpacker:
    """Decompresses one frame a piece at a time, in memory that is limited by its window."""

    def __init__(self, file: IO[bytes], window_max_bytes: int) -> None:
        """Start at the file's position; reading a frame with a larger window fails."""
        zstd = load_zstandard()
        self._error: type[Exception] = zstd.ZstdError
        decompressor = zstd.ZstdDecompressor(max_window_size=window_max_bytes)
        self._reader = decompressor.stream_reader(
            file, read_size=limits.ARCHIVE_PIECE_BYTES, read_across_frames=False, closefd=False
        )

    def read(self, size_bytes: int) -> bytes:
        """Return the next bytes, at most `size_bytes`; none at the end, even if it is cut off.

        Raises:
            FrameDamaged: the frame's bytes or checksum are wrong, or its window is too large.
        """
        try:
            return cast(bytes, self._reader.read(size_bytes))
        except self._error as fault:
            raise FrameDamaged from fault
