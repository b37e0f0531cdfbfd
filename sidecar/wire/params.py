"""Decodes the params of a request as its method's struct.

Most requests are decoded with their params in one pass. One that cannot be is decoded in two
steps, envelope first, so that the error can say which member of the params is wrong.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from sidecar import limits
from sidecar.catalog import Method, find_method
from sidecar.errors import InvalidParams, InvalidRequest, OutOfResources
from sidecar.null_params import accepting_null
from sidecar.wire import envelope
from sidecar.wire.envelope import Request, params_kind

_METHOD = re.compile(rb'"method": ?"([a-z_.]+)"')
_METHOD_WITHIN_BYTES = 256
"""How far into a line the method's name is looked for; clients write it first or second."""


_Id = (
    Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    | Annotated[str, Meta(max_length=limits.ID_MAX_CHARS)]
    | UnsetType
    | None
)
"""The ids that nearly all clients send; `envelope.check` accepts some more."""

_decoders: dict[bytes, tuple[str, Callable[[bytes], Request]]] = {}
"""The names of the methods that were called, as they stand in lines, and their decoders."""


def _decoder(name: bytes) -> tuple[str, Callable[[bytes], Request]] | None:
    """Return a method's name and a function that decodes its sound requests; None for no method.

    Raises:
        OutOfResources: the method's module cannot be loaded.
    """
    method = find_method(name.decode())
    if method is None:
        return None
    fields: list[Any] = [
        ("jsonrpc", Literal["2.0"]),
        ("id", _Id, UNSET),
        ("params", method.quick | UnsetType, UNSET),
    ]
    struct = msgspec.defstruct(
        f"{method.decoded.__name__}Request", fields, bases=(Request,), kw_only=True
    )
    decode = msgspec.json.Decoder(cast(type[Request], struct)).decode
    _decoders[name] = found = (method.name, decode)
    return found


def named_method(line: bytes) -> Method | None:
    """Return the method that the beginning of a line seems to name; None when it names none."""
    name = _METHOD.search(line, 0, _METHOD_WITHIN_BYTES)
    return find_method(name[1].decode()) if name else None


def decode_call(line: bytes) -> Request | None:
    """Decode a valid request with its params in one pass; None when anything in it is unusual."""
    name = _METHOD.search(line, 0, _METHOD_WITHIN_BYTES)
    if name is None:
        return None
    try:
        found = _decoders.get(name[1]) or _decoder(name[1])
        if found is None:
            return None
        request = found[1](line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OutOfResources):
        return None  # decoding in two steps finds what is wrong
    # What looked like the method may have been part of an id or of the params.
    return request if request.method == found[0] else None


def decode_line(line: bytes) -> Request | None:
    """Decode the one request of a line; None for a batch and for what is no valid request."""
    request = decode_call(line)
    if request is None:
        try:
            request = envelope.decode_request(line)
            envelope.check(request)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InvalidRequest):
            return None
    if line.isascii():
        return request
    is_secret = request.method.startswith("secrets.")
    return request if envelope.is_utf8(line, secret=is_secret) else None


def _decode_object(method: Method, raw: Raw | UnsetType) -> Any:
    """Decode by-name params; the null of a member that may be left out costs a second pass."""
    try:
        return method.decode(raw)
    except msgspec.ValidationError:
        return method.decode_with_null(raw)


def decode_params(method: Method, raw: Raw | UnsetType | msgspec.Struct) -> Any:
    """Decode by-name or by-position params; absent and null mean none.

    Raises:
        InvalidParams: with the path of the first member that does not decode.
    """
    if isinstance(raw, msgspec.Struct):
        return raw
    kind = params_kind(raw)
    try:
        if kind == b"{":
            return _decode_object(method, raw)
        if kind == b"[":
            return method.decode_array(raw)
        return method.decode(b"{}")
    except msgspec.ValidationError as fault:
        from sidecar.decode_errors import invalid_params  # noqa: PLC0415 - only a wrong value needs it

        names = method.field_names() if kind == b"[" else ()
        raise invalid_params(fault, accepting_null(method.decoded), names=names) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidParams("The params are not valid JSON.", path="$.params") from None
    except RecursionError:
        raise InvalidParams("The params nest too deep.", path="$.params") from None
