"""Converts YAML to JSON from the events of a parser in C; aliases, which could grow, are refused.

Plain values have the types that PyYAML gives them, which most programs expect: `yes` is true and
`0o17` is text. Types that JSON lacks become text as it is written: dates, binary data, `.inf` and
`.nan`, numbers in base 60, and keys of any type.
"""

import re
from collections.abc import Iterator
from math import isfinite
from typing import Any, Final

import msgspec
import yaml
from msgspec import Raw

from sidecar import limits
from sidecar.documents.refused import Refused

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C; where the package was built without it, the one in Python, which is slow."""

_RESOLVERS: Final = yaml.SafeLoader.yaml_implicit_resolvers
"""The types of plain values: pairs of a tag and a pattern, by the first character."""

_CORE: Final = "tag:yaml.org,2002:"
_CONTAINERS: Final = (None, "!", f"{_CORE}map", f"{_CORE}seq")
_TEXTS: Final = ("!", f"{_CORE}str", f"{_CORE}timestamp", f"{_CORE}binary")
_TYPED: Final = {(kind, kind) for kind in ("bool", "float", "int", "null")} | {("float", "int")}
"""The types that a tag may give to a value, each with the type that the value is written in."""
_JSON_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_BASES: Final = {"0b": 2, "0x": 16}
_TAG_DIRECTIVE: Final = re.compile(rb"(?:^|[\r\n\x85\xa8\xa9])%TAG")
"""A directive at the start of a line; the bytes end each line break that YAML has, in UTF-8."""


def as_json(text: bytes) -> list[bytes]:
    """Return the JSON of each document of a YAML text in UTF-8, at least one.

    Raises:
        Refused: it is not YAML, has an alias, or a tag or key that JSON cannot represent, or nests
                too deep.
    """
    if len(text) > limits.YAML_MAX_BYTES:
        raise Refused("too_large")
    if len(_TAG_DIRECTIVE.findall(text)) > limits.YAML_TAG_DIRECTIVES_MAX:
        raise Refused("yaml_tag")
    try:
        found = [msgspec.json.encode(each) for each in _values(text)]
    except yaml.YAMLError:
        raise Refused("not_yaml") from None
    if not found:
        raise Refused("not_yaml")
    return found


def _values(text: bytes) -> Iterator[Any]:
    """Yield the value of each document."""
    builder = _Builder()
    for event in yaml.parse(text, Loader=_Loader):
        match event:
            case yaml.AliasEvent():
                raise Refused("yaml_alias")
            case yaml.ScalarEvent():
                builder.add_scalar(event)
            case yaml.MappingStartEvent():
                builder.open({}, event.tag)
            case yaml.SequenceStartEvent():
                builder.open([], event.tag)
            case yaml.CollectionEndEvent():
                builder.close()
            case yaml.DocumentEndEvent():
                if isinstance(builder.root, (dict, list)):
                    yield builder.root
                elif builder.root is not None:  # nothing is between two marks, or after the last
                    raise Refused("not_yaml")  # any text is YAML: a single scalar


class _Builder:
    """Builds the value of a document, without recursion."""

    def __init__(self) -> None:
        """Start without a value."""
        self.root: Any = None
        self._open: list[dict[str, Any] | list[Any]] = []
        self._keys: list[str | None] = []
        """The key that waits for its value, for each open container."""

    def open(self, container: dict[str, Any] | list[Any], tag: str | None) -> None:
        """Start a mapping or a list."""
        if tag not in _CONTAINERS:
            raise Refused("yaml_tag")
        if len(self._open) >= limits.DEPTH_MAX:
            raise Refused("too_deep")
        self._add(container)
        self._open.append(container)
        self._keys.append(None)

    def close(self) -> None:
        """End the mapping or list that was started last."""
        self._open.pop()
        self._keys.pop()

    def add_scalar(self, event: yaml.ScalarEvent) -> None:
        """Add a scalar: a key or a value."""
        if self._open and isinstance(self._open[-1], dict) and self._keys[-1] is None:
            if event.value in self._open[-1]:
                raise Refused("yaml_key")
            if event.tag is not None:
                _scalar(event)  # refuses what no value may have as its tag either
            self._keys[-1] = event.value
            return
        self._add(_scalar(event))

    def _add(self, value: Any) -> None:
        """Add a value to the innermost open container."""
        if not self._open:
            self.root = value
            return
        inner = self._open[-1]
        if isinstance(inner, list):
            inner.append(value)
            return
        key = self._keys[-1]
        if key is None:
            raise Refused("yaml_key")
        inner[key] = value
        self._keys[-1] = None


def _scalar(event: yaml.ScalarEvent) -> Any:
    """Return the value of a scalar; a number keeps its digits when they are valid JSON."""
    text: str = event.value
    if event.tag is None:
        return _typed(_resolve(text), text) if event.implicit[0] else text
    if event.tag == f"{_CORE}binary":
        return "".join(text.split())
    if event.tag in _TEXTS:
        return text
    kind = event.tag.removeprefix(_CORE)
    if (kind, _resolve(text)) not in _TYPED:
        raise Refused("yaml_tag")
    return _typed(kind, text)


def _resolve(text: str) -> str:
    """Return the type of a plain value, without its prefix; `str` for a text."""
    for tag, pattern in _RESOLVERS.get(text[:1], ()):
        if pattern.match(text):
            return str(tag).removeprefix(_CORE)
    return "str"


def _typed(kind: str, text: str) -> Any:
    """Return a plain value of a type; as text when JSON has no such type."""
    match kind:
        case "null":
            return None
        case "bool":
            return text.lower() in ("yes", "true", "on")
        case "int" | "float":
            return _number(text, text.replace("_", "").lower().lstrip("+"))
        case _:
            return text


def _number(text: str, digits: str) -> Any:
    """Return a number; as text when it is in base 60 or not finite."""
    if _JSON_NUMBER.fullmatch(digits):
        return Raw(digits.encode())
    sign, magnitude = (-1, digits[1:]) if digits.startswith("-") else (1, digits)
    try:
        if "." in digits:
            value = float(digits)
            return value if isfinite(value) else text
        base = _BASES.get(magnitude[:2])
        return Raw(str(sign * int(magnitude, base or 8)).encode())
    except ValueError:
        return text
