"""A request's params as its method's typed struct, and msgspec's complaints as usable paths.

A complaint's text is made anew where msgspec's would repeat a value that was sent.
"""

import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final, cast

import msgspec
from msgspec import UNSET, Raw, UnsetType

from sidecar import limits
from sidecar.catalog import METHODS, Method
from sidecar.errors import InvalidParams
from sidecar.wire.envelope import Request, params_kind

_WHERE = re.compile(r" - at `(?P<path>.*)`$", re.DOTALL)
_FIELD = re.compile(
    r"^Object (?:missing required|contains unknown) field `(?P<name>.*)`$", re.DOTALL
)


_STEP = re.compile(r"\.([^.\[]+)|\[([^\]]*)\]")
"""One step of a path: into a member, or into an item."""

PATTERNS: Final = {
    r"^[a-z0-9_.]{1,64}$(?!\n)": "1 to 64 of a-z, 0-9, underscore and dot",
    r"^[a-z0-9_.]{0,64}$(?!\n)": "at most 64 of a-z, 0-9, underscore and dot",
    r"^[0-9a-f]{64}$": "64 hexadecimal digits, lower case",
}
"""Every pattern of a param in words, for who does not read expressions."""

_METHOD = re.compile(rb'"method": ?"([a-z_.]+)"')
_METHOD_WITHIN_BYTES = 256
"""How far into a line the method's name is looked for; clients write it first or second."""


@cache
def _decoder(method: Method) -> Callable[[bytes], Request]:
    fields: list[Any] = [("params", method.params | UnsetType, UNSET)]
    name = f"{method.params.__name__}Request"
    type_ = cast(type[Request], msgspec.defstruct(name, fields, bases=(Request,)))
    return msgspec.json.Decoder(type_).decode


def decode_call(line: bytes) -> Request | None:
    """Decode a request with its params in one pass; None when anything at all is unusual."""
    name = _METHOD.search(line, 0, _METHOD_WITHIN_BYTES)
    method = METHODS.get(name[1].decode()) if name else None
    if method is None:
        return None
    try:
        request = _decoder(method)(line)
    except (msgspec.DecodeError, RecursionError):
        return None  # the long way says what is wrong
    # What looked like the method may have been part of an id or of the params.
    return request if request.method == method.name else None


def decode_params(method: Method, raw: Raw | UnsetType | msgspec.Struct) -> Any:
    """Decode by-name or by-position params; absent and null mean none.

    Raises:
        InvalidParams: with the path of the first member that is not as wanted.
    """
    if isinstance(raw, msgspec.Struct):
        return raw
    kind = params_kind(raw)
    try:
        if kind == b"{":
            return method.decode(raw)
        if kind == b"[":
            return method.decode_array(raw)
        return method.decode(b"{}")
    except msgspec.ValidationError as fault:
        refusal = _explain(str(fault), method, by_position=kind == b"[")
        some = None
        if kind == b"{" and isinstance(raw, Raw):
            some = method.params.without_the_invalid(raw, partial(_explain, method=method))
        if some is None:
            raise refusal from None
        return some
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidParams("The params are not valid JSON.", path="$.params") from None
    except RecursionError:
        raise InvalidParams("The params nest too deep.", path="$.params") from None


def _explain(
    text: str, method: Method, *, by_position: bool = False, base: str = "$"
) -> InvalidParams:
    """What msgspec complains of in the part of the params at `base`."""
    where = _WHERE.search(text)
    message = text[: where.start()] if where else text
    inside = base + (where["path"].removeprefix("$") if where else "")
    path = "$.params" + inside.removeprefix("$")
    field = _FIELD.match(message)
    if field is not None:
        name = field["name"][: limits.FIELD_NAME_MAX_CHARS]
        missing = message.startswith("Object missing")
        message = "A required member is missing." if missing else "There is no such member."
        path = f"{path}.{name}"
    elif message.startswith("Invalid "):
        allowed = ", ".join(map(str, _allowed(method, inside)))
        message = f"The value is not one of those allowed{f': {allowed}' if allowed else ''}."
    elif "matching regex" in message:
        words = [PATTERNS[pattern] for pattern in PATTERNS if repr(pattern) in message]
        message = f"Expected {words[0] if words else 'text of another form'}."
    elif by_position and where is None:
        names = ", ".join(method.field_names())
        message = f"By position the params are: {names}."
    return InvalidParams(_sentence(message), path=path[: limits.FIELD_NAME_MAX_CHARS * 8])


def _allowed(method: Method, path: str) -> list[Any]:
    """The values that the member at `path` may have, none when it is no choice between few."""
    from msgspec import inspect  # noqa: PLC0415 - 3 ms that only a wrong value pays

    kind: Any = inspect.type_info(method.params)
    for name, _index in _STEP.findall(path):
        parts = _parts(kind)
        if name:
            fields = [each for part in parts for each in getattr(part, "fields", ())]
            found = [each.type for each in fields if each.encode_name == name]
        else:
            found = [part.item_type for part in parts if hasattr(part, "item_type")]
        if not found:
            return []
        kind = found[0]
    values = [value for part in _parts(kind) for value in getattr(part, "values", ())]
    return sorted(values, key=str)[: limits.CHOICES_TOLD_MAX]


def _parts(kind: Any) -> list[Any]:
    """The alternatives of a type, without what describes it."""
    while hasattr(kind, "extra_json_schema"):
        kind = kind.type
    return (
        [part for each in kind.types for part in _parts(each)] if hasattr(kind, "types") else [kind]
    )


def _sentence(message: str) -> str:
    return message if message.endswith(".") else f"{message}."
