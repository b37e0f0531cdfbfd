"""Finds texts in a workflow that look like credentials, and removes them.

A text with the shape of a known provider's keys is a certain credential (`redaction` has the
shapes). A literal of 16 or more characters is a possible credential when the name of its member,
such as `password`, suggests one. An expression, which refers to a credential that is stored
elsewhere, is not a credential. Complete rule sets were tried: they took 0.6 s per MB, and their
generic rule matched in two of five files without a credential.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from sidecar import limits
from sidecar.bodies.parse import parse
from sidecar.bodies.tools.table import recognise
from sidecar.redaction import MARK, has_key_shape, redact

_SHAPE_MIN_CHARS: Final = 15
"""Length of the shortest text that can have one of the shapes."""
_LITERAL_MIN_CHARS: Final = 16
_NAMES: Final = re.compile(
    r"(?i)(?:pass(?:word|wd|phrase)|secret|token|authorization"
    r"|(?:api|access|private|secret|signing|auth)[ _-]?key|credentials?|connection[ _-]?string)$"
)
"""Matches the ends of the names of members that hold credentials."""
_NO_LITERAL: Final = re.compile(r"^[=$@]|\s|\{\{|\$\{|\$\(|<%|^https?:|^<.*>$|^\{.*\}$|\[secret\]")
"""Matches texts that are not credentials: an expression, a sentence, an address."""
_NAMING: Final = ("name", "key", "id")
"""Members that contain the name of the value in the member `value` beside them."""
_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')


class Found(NamedTuple):
    """A text of a workflow that is, or may be, a credential."""

    step: str | None
    """The name of the step; None outside the steps."""
    member: str
    """The path of the text within the step or the workflow."""
    is_certain: bool
    text: str


def find_in_body(body: bytes) -> list[Found]:
    """Return the credentials in a body, by step.

    Raises:
        NotJSON: the body is not JSON.
    """
    document = parse(body, rounded=True)
    tool = recognise(document)
    found: list[Found] = []
    for step in tool.steps(document):
        found += _find(step.entry, _shown(step.name or step.id))
    found += _find(tool.rest(document), None)
    return found + _hidden(body, found, "")


def find_in_texts(texts: dict[str, Any]) -> list[Found]:
    """Return the credentials in named values outside the body."""
    return _find(texts, None)


def find_in_json(name: str, text: bytes) -> list[Found]:
    """Return the credentials in a JSON text of this name outside the body."""
    found = _find({name: parse(text, rounded=True)}, None)
    return found + _hidden(text, found, name)


def _hidden(text: bytes, found: list[Found], member: str) -> list[Found]:
    """Return a credential that is in a JSON text but in no value of it, when none was found.

    It is the name of a member, or in a duplicate member, which a JSON parser drops.
    """
    if any(each.is_certain for each in found) or not has_key_shape(text.decode(errors="replace")):
        return []
    return [Found(None, member, is_certain=True, text="")]


def _find(value: Any, step: str | None) -> list[Found]:
    """Return the credentials in a decoded value."""
    return [
        Found(step, _shown(".".join(path)), is_certain, text)
        for path, name, text in _texts(value)
        if (is_certain := len(text) >= _SHAPE_MIN_CHARS and has_key_shape(text))
        or _may_be_one(name, text)
    ]


def _may_be_one(name: str, text: str) -> bool:
    """Return whether a text may be a credential, judged by the name of its member."""
    return (
        len(text) >= _LITERAL_MIN_CHARS
        and _NAMES.search(name) is not None
        and _NO_LITERAL.search(text) is None
    )


def _texts(value: Any) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Yield every text in a value with its path and the name that describes it."""
    waiting: list[tuple[tuple[str, ...], str, Any]] = [((), "", value)]
    while waiting:
        path, name, each = waiting.pop()
        if isinstance(each, str):
            yield path, name, each
        elif isinstance(each, dict):
            naming = next((each[key] for key in _NAMING if isinstance(each.get(key), str)), name)
            waiting += (
                ((*path, key), naming if key == "value" else key, member)
                for key, member in reversed(each.items())
            )
        elif isinstance(each, list):
            waiting += (
                ((*path, str(index)), name, member)
                for index, member in reversed(list(enumerate(each)))
            )


def _shown(text: str) -> str:
    """Return a name as a report shows it: truncated, and without credentials."""
    return redact(text[: limits.EXPORT_NAME_MAX_CHARS])


def redact_body(body: bytes, found: list[Found]) -> bytes:
    """Return a body with `[secret]` in the place of credentials, and otherwise unchanged."""
    possible = {each.text for each in found if not each.is_certain}

    def replaced(match: re.Match[bytes]) -> bytes:
        token = match[0]
        if len(token) < _SHAPE_MIN_CHARS:
            return token
        text = msgspec.json.decode(token, type=str)
        shown = MARK if text in possible else redact(text)
        return token if shown == text else msgspec.json.encode(shown)

    return _STRING.sub(replaced, body)
