"""Turns msgspec's complaint about a value of the params into the error that the client is sent.

A cursor, in which msgspec sees text only, is decoded here too.

The error names the member by its path, and never repeats a value that was sent: where msgspec's
own text would, another text takes its place. Used by the wire for whole params and by a handler
that decodes some of its params itself.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from sidecar import limits
from sidecar.did_you_mean import nearest_name
from sidecar.errors import InvalidParams
from sidecar.values import decode_cursor

_PATH = re.compile(r" - at `(?P<path>.*)`$", re.DOTALL)
_MEMBER = re.compile(
    r"^Object (?:missing required|contains unknown) field `(?P<name>.*)`$", re.DOTALL
)

_STEP = re.compile(r"\.([^.\[]+)|\[([^\]]*)\]")
"""One step of a path: into a member, or into an item."""

PATTERNS: Final = {
    r"^[a-z0-9_.]{1,64}$(?!\n)": "1 to 64 of a-z, 0-9, underscore and dot",
    r"^[a-z0-9_.]{0,64}$(?!\n)": "at most 64 of a-z, 0-9, underscore and dot",
    r"^[a-z0-9_-]{1,64}$(?!\n)": "1 to 64 of a-z, 0-9, underscore and hyphen",
    r"^[0-9a-f]{64}$": "64 hexadecimal digits, lower case",
}
"""Every regular expression that a param must match, in words."""


def invalid_params(
    fault: msgspec.ValidationError, kind: Any, base: str = "$.params", names: Sequence[str] = ()
) -> InvalidParams:
    """Return the error for a value at the path `base` that does not decode as the type `kind`.

    `names` are the members by position, for a value that is an array of them.
    """
    text = str(fault)
    where = _PATH.search(text)
    message = text[: where.start()] if where else text
    inside = where["path"].removeprefix("$") if where else ""
    path = base + inside
    member = _MEMBER.match(message)
    data: dict[str, Any] = {}
    if member is not None:
        name = member["name"][: limits.FIELD_NAME_MAX_CHARS]
        message = "A required member is missing."
        if text.startswith("Object contains"):
            message = "There is no such member."
            data["did_you_mean"] = nearest_name(name, _members(kind, inside))
        path = f"{path}.{name}"
    elif message.startswith("Invalid "):
        choices = ", ".join(map(str, _choices(kind, inside)))
        message = f"The value is not one of those allowed{f': {choices}' if choices else ''}."
    elif "matching regex" in message:
        words = [PATTERNS[pattern] for pattern in PATTERNS if repr(pattern) in message]
        message = f"Expected {words[0] if words else 'text of another form'}."
    elif names and where is None:
        message = f"By position the params are: {', '.join(names)}."
    if not message.endswith("."):
        message += "."
    return InvalidParams(message, path=path[: limits.FIELD_NAME_MAX_CHARS * 8], **data)


def _members(kind: Any, path: str) -> list[str]:
    """Return the names of the members that the object at `path` may have."""
    return [
        field.encode_name for part in _types_at(kind, path) for field in getattr(part, "fields", ())
    ]


def _choices(kind: Any, path: str) -> list[Any]:
    """Return the values that the member at `path` may have; none unless it is an enumeration."""
    values = [value for part in _types_at(kind, path) for value in getattr(part, "values", ())]
    return sorted(values, key=str)[: limits.CHOICES_MAX]


def _types_at(kind: Any, path: str) -> list[Any]:
    """Return the types that the value at `path` may have, in a value of the type `kind`."""
    from msgspec import inspect  # noqa: PLC0415 - 3 ms that only a wrong value pays

    node: Any = inspect.type_info(kind)
    for name, _index in _STEP.findall(path):
        parts = _alternatives(node)
        if name:
            fields = [each for part in parts for each in getattr(part, "fields", ())]
            found = [each.type for each in fields if each.encode_name == name]
        else:
            found = [part.item_type for part in parts if hasattr(part, "item_type")]
        if not found:
            return []
        node = found[0]
    return _alternatives(node)


def _alternatives(node: Any) -> list[Any]:
    """Return the members of a union, or the type alone, without the annotations around them."""
    while hasattr(node, "extra_json_schema"):
        node = node.type
    if not hasattr(node, "types"):
        return [node]
    return [part for each in node.types for part in _alternatives(each)]


def _is_out_of_range(key: object) -> bool:
    """Return whether a number is larger than any in a row, perhaps than SQLite's integers."""
    return isinstance(key, float) and abs(key) > limits.SAFE_INTEGER_MAX


def read_cursor(cursor: str, mark: str, *kinds: type) -> tuple[Any, ...]:
    """Return the keys in a cursor, which are of the types `kinds`.

    `mark` is the fingerprint of the params that the cursor must have been made for.

    Raises:
        InvalidParams: the cursor was made for other params, or is no cursor of this program.
    """
    keys = decode_cursor(cursor, str, *kinds)
    if keys is None or keys[0] != mark or any(map(_is_out_of_range, keys)):
        raise InvalidParams(
            "The cursor does not belong to these params; begin again without one.",
            path="$.params.cursor",
        )
    return keys[1:]
