"""JSON-RPC 2.0 envelopes: bytes to a request, results and errors to bytes.

A well-formed request is decoded once into `Request`, its params still raw. What msgspec's Raw
does not check is checked here: UTF-8, and depth, counted before any decoding so that no nesting
can exhaust the stack. Knows no method.
"""

from array import array
from contextlib import suppress
from itertools import accumulate
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from sidecar import limits
from sidecar.errors import InvalidRequest, SidecarError, TooLarge
from sidecar.notifications import NAMES, Notification
from sidecar.redaction import redact_all
from sidecar.wiping import wipe

RequestId = str | int | None


class Request(msgspec.Struct):
    """One request or notification; `id` absent makes it a notification.

    `params` are raw, or the struct of a method where that was known when the line was decoded.
    """

    method: str
    jsonrpc: str = ""
    id: str | int | UnsetType | None = UNSET
    params: Raw | UnsetType | msgspec.Struct = UNSET


class _Response(msgspec.Struct):
    jsonrpc: str
    id: RequestId
    result: Any


class _ErrorResponse(msgspec.Struct):
    jsonrpc: str
    id: RequestId
    error: dict[str, object]


_encode: Final = msgspec.json.Encoder().encode
_encode_into: Final = msgspec.json.Encoder().encode_into


class _RawRequest(Request):
    params: Raw | UnsetType = UNSET


decode_request: Final = msgspec.json.Decoder(_RawRequest).decode

_BRACKETS_QUOTES: Final = b'[]{}"'
_NOT_BRACKETS_QUOTES: Final = bytes(code for code in range(256) if code not in _BRACKETS_QUOTES)
_STEPS: Final = bytes(1 if code in b"[{" else 255 for code in range(256))
_LAST_COLUMN: Final = b"\n" + b" " * limits.DEPTH_MAX
_INDENT_MAX: Final = 128 * limits.MIB
"""Bounds what indenting hostile text can take, at one space a level."""


def depth_exceeded(line: bytes) -> bool:
    """Whether the JSON text nests deeper than `limits.DEPTH_MAX`, brackets in strings apart.

    Too few openers settle half of the lines, msgspec's indentation nearly all others. What is
    left is counted, malformed text too.
    """
    openers = line.count(b"{") + line.count(b"[")
    if openers <= limits.DEPTH_MAX:
        return False
    if _indents_small(line, openers):
        with suppress(msgspec.DecodeError, RecursionError):
            # Nobody stands at this column unless something nests as deep as is allowed.
            if _LAST_COLUMN not in msgspec.json.format(line, indent=1):
                return False
    return _rises_too_far(_brackets(line))


def _indents_small(line: bytes, openers: int) -> bool:
    """Whether indenting a text is bounded: each line of it by its depth, and that by openers."""
    if openers * len(line) <= _INDENT_MAX:
        return True
    lines = line.count(b",") + 2 * openers
    return openers * lines <= _INDENT_MAX


def _brackets(line: bytes) -> bytes:
    """The brackets of a JSON text, those in strings apart.

    Escapes go, then everything but brackets and quotes, so that what follows is short. Two
    quotes side by side go without harm: what is inside a string stays inside one.
    """
    if b"\\" in line:
        line = _without_escapes(line)
    brackets = line.translate(None, _NOT_BRACKETS_QUOTES).replace(b'""', b"")
    return b"".join(brackets.split(b'"')[::2])


def _without_escapes(line: bytes) -> bytes:
    """The line without its backslashes and what they escape.

    Split at one byte, which runs at the speed of memchr; to search for two costs 4 ns a byte.
    """
    pieces = line.split(b"\\")
    if b"" in pieces:
        # Two side by side: pairs go from the left, so that what is left escapes what follows it.
        pieces = line.replace(b"\\\\", b"").split(b"\\")
    return b"".join([pieces[0], *[piece[1:] for piece in pieces[1:]]])


def _rises_too_far(brackets: bytes) -> bool:
    """Add up openers and closers; exact, but a step a bracket."""
    steps = array("b", brackets.translate(_STEPS))
    return max(accumulate(steps), default=0) > limits.DEPTH_MAX


def request_id_fits(request_id: object) -> bool:
    """Whether an id can be echoed: a bounded string, a 64-bit integer or null."""
    if isinstance(request_id, str):
        return len(request_id) <= limits.ID_MAX_CHARS
    if isinstance(request_id, bool):
        return False
    if isinstance(request_id, int):
        return -(2**63) <= request_id < 2**64
    return request_id is None


def check(request: Request) -> None:
    """Refuse what decodes but is no JSON-RPC 2.0 request.

    Raises:
        InvalidRequest: wrong version, an id that cannot be echoed, or params that are neither
            object, array nor null.
    """
    if request.jsonrpc != "2.0":
        raise InvalidRequest('"jsonrpc" must be "2.0".', path="$.jsonrpc")
    if request.id is not UNSET and not request_id_fits(request.id):
        raise InvalidRequest("The id is longer or larger than can be echoed.", path="$.id")
    if params_kind(request.params) not in b"{[n":
        raise InvalidRequest("params must be an object or an array.", path="$.params")


def params_kind(params: Raw | UnsetType | msgspec.Struct) -> bytes:
    """First byte of the params: `{` by name, `[` by position, `n` for none."""
    if params is UNSET:
        return b"n"
    if isinstance(params, msgspec.Struct):
        return b"{"
    return bytes(memoryview(params)[:1]) or b"n"


def _on_one_line(data: bytes) -> bytes:
    """Escape U+2028 and U+2029, which JSON allows in strings and many line readers split on.

    Line breaks between tokens, as JSON from an imported file may have them, become spaces.
    """
    if b"\n" in data or b"\r" in data:
        data = data.replace(b"\n", b" ").replace(b"\r", b" ")
    # Scans for one byte run at the speed of memchr, and settle nearly all.
    if b"\xa8" in data or b"\xa9" in data:
        data = data.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
    return data


def encode_result(request_id: RequestId, result: object) -> bytes:
    """One answer line.

    Raises:
        TooLarge: it would be longer than an answer may be.
    """
    data = _on_one_line(_encode(_Response("2.0", request_id, result)))
    if len(data) >= limits.ANSWER_MAX_BYTES:
        raise TooLarge("The answer is larger than allowed.", limit=limits.ANSWER_MAX_BYTES)
    return data + b"\n"


def encode_sensitive(request_id: RequestId, result: object) -> bytes:
    """One answer line that holds a secret, and no other copy of it: who writes it wipes it.

    msgspec's own buffer would grow and leave its smaller selves behind, so it is given one that
    is large enough.
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
    """One error line."""
    told: dict[str, object] = redact_all(error.as_wire())
    if error.message == error.text:
        # Our own sentence holds no secret, even where one of its words is a passphrase.
        told["message"] = error.text
    return _on_one_line(_encode(_ErrorResponse("2.0", request_id, told))) + b"\n"


def encode_notification(params: Notification) -> bytes:
    """One notification line; always begins `{"jsonrpc":"2.0","method":`."""
    name = NAMES[type(params)].encode()
    return b'{"jsonrpc":"2.0","method":"%b","params":%b}\n' % (name, _on_one_line(_encode(params)))


def encode_batch(members: list[bytes]) -> bytes:
    """One line holding the answers of a batch, in the order of its requests."""
    data = b"[" + b",".join(member[:-1] for member in members) + b"]\n"
    if len(data) > limits.ANSWER_MAX_BYTES:
        limit = limits.ANSWER_MAX_BYTES
        error = TooLarge("The answers of the batch are larger than allowed.", limit=limit)
        return encode_error(None, error)
    return data
