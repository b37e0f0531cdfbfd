"""Hides secrets (passphrases, keys, recovery codes) in the text of a frame before it is stored.

The catalog declares which params and which results contain a secret.
"""

from typing import Any, NamedTuple

import msgspec

from sidecar.inspector.envelopes import Envelope

_NOUN = "secrets."
HIDDEN = "••••••"
_ALL_HIDDEN = "(hidden: it may contain a secret)"


class Masked(NamedTuple):
    """The text that is stored, and whether a part of it is hidden."""

    text: str
    hidden: bool


def masked(envelope: Envelope, line: bytes, *, came: bool, cut: bool, doubtful: bool) -> Masked:
    """Return the text of a line without secrets.

    For an answer, `envelope.method` is the method of its request. `came` says that the line comes
    from the sidecar; `doubtful` says that the request that it answers is unknown.
    """
    if doubtful:
        return Masked(_ALL_HIDDEN, True)
    is_named = envelope.method is not None and envelope.method.startswith(_NOUN)
    if envelope.kind == "error" or (came and envelope.kind == "notification"):
        return _plain(line)  # these never repeat the params
    if envelope.kind in ("batch", "other") or cut:
        may_hold = is_named or _NOUN.encode() in line
        return Masked(_ALL_HIDDEN, True) if may_hold else _plain(line)
    if not is_named:
        return _plain(line)
    from sidecar.catalog import find_method  # noqa: PLC0415 - the host's sidecar starts earlier

    method = find_method(envelope.method or "")
    if envelope.kind == "result":
        return _plain(line) if method and not method.sensitive else _mask(line, "result")
    # An unknown member may be a secret under a wrong name.
    known = frozenset(method.field_names()) - method.secret_params if method else frozenset()
    return _mask(line, "params", known)


def _plain(line: bytes) -> Masked:
    """Return the unchanged text of a line."""
    return Masked(line.decode(errors="replace"), False)


def _mask(line: bytes, part: str, open_names: frozenset[str] = frozenset()) -> Masked:
    """Return the line with every member of a part hidden, except those with these names."""
    try:
        message: dict[str, Any] = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return Masked(_ALL_HIDDEN, True)
    found = message.get(part)
    if isinstance(found, dict):
        hidden = {name for name, value in found.items() if value is not None} - open_names
        if not hidden:
            return _plain(line)
        message[part] = {name: HIDDEN if name in hidden else found[name] for name in found}
    elif found is not None:
        message[part] = HIDDEN  # params by position
    return Masked(msgspec.json.encode(message).decode(), True)
