"""Params that hold a secret: each is read once from the line, and overwritten there.

msgspec would make a `str` of such a param, and a freed `str` keeps its text until the memory is
used again. So the struct of params holds a raw view of the line. The functions here check the
text, copy it into a bytearray and overwrite the line's bytes. The copy is redacted in every text
that the request writes, and wiped when the request is done.
"""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Raw, UnsetType

from sidecar import limits
from sidecar.errors import InvalidParams
from sidecar.redaction import add_secret, has_key_shape
from sidecar.wiping import wipe

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

_CONTINUATION_BYTES: Final = range(0x80, 0xC0)
"""The bytes of UTF-8 that begin no character."""

_BACKSLASH: Final = ord("\\")
_SPACE: Final = 0x20
_HIGH: Final = range(0xD800, 0xDC00)
_LOW: Final = range(0xDC00, 0xE000)
"""The two halves of a surrogate pair (Unicode 16.0, 3.8)."""

_CODE_MAX_CHARS: Final = 128
"""Longer than a recovery code, because there may be spaces between its groups."""

Provider = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=limits.PROVIDER_MAX_CHARS,
        description="Name of the provider, 1 to 128 characters: `openai`, `openai/work`.",
    ),
]


def _secret(max_chars: int, description: str) -> Meta:
    """Describe a param that holds a secret, which JSON Schema calls `writeOnly`."""
    schema = {"type": "string", "minLength": 1, "maxLength": max_chars, "writeOnly": True}
    return Meta(description=description, extra_json_schema=schema)


Passphrase = Annotated[
    Raw, _secret(limits.PASSPHRASE_MAX_CHARS, "The passphrase, 1 to 1 024 characters.")
]
RecoveryCode = Annotated[Raw, _secret(_CODE_MAX_CHARS, "The recovery code: nine groups of four.")]
Value = Annotated[Raw, _secret(limits.SECRET_MAX_BYTES, "The provider's key, up to 16 KiB.")]


def require_exactly_one(params: object, *names: str) -> str:
    """Return the name of the one member of the params that is given.

    Raises:
        InvalidParams: none of the named members is given, or more than one.
    """
    given = [name for name in names if getattr(params, name) is not UNSET]
    if len(given) != 1:
        raise InvalidParams(f"Exactly one of {', '.join(names)} is needed.", path="$.params")
    return given[0]


def take_text(raw: Raw | UnsetType, path: str, max_bytes: int) -> bytearray:
    """Return a param's text as UTF-8, wiped when the request is done; overwrite it in the line.

    Raises:
        InvalidParams: the param is missing, no string, empty, or longer than `max_bytes`.
    """
    if isinstance(raw, UnsetType):
        raise InvalidParams("A required member is missing.", path=path)
    try:
        with memoryview(raw) as view:
            text = _decode_string(view, path)
    finally:
        wipe(raw)
    if not 0 < len(text) <= max_bytes:
        wipe(text)
        raise InvalidParams(f"It takes 1 to {max_bytes} bytes of UTF-8.", path=path)
    add_secret(text)
    return text


def take_passphrase(raw: Raw | UnsetType, path: str) -> bytearray:
    """Return a param's passphrase as `take_text` does; its limit is in characters.

    Raises:
        InvalidParams: the param is missing, no string, empty, or longer than a passphrase may be.
    """
    max_chars = limits.PASSPHRASE_MAX_CHARS
    text = take_text(raw, path, 4 * max_chars)
    if sum(byte not in _CONTINUATION_BYTES for byte in text) > max_chars:
        raise InvalidParams(f"It takes 1 to {max_chars} characters.", path=path)
    return text


def take_recovery_code(raw: Raw | UnsetType, path: str) -> bytearray:
    """Return a param's recovery code as `take_text` does.

    Raises:
        InvalidParams: the param is missing, no string, empty, or longer than a code may be.
    """
    return take_text(raw, path, _CODE_MAX_CHARS)


def take_value(raw: Raw, provider: str) -> bytearray:
    """Return the provider's key in the param `value` as `take_text` does.

    Raises:
        InvalidParams: it is no string, empty or too long, or `provider` is a key and no name.
    """
    value = take_text(raw, "$.params.value", limits.SECRET_MAX_BYTES)
    refuse_key_as_name(provider, value)
    return value


def refuse_key_as_name(provider: str, value: bytearray | None = None) -> None:
    """Refuse a key where a provider's name belongs: names are stored and logged in clear.

    Raises:
        InvalidParams: the name has the shape of a known provider's keys, or equals the value.
    """
    if has_key_shape(provider) or (value is not None and provider.encode() == value):
        text = "That is a key and not a provider's name; it was not stored."
        raise InvalidParams(text, path="$.params.provider")


def _decode_string(view: memoryview, path: str) -> bytearray:
    """Return the text of a JSON string as UTF-8; it is built in a buffer that is wiped.

    The buffer never grows: growing would leave a copy of the secret in freed memory.

    Raises:
        InvalidParams: the JSON value is no string.
    """
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
        at, piece = _decode_escape(text, at + 1)
        plain[length : length + len(piece)] = piece
        length += len(piece)
    try:
        return plain[:length]
    finally:
        wipe(plain)


def _decode_escape(text: memoryview, at: int) -> tuple[int, bytes]:
    """Return where the JSON escape ends whose letter is at `at`, and its character as UTF-8.

    msgspec has checked that every escape is complete, and every surrogate half has the other.
    """
    if text[at] != ord("u"):
        return at + 1, _ESCAPES[text[at]]
    number, end = int(bytes(text[at + 1 : at + 5]), 16), at + 5
    if number in _HIGH:
        low = int(bytes(text[end + 2 : end + 6]), 16)
        number, end = 0x10000 + ((number - _HIGH.start) << 10) + (low - _LOW.start), end + 6
    return end, chr(number).encode()


def as_json(value: bytearray) -> Raw:
    """Return a value as a JSON string, which is wiped when the request is done.

    The string is built in a buffer that never grows, and that is wiped here.
    """
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
    add_secret(exact)
    return Raw(exact)
