"""Raw params to a method's typed struct, and msgspec's complaints to paths a client can use.

A complaint's text is made anew where msgspec's would repeat a value that was sent.
"""

import re
from typing import Any

import msgspec
from msgspec import Raw, UnsetType

from sidecar import limits
from sidecar.catalog import Method
from sidecar.errors import InvalidParams
from sidecar.wire.envelope import params_kind

_WHERE = re.compile(r" - at `(?P<path>.*)`$", re.DOTALL)
_FIELD = re.compile(
    r"^Object (?:missing required|contains unknown) field `(?P<name>.*)`$", re.DOTALL
)


def decode_params(method: Method, raw: Raw | UnsetType) -> Any:
    """Decode by-name or by-position params; absent and null mean none.

    Raises:
        InvalidParams: with the path of the first member that is not as wanted.
    """
    kind = params_kind(raw)
    try:
        if kind == b"{":
            return method.decode(raw)
        if kind == b"[":
            return method.decode_array(raw)
        return method.decode(b"{}")
    except msgspec.ValidationError as fault:
        raise _explain(str(fault), method, by_position=kind == b"[") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidParams("The params are not valid JSON.", path="$.params") from None
    except RecursionError:
        raise InvalidParams("The params nest too deep.", path="$.params") from None


def _explain(text: str, method: Method, *, by_position: bool) -> InvalidParams:
    where = _WHERE.search(text)
    message = text[: where.start()] if where else text
    path = "$.params" + (where["path"].removeprefix("$") if where else "")
    field = _FIELD.match(message)
    if field is not None:
        name = field["name"][: limits.FIELD_NAME_MAX_CHARS]
        missing = message.startswith("Object missing")
        message = "A required member is missing." if missing else "There is no such member."
        path = f"{path}.{name}"
    elif message.startswith("Invalid "):
        message = "The value is not one of those allowed."
    elif by_position and where is None:
        names = ", ".join(method.field_names())
        message = f"By position the params are: {names}."
    return InvalidParams(_sentence(message), path=path[: limits.FIELD_NAME_MAX_CHARS * 8])


def _sentence(message: str) -> str:
    return message if message.endswith(".") else f"{message}."
