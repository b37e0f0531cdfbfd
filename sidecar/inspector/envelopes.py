"""Recognises whether a line is a request, an answer or a notification, and its method."""

import re
from typing import Literal, NamedTuple

import msgspec

Kind = Literal["request", "result", "error", "notification", "batch", "other"]

_METHOD = re.compile(rb'"method"\s*:\s*"([a-zA-Z_$/.]{1,80})"')
_ID = re.compile(rb'"id"\s*:\s*("[^"\\]{0,80}"|[0-9]{1,20})')
_HEAD_BYTES = 400
"""The bytes of a truncated line that are searched for the envelope: clients write it first."""


class Envelope(NamedTuple):
    """The envelope of a line."""

    kind: Kind
    id: bytes | None = None
    """JSON text of the id."""
    method: str | None = None


class _Message(msgspec.Struct):
    """The members of a message's envelope; a missing member is empty."""

    id: msgspec.Raw = msgspec.Raw()
    method: str | None = None
    error: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw()


_decode = msgspec.json.Decoder(_Message).decode


def read(line: bytes, *, cut: bool = False) -> Envelope:
    """Return the envelope of a line; for a truncated line, as its beginning shows it."""
    if cut:
        return _guess(line[:_HEAD_BYTES])
    if line.lstrip().startswith(b"["):
        return Envelope("batch")
    try:
        message = _decode(line)
    except (msgspec.DecodeError, RecursionError):
        return Envelope("other")
    id_ = bytes(message.id) or None
    if message.method is not None:
        return Envelope("notification" if id_ is None else "request", id_, message.method)
    if bytes(message.error) not in (b"", b"null"):
        return Envelope("error", id_)
    return Envelope("result" if bytes(message.result) else "other", id_)


def _guess(head: bytes) -> Envelope:
    """Return the envelope that the first bytes of a line show."""
    id_, method = _ID.search(head), _METHOD.search(head)
    found = id_[1] if id_ else None
    if method:
        kind: Kind = "request" if found else "notification"
        return Envelope(kind, found, method[1].decode())
    return Envelope("result" if found and b'"result"' in head else "other", found)
