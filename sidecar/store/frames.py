"""Bodies of earlier revisions as zstd frames (RFC 8878): the one door for zstandard.

A key frame stands alone. A delta frame is compressed with the whole body of a key frame as its
dictionary (raw content, no training) and a window that covers both, so that what two revisions
share costs next to nothing. Imported when first used: most sessions replace nothing.
"""

from functools import cache
from types import ModuleType
from typing import Any, cast

from sidecar import limits
from sidecar.errors import DatabaseDamaged


@cache
def _load_zstandard() -> ModuleType:
    import zstandard  # noqa: PLC0415 - 15 ms that the start must not pay

    return zstandard


def _dictionary(body: bytes) -> Any:
    zstd = _load_zstandard()
    return zstd.ZstdCompressionDict(body, dict_type=zstd.DICT_TYPE_RAWCONTENT)


def pack(body: bytes, key_body: bytes | None = None) -> bytes:
    """Compress a body, alone or beside the body of its key frame."""
    zstd = _load_zstandard()
    whole_bytes = len(body) + len(key_body or b"")
    parameters = zstd.ZstdCompressionParameters.from_level(
        limits.ZSTD_LEVEL,
        source_size=len(body),
        dict_size=len(key_body or b""),
        window_log=max(zstd.WINDOWLOG_MIN, min(whole_bytes.bit_length(), zstd.WINDOWLOG_MAX)),
        enable_ldm=False,
        write_content_size=True,
        write_dict_id=False,
    )
    dictionary = _dictionary(key_body) if key_body is not None else None
    compressor = zstd.ZstdCompressor(dict_data=dictionary, compression_params=parameters)
    return cast(bytes, compressor.compress(body))


def unpack(data: bytes, size_bytes: int, key_body: bytes | None = None) -> bytes:
    """Give back a body of `size_bytes`; the caller compares its fingerprint.

    Raises:
        DatabaseDamaged: it is no frame of that size, or not of this key frame.
    """
    zstd = _load_zstandard()
    dictionary = _dictionary(key_body) if key_body is not None else None
    decompressor = zstd.ZstdDecompressor(
        dict_data=dictionary, max_window_size=limits.ZSTD_WINDOW_MAX_BYTES
    )
    try:
        if zstd.frame_content_size(data) != size_bytes:
            raise DatabaseDamaged
        return cast(bytes, decompressor.decompress(data, max_output_size=size_bytes))
    except zstd.ZstdError:
        raise DatabaseDamaged from None
