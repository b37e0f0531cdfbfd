"""Extracts from a body the text that a person could have typed or read: names, prompts, numbers.

What tools write for themselves is left out: encoded files, hashes, positions, ids that are no
words. All steps' names come first, so that the limit cuts off what is searched for least.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec import Raw

from sidecar import limits
from sidecar.bodies.tools.table import recognise
from sidecar.bodies.tools.tool import CANVAS, Json, Tool, member
from sidecar.folding import apart

_SKIPPED: Final = CANVAS | {
    *("uuid", "_id", "versionId", "instanceId", "webhookId", "typeVersion", "version", "hash"),
    *("createdAt", "updatedAt", "exportedAt", "created_at", "updated_at", "lastModified"),
    *("connections", "wires", "parentId", "sourceHandle", "targetHandle", "last_tested_version"),
    *("executionOrder", "timezone", "color", "bgcolor", "icon", "avatar", "endpoint_name"),
}
"""Members with values that tools write for tools."""

_IDS: Final = frozenset(
    {"id", "nodeId", "workflowId", "credential", "credentialId", "source", "target", "image"}
)
"""Members that hold an id or a reference in some tools, and a person's words in others."""

_KINDS: Final = frozenset({"type", "Type", "class_type"})
"""Members by which an object is a step of its tool, and its key may be the step's name."""

_ENCODED: Final = re.compile(
    r"data:[\w.+-]+/|data:[^\s,]*;base64,|[A-Za-z0-9+/_=-]{64,}$|(?=[0-9]*[a-fA-F])[0-9a-fA-F]{16,}$"
)
_BETWEEN_WORDS: Final = re.compile(r"[^A-Za-z0-9]+")
_LETTERS_MIN: Final = 2
_WORD_MAX_CHARS: Final = 128


class BodyText(NamedTuple):
    """The searchable text of a body."""

    text: str
    """A line for each string, each string once."""
    truncated: bool
    """Whether the body has more text than this."""


def text_of(body: Json) -> BodyText:
    """Return the searchable text of a decoded body."""
    lines: dict[str, None] = {}
    room = limits.BODY_TEXT_MAX_CHARS
    for text in _strings(body):
        if text in lines:
            continue
        if len(text) > room:
            lines[text[:room]] = None
            return BodyText("\n".join(lines), truncated=True)
        lines[text] = None
        room -= len(text)
    return BodyText("\n".join(lines), truncated=False)


def _strings(body: Json) -> Iterator[str]:
    """Yield the searchable strings of a body, names and kinds of all steps first."""
    tool = recognise(body)
    steps = tool.steps(body)
    for step in steps:
        yield from _whole_and_apart(step.name)
        yield from _whole_and_apart(step.kind)
    rest = _Values(tool, keys=not steps)
    for step in steps:
        if step.id != step.name and _is_words(step.id):
            yield from _whole_and_apart(step.id)
        yield from rest.strings(step.settings)
    yield from rest.strings(tool.rest(body) if steps else body)


def _whole_and_apart(text: str) -> Iterator[str]:
    """Yield a text, and a single word with capitals inside also as its words."""
    if text:
        yield text
        if len(text) <= _WORD_MAX_CHARS and not (text.islower() or " " in text):
            separate = apart(text)
            if separate != text:
                yield separate


class _Values:
    """Walks through values, without recursion."""

    def __init__(self, tool: Tool, *, keys: bool) -> None:
        """With `keys` also keys are yielded that may name a step."""
        self._skipped = _SKIPPED | tool.layout | {path[-1] for path in tool.wiring}
        self._keys = keys
        self._left = limits.BODY_VALUES_MAX

    def strings(self, value: Json) -> Iterator[str]:
        """Yield the searchable strings and numbers within a value."""
        waiting: list[Json] = [value]
        while waiting:
            value = waiting.pop()
            self._left -= 1
            if self._left < 0:
                yield "\0" * (limits.BODY_TEXT_MAX_CHARS + 1)  # more than there is room for
                return
            if isinstance(value, str):
                if value and not _ENCODED.match(value):
                    yield from _whole_and_apart(value)
            elif isinstance(value, dict):
                waiting += reversed([*self._members(value)])
            elif isinstance(value, list):
                waiting += reversed(value)
            elif isinstance(value, int | float) and not isinstance(value, bool):
                yield str(value)
            elif isinstance(value, Raw):
                yield bytes(value).decode()

    def _members(self, value: dict[str, Json]) -> Iterator[Json]:
        """Yield the values of members that may hold what a person wrote, and names of steps."""
        for key, inner in value.items():
            if key == "edges":
                yield from _labels(inner)
            elif key in _IDS and isinstance(inner, str | int):
                if isinstance(inner, str) and _is_words(inner):
                    yield inner
            elif key not in self._skipped:
                if self._keys and isinstance(inner, dict) and not _KINDS.isdisjoint(inner):
                    yield key
                yield inner


def _labels(edges: Json) -> Iterator[str]:
    """Yield what a person has written at edges."""
    for edge in edges if isinstance(edges, list) else ():
        for label in (member(edge, "label"), member(edge, "data", "label")):
            if isinstance(label, str):
                yield label


def _is_words(text: str) -> bool:
    """Return whether an id or a reference consists of words, such as load_orders."""
    if not text.isascii() or " " in text.strip():
        return True
    parts = [part for part in _BETWEEN_WORDS.split(apart(text)) if part]
    return (
        len(text) <= _WORD_MAX_CHARS
        and bool(parts)
        and all(part.isalpha() and len(part) >= _LETTERS_MIN for part in parts)
    )
