"""Repairs the params of a request that are not JSON, where its method would rather have them.

The end of a run is such a request: that it has ended is worth more than a character of its texts.
Only the params that the method names are repaired: null takes the place of NaN and Infinity, U+FFFD
that of half of a surrogate pair and of bytes that are not UTF-8. A value that nests too deep is
dropped: null takes its place. Nothing here runs unless a line was refused. The slowest line that
is accepted, 32 MiB of brackets, takes two seconds.
"""

import re
from typing import Any, Final

import msgspec
from msgspec import Raw

from sidecar import limits
from sidecar.catalog import Method
from sidecar.context import Mended
from sidecar.errors import SidecarError
from sidecar.wire import envelope
from sidecar.wire.envelope import Request
from sidecar.wire.params import named_method

_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]+|[\]}]+', re.DOTALL)
"""A string, or brackets side by side: what nests without end has few tokens for its size."""
_MEMBERS_DEPTH: Final = 2
"""How deep the members of the params are: in the request, in the params."""
_DROPPED: Final = "\0dropped\0"
"""Stands for a value that nests too deep until the line is decoded."""
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_FAULT: Final = re.compile(f"[\0-\x1f{_REPLACEMENT}]")
"""Matches a control character, or the replacement character of bytes that are not UTF-8."""
_NOT_A_NUMBER: Final = object()


class MendedRequest(Request):
    """A request with params that were not JSON, and what was done to each of them."""

    mended: dict[str, Mended] = msgspec.field(default_factory=dict)


def is_mendable(line: bytes) -> bool:
    """Return whether a line seems to call a method some of whose params may be repaired."""
    method = named_method(line)
    return method is not None and bool(method.params.mends)


def mend(line: bytes) -> MendedRequest | None:
    """Return the request of a line that was refused; None when its fault cannot be repaired."""
    method = named_method(line)
    if method is None or not method.params.mends:
        return None
    try:
        value = _parse(line)
        mended = _mend_params(method, value)
        request = envelope.decode_request(msgspec.json.encode(value))
        envelope.check(request)
    except (ValueError, TypeError, KeyError, RecursionError, msgspec.DecodeError, SidecarError):
        return None
    if not mended or request.method != method.name:
        return None
    return MendedRequest(request.method, request.jsonrpc, request.id, request.params, mended)


def _parse(line: bytes) -> Any:
    """Return the value of a line; numbers are kept as their text."""
    import json  # noqa: PLC0415 - 7 ms that only a malformed line needs

    if envelope.nests_deeper(line, limits.MENDED_DEPTH_MAX):
        line = _without_deep(line)
    return json.loads(
        line.decode(errors="replace"),
        strict=False,  # a control character within a string is that character
        parse_int=_number,
        parse_float=_number,
        parse_constant=lambda _name: _NOT_A_NUMBER,
    )


def _number(text: str) -> Raw:
    return Raw(text.encode())


def _without_deep(line: bytes) -> bytes:
    """Return a line with a mark in place of each array and object among the params."""
    pieces: list[bytes] = []
    depth = kept = 0
    for token in _TOKEN.finditer(line):
        if token[0][0] in b"[{":
            within = depth + len(token[0])
            if depth <= _MEMBERS_DEPTH < within:
                opened = token.start() + _MEMBERS_DEPTH - depth
                pieces += (line[kept:opened], msgspec.json.encode(_DROPPED))
            depth = within
        elif token[0][0] in b"]}":
            outside = depth - len(token[0])
            if outside <= _MEMBERS_DEPTH < depth:
                kept = token.start() + depth - _MEMBERS_DEPTH
            depth = outside
    return b"".join((*pieces, line[kept:]))


def _mend_params(method: Method, value: Any) -> dict[str, Mended]:
    """Repair the params of a parsed request in their places; return what was done to which."""
    params = value["params"]
    mended: dict[str, Mended] = {}
    for name in method.params.mends.intersection(params):
        if params[name] == _DROPPED:
            params[name], mended[name] = None, "dropped"
            continue
        repair = _Repair()
        params[name] = repair.of(params[name])
        if repair.was_needed:
            mended[name] = "repaired"
    return mended


class _Repair:
    """The repair of one param."""

    def __init__(self) -> None:
        """Begin without a fault."""
        self.was_needed = False

    def of(self, value: Any) -> Any:
        """Return a value without what JSON does not have."""
        if isinstance(value, str):
            text = _SURROGATE.sub(_REPLACEMENT, value)
            self.was_needed = self.was_needed or _FAULT.search(text) is not None
            return text
        if isinstance(value, dict):
            return {self.of(name): self.of(member) for name, member in value.items()}
        if isinstance(value, list):
            return [self.of(item) for item in value]
        if value is _NOT_A_NUMBER:
            self.was_needed = True
            return None
        return value
