"""Recognises the two control notifications, `$/cancelRequest` and `system.exit`, in any spelling.

They are handled as soon as their line is read, also while output waits and no request may start.
JSON-RPC allows them in a batch, with members in any order, with escapes, white space and params by
position. A line in which none is found here is decoded in its turn, and the dispatcher handles what
it has then.
"""

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from sidecar.errors import InvalidRequest
from sidecar.wire import envelope
from sidecar.wire.envelope import Request

CANCEL: Final = "$/cancelRequest"
EXIT: Final = "system.exit"

_SHORT_BYTES: Final = 4096
"""Lines up to this length are searched whole: four times the longest id, and padding."""

_PEEK_BYTES: Final = 200
"""How far from both ends a longer line is searched, which costs the same at any length."""


_CANCEL_SIGN: Final = b"cancelRequest"
_EXIT_SIGN: Final = b"system.exit"
_ESCAPE_SIGN: Final = b"\\u00"
_SIGNS: Final = (_CANCEL_SIGN, _EXIT_SIGN, _ESCAPE_SIGN)
"""What a control notification has: its name, or an escape in place of its letters."""


class _Cancel(msgspec.Struct):
    """The params of a cancel by name."""

    id: str | int | None


def is_control(request: Request) -> bool:
    """Return whether a valid request is one of the two notifications."""
    return request.id is UNSET and request.method in (CANCEL, EXIT)


def may_be_control(line: bytes) -> bool:
    """Return whether a line is worth being decoded for a control notification; makes no copy."""
    size_bytes = len(line)
    if size_bytes <= _SHORT_BYTES:
        # Written out: every short request passes here. `in` raises an exception inside Python 3.11.
        find = line.find
        return find(_CANCEL_SIGN) >= 0 or find(_EXIT_SIGN) >= 0 or find(_ESCAPE_SIGN) >= 0
    return any(
        line.find(sign, 0, _PEEK_BYTES) >= 0 or line.find(sign, size_bytes - _PEEK_BYTES) >= 0
        for sign in _SIGNS
    )


def decode(line: bytes) -> list[Request]:
    """Return the control notifications of a line; none unless the line has nothing else."""
    try:
        if line.lstrip()[:1] == b"[":
            requests = envelope.decode_requests(line)
        else:
            requests = [envelope.decode_request(line)]
        for request in requests:
            envelope.check(request)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InvalidRequest):
        return []
    if not all(is_control(request) for request in requests):
        return []
    return requests


def cancelled_id(request: Request) -> str | int | UnsetType | None:
    """Return the id that a cancel names, or UNSET when its params are not valid."""
    if not isinstance(request.params, msgspec.Raw):
        return UNSET
    try:
        if envelope.params_kind(request.params) == b"[":
            ids = msgspec.json.decode(request.params, type=list[str | int | None])
            return ids[0]
        return msgspec.json.decode(request.params, type=_Cancel).id
    except (msgspec.DecodeError, UnicodeDecodeError, IndexError):
        return UNSET
