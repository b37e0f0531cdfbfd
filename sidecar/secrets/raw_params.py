"""Params that hold a secret: kept raw, taken out once, overwritten where they lay.

msgspec would make a `str` of them, and a freed `str` keeps its text until the memory is used
again. So they stay a view of the line, are checked and copied into a bytearray here, and the
line's bytes are overwritten. The copy lives as long as its request, so that it can be blotted
out of whatever that says.
"""

from typing import Annotated, Final

from msgspec import Meta, Raw, UnsetType

from sidecar import limits
from sidecar.errors import InvalidParams
from sidecar.redaction import hold, looks_like_key
from sidecar.wiping import wipe

Provider = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=limits.PROVIDER_MAX_CHARS,
        description="Name of the provider, 1 to 128 characters: `openai`, `openai/work`.",
    ),
]


def _text(most: int, description: str) -> Meta:
    schema = {"type": "string", "minLength": 1, "maxLength": most, "writeOnly": True}
    return Meta(description=description, extra_json_schema=schema)


Passphrase = Annotated[
    Raw, _text(limits.PASSPHRASE_MAX_CHARS, "The passphrase, 1 to 1 024 characters.")
]
RecoveryCode = Annotated[Raw, _text(128, "The recovery code: nine groups of four.")]
Value = Annotated[Raw, _text(limits.SECRET_MAX_BYTES, "The provider's key, up to 16 KiB.")]


def refuse_key_as_name(provider: str, value: bytearray | None = None) -> None:
    """Refuse a key where a provider's name belongs: names lie in clear, and stay in the log.

    Raises:
        InvalidParams: it has the shape of a known provider's keys, or is the value itself.
    """
    if looks_like_key(provider) or (value is not None and provider.encode() == value):
        text = "That is a key and not a provider's name; nothing of it was kept."
        raise InvalidParams(text, path="$.params.provider")


_ESCAPES: Final = {
    ord('"'): b'"',
    ord("\\"): b"\\",
    ord("/"): b"/",
    ord("b"): b"\b",
    ord("f"): b"\f",
    ord("n"): b"\n",
    ord("r"): b"\r",
    ord("t"): b"\t",
}


_CONTINUING: Final = range(0x80, 0xC0)
"""Bytes of UTF-8 that begin no character."""

_BACKSLASH: Final = ord("\\")
_SPACE: Final = 0x20
_HIGH: Final = range(0xD800, 0xDC00)
_LOW: Final = range(0xDC00, 0xE000)
"""The two halves of a surrogate pair (Unicode 16.0, 3.8)."""


def take(raw: Raw | UnsetType, path: str, most_bytes: int) -> bytearray:
    """The text as UTF-8, wiped when the request is done; what it was read from is overwritten.

    Raises:
        InvalidParams: no string, empty, or longer than `most_bytes`.
    """
    if isinstance(raw, UnsetType):
        raise InvalidParams("A required member is missing.", path=path)
    try:
        with memoryview(raw) as view:
            text = _unescaped(view, path)
    finally:
        wipe(raw)
    if not 0 < len(text) <= most_bytes:
        wipe(text)
        raise InvalidParams(f"It takes 1 to {most_bytes} bytes of UTF-8.", path=path)
    hold(text)
    return text


def take_passphrase(raw: Raw | UnsetType, path: str) -> bytearray:
    """The same for a passphrase, whose bound is in characters.

    Raises:
        InvalidParams: no string, empty, or longer.
    """
    most = limits.PASSPHRASE_MAX_CHARS
    text = take(raw, path, 4 * most)
    if sum(byte not in _CONTINUING for byte in text) > most:
        raise InvalidParams(f"It takes 1 to {most} characters.", path=path)
    return text


def _unescaped(view: memoryview, path: str) -> bytearray:
    """What stands between the quotes; made in a buffer that never moves and is wiped."""
    if bytes(view[:1]) != b'"':
        raise InvalidParams("Expected a string.", path=path)
    text = view[1:-1]
    plain, length, at = bytearray(len(text)), 0, 0
    while at < len(text):
        byte = text[at]
        if byte != _BACKSLASH:
            plain[length] = byte
            length, at = length + 1, at + 1
            continue
        at, piece = _escape(text, at + 1)
        plain[length : length + len(piece)] = piece
        length += len(piece)
    try:
        return plain[:length]
    finally:
        wipe(plain)


def _escape(text: memoryview, at: int) -> tuple[int, bytes]:
    """Where the escape whose letter is at `at` ends, and what it stands for in UTF-8.

    msgspec has seen to it that every escape is whole, half a surrogate pair among them.
    """
    if text[at] != ord("u"):
        return at + 1, _ESCAPES[text[at]]
    number, end = int(bytes(text[at + 1 : at + 5]), 16), at + 5
    if number in _HIGH:
        low = int(bytes(text[end + 2 : end + 6]), 16)
        number, end = 0x10000 + ((number - _HIGH.start) << 10) + (low - _LOW.start), end + 6
    return end, chr(number).encode()


def as_json(value: bytearray) -> Raw:
    """The JSON string of a value, in a buffer that never moves and is wiped with the answer."""
    text, at = bytearray(6 * len(value) + 2), 1
    for byte in value:
        if byte in b'"\\':
            piece = b"\\%c" % byte
        elif byte < _SPACE:
            piece = b"\\u%04x" % byte
        else:
            text[at] = byte
            at += 1
            continue
        text[at : at + len(piece)] = piece
        at += len(piece)
    text[0] = text[at] = ord('"')
    exact = text[: at + 1]
    wipe(text)
    return Raw(exact)
