"""Decodes and encodes JSON-RPC 2.0 messages: requests, results, errors and notifications.

A well-formed request is decoded once into `Request`, with its params still raw. Its depth is known
before that. A line that is not well-formed may nest without end: msgspec raises RecursionError
before that exhausts the stack. Knows no method.
"""

import re
from functools import cache
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

from sidecar import limits
from sidecar.bodies import depth
from sidecar.errors import InvalidRequest, SidecarError, TooLarge
from sidecar.notifications import NAMES, Notification
from sidecar.redaction import redact_all
from sidecar.wiping import wipe

RequestId = str | int | None


class Request(msgspec.Struct):
    """One request, or a notification when `id` is absent.

    `params` are raw, or the struct of the method when the line was decoded in one pass.
    """

    method: str
    jsonrpc: str = ""
    id: str | int | UnsetType | None = UNSET
    params: Raw | UnsetType | msgspec.Struct = UNSET


class _Response(msgspec.Struct):
    """The answer with a result."""

    jsonrpc: str
    id: RequestId
    result: Any


class _ErrorResponse(msgspec.Struct):
    """The answer with an error."""

    jsonrpc: str
    id: RequestId
    error: dict[str, object]


_encode_into: Final = msgspec.json.Encoder().encode_into
"""Appends a message as JSON to a buffer, possibly on several lines. `encode` is not used: where no
memory is left for a long answer, that of msgspec 0.22 crashes."""
_LINE_FEED: Final = ord("\n")
_CARRIAGE_RETURN: Final = ord("\r")
_LAST_OF_2028: Final = 0xA8
_LAST_OF_2029: Final = 0xA9
_Buffer = TypeVar("_Buffer", bytes, bytearray)


class _RawRequest(Request):
    """A request whose params are raw."""

    params: Raw | UnsetType = UNSET


decode_request: Final = msgspec.json.Decoder(_RawRequest).decode


def decode_requests(line: bytes) -> list[Request]:
    """Decode a batch, all of its members."""
    requests: list[Request] = msgspec.json.decode(line, type=list[_RawRequest])
    return requests


_OTHER_METHOD: Final = re.compile(rb'"method"\s*:\s*"(?!secrets)[^"\\]*"')
_METHOD_WITHIN_BYTES: Final = 200
_SECRET_LINE_BYTES: Final = 256 * limits.KIB
"""No request of a `secrets.` method is longer; a scan of so many bytes takes 15 ms."""


def nests_deeper(line: bytes, most: int) -> bool:
    """Return whether a line nests deeper than `most`; one that may hold a secret is not copied."""
    if depth.count_openers(line) <= most:
        return False
    # A plain name at the start settles it for nearly all lines without a search of the whole.
    if (
        len(line) <= _SECRET_LINE_BYTES
        and _OTHER_METHOD.search(line, 0, _METHOD_WITHIN_BYTES) is None
        and may_hold_secret(line)
    ):
        return depth.exceeds_without_copy(line, most)
    return depth.exceeds(line, most)


def may_hold_secret(data: bytes) -> bool:
    r"""Return whether bytes can be of a request of a `secrets.` method, however it is spelled.

    Every other spelling of the method's name has escapes, and JSON has none but \\u00XX for its
    letters and its dot. It decides about copies; a line is wiped by its decoded method.
    """
    return b"secrets" in data or (b"\\" in data and b"\\u00" in data)


def is_utf8(line: bytes, *, secret: bool) -> bool:
    """Return whether a line is UTF-8; with `secret` no copy of it is left in memory.

    Decoding makes a copy, and so does the exception of wrong bytes.
    """
    if line.isascii():
        return True
    if secret:
        return _utf8_pattern().fullmatch(line) is not None
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


@cache
def _utf8_pattern() -> re.Pattern[bytes]:
    """Return the pattern of well-formed UTF-8 (Unicode 16.0, table 3-7)."""
    return re.compile(
        rb"(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]"
        rb"|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
        rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})*+"
    )


def request_id_fits(request_id: object) -> bool:
    """Return whether an id is one that is accepted: a short string, a 64-bit integer or null."""
    if isinstance(request_id, str):
        return len(request_id) <= limits.ID_MAX_CHARS
    if isinstance(request_id, bool):
        return False
    if isinstance(request_id, int):
        return -(2**63) <= request_id < 2**64
    return request_id is None


def check(request: Request) -> None:
    """Check a decoded message.

    Raises:
        InvalidRequest: its version, its id or the type of its params is not allowed.
    """
    if request.jsonrpc != "2.0":
        raise InvalidRequest('"jsonrpc" must be "2.0".', path="$.jsonrpc")
    if request.id is not UNSET and not request_id_fits(request.id):
        raise InvalidRequest("The id is longer or larger than allowed.", path="$.id")
    if params_kind(request.params) not in b"{[n":
        raise InvalidRequest("params must be an object or an array.", path="$.params")


def params_kind(params: Raw | UnsetType | msgspec.Struct) -> bytes:
    """Return the first byte of the params: `{` by name, `[` by position, `n` for none."""
    if params is UNSET:
        return b"n"
    if isinstance(params, msgspec.Struct):
        return b"{"
    return bytes(memoryview(params)[:1]) or b"n"


def _on_one_line(data: _Buffer) -> _Buffer:
    """Return encoded JSON without line breaks.

    U+2028 and U+2029, which JSON allows in strings and at which many programs split lines, are
    escaped. Line breaks between tokens, which stored JSON may have, become spaces.
    """
    # Bytes are given as numbers: for bytes of length 1 Python 3.11 raises an exception inside.
    if _LINE_FEED in data or _CARRIAGE_RETURN in data:
        data = data.replace(b"\n", b" ").replace(b"\r", b" ")
    if _LAST_OF_2028 in data or _LAST_OF_2029 in data:
        data = data.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
    return data


def encode_result(request_id: RequestId, result: object) -> bytes:
    """Return the line of a result.

    Raises:
        TooLarge: it would be longer than an answer may be.
    """
    buffer = bytearray()
    _encode_into(_Response("2.0", request_id, result), buffer)
    data = _on_one_line(buffer)
    if len(data) >= limits.ANSWER_MAX_BYTES:
        raise TooLarge("The answer is larger than allowed.", limit=limits.ANSWER_MAX_BYTES)
    data.append(_LINE_FEED)
    return bytes(data)


def encode_sensitive(request_id: RequestId, result: object) -> bytes:
    """Return the line of a result with a secret; it is the only copy, and its writer wipes it.

    msgspec is given a buffer that is large enough: its own would grow, and leave copies in memory.
    """
    buffer = bytearray(limits.SENSITIVE_ANSWER_BYTES)
    _encode_into(_Response("2.0", request_id, result), buffer)
    encoded = bytes(buffer)
    wipe(buffer)
    data = _on_one_line(encoded)
    line = data + b"\n"
    wipe(encoded)
    if data is not encoded:
        wipe(data)
    return line


def encode_error(request_id: RequestId, error: SidecarError) -> bytes:
    """Return the line of an error."""
    redacted: dict[str, object] = redact_all(error.as_wire())
    if error.message == error.text:
        # The class's sentence has no secret, even if a passphrase equals one of its words.
        redacted["message"] = error.text
    buffer = bytearray()
    _encode_into(_ErrorResponse("2.0", request_id, redacted), buffer)
    return bytes(_on_one_line(buffer)) + b"\n"


NOTIFICATION_START: Final = b'{"jsonrpc":"2.0","method":'
_STARTS: Final = {
    kind: NOTIFICATION_START + b'"%b","params":' % name.encode() for kind, name in NAMES.items()
}


def encode_notification(params: Notification) -> bytes:
    """Return the line of a notification; it always starts with NOTIFICATION_START."""
    buffer = bytearray(_STARTS[type(params)])
    _encode_into(params, buffer, -1)
    return bytes(_on_one_line(buffer)) + b"}\n"


def encode_batch(members: list[bytes]) -> bytes:
    """Return the line with the answers of a batch, in the order of its requests."""
    data = b"[" + b",".join(member[:-1] for member in members) + b"]\n"
    if len(data) > limits.ANSWER_MAX_BYTES:
        limit = limits.ANSWER_MAX_BYTES
        error = TooLarge("The answers of the batch are larger than allowed.", limit=limit)
        return encode_error(None, error)
    return data
