"""Decodes the params of a request as its method's struct.

Most requests are decoded with their params in one pass. One that cannot be is decoded in two
steps, envelope first, so that the error can say which member of the params is wrong.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any, cast

import msgspec
from msgspec import UNSET, Raw, UnsetType

from sidecar.catalog import Method, find_method
from sidecar.errors import InvalidParams, OutOfResources
from sidecar.null_params import accepting_null
from sidecar.wire.envelope import Request, params_kind

_METHOD = re.compile(rb'"method": ?"([a-z_.]+)"')
_METHOD_WITHIN_BYTES = 256
"""How far into a line the method's name is looked for; clients write it first or second."""


@cache
def _decoder(method: Method) -> Callable[[bytes], Request]:
    """Return a function that decodes a whole request of this method."""
    fields: list[Any] = [("params", method.quick | UnsetType, UNSET)]
    name = f"{method.decoded.__name__}Request"
    type_ = cast(type[Request], msgspec.defstruct(name, fields, bases=(Request,)))
    return msgspec.json.Decoder(type_).decode


def named_method(line: bytes) -> Method | None:
    """Return the method that the beginning of a line seems to name; None when it names none."""
    name = _METHOD.search(line, 0, _METHOD_WITHIN_BYTES)
    return find_method(name[1].decode()) if name else None


def decode_call(line: bytes) -> Request | None:
    """Decode a request with its params in one pass; None when anything in it is unusual."""
    try:
        method = named_method(line)
        if method is None:
            return None
        request = _decoder(method)(line)
    except (msgspec.DecodeError, RecursionError, OutOfResources):
        return None  # decoding in two steps finds what is wrong
    # What looked like the method may have been part of an id or of the params.
    return request if request.method == method.name else None


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
