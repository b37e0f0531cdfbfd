"""Extracts from a body the text that a person could have typed or read: names, prompts, numbers.

What tools write for themselves is left out: encoded files, hashes, positions, ids that are no
words. All steps' names come first, so that the limit cuts off what is searched for least.
"""

import re
from typing import Final, NamedTuple

from msgspec import Raw

from sidecar import limits
from sidecar.bodies.tools.table import recognise
from sidecar.bodies.tools.tool import CANVAS, Json, Tool, as_list, member
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

_LABELS: Final = (("label",), ("data", "label"))
"""Paths in an edge to what a person has written at it."""

_KINDS: Final = frozenset({"type", "Type", "class_type"})
"""Members by which an object is a step of its tool, and its key may be the step's name."""

_ENCODED: Final = re.compile(
    r"data:[\w.+-]+/|data:[^\s,]*;base64,|[A-Za-z0-9+/_=-]{64,}$|(?=[0-9]*[a-fA-F])[0-9a-fA-F]{16,}$"
)
_DIGIT: Final = re.compile("[0-9]")
_BETWEEN_WORDS: Final = re.compile("[^A-Za-z]+")
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
    tool = recognise(body)
    steps = tool.steps(body)
    text = _Text(tool, keys=not steps)
    try:
        for step in steps:
            text.add_with_words(step.name)
            text.add_with_words(step.kind)
        for step in steps:
            if step.id != step.name and _is_words(step.id):
                text.add_with_words(step.id)
            text.add_within(step.settings)
        text.add_within(tool.rest(body) if steps else body)
    except _Full:
        return BodyText("\n".join(text.lines), truncated=True)
    return BodyText("\n".join(text.lines), truncated=False)


class _Full(Exception):
    """There is more text than the indexes take."""


class _Text:
    """The lines of a text, as they are found in a body, names and kinds of all steps first."""

    def __init__(self, tool: Tool, *, keys: bool) -> None:
        """With `keys` also keys are taken that may name a step."""
        self._skipped = _SKIPPED | tool.layout | {path[-1] for path in tool.wiring}
        self._keys = keys
        self._room = limits.BODY_TEXT_MAX_CHARS
        self._values = limits.BODY_VALUES_MAX
        self.lines: dict[str, None] = {}

    def _add(self, text: str) -> None:
        """Add a line as far as there is room.

        Raises:
            _Full: there is no more room.
        """
        self.lines[text[: self._room]] = None
        self._room -= len(text)
        if self._room < 0:
            raise _Full

    def add_with_words(self, text: str) -> None:
        """Add a text, and a single word with capitals inside also as its words; each once."""
        if not text or text in self.lines:
            return
        self._add(text)
        if len(text) <= _WORD_MAX_CHARS and not (text.islower() or " " in text):
            separate = apart(text)
            if separate not in self.lines:
                self._add(separate)

    def add_within(self, value: Json) -> None:
        """Add the searchable strings and numbers within a value, without recursion."""
        waiting: list[Json] = [value]
        while waiting:
            value = waiting.pop()
            self._values -= 1
            if self._values < 0:
                raise _Full
            if isinstance(value, str):
                if value not in self.lines and not _ENCODED.match(value):
                    self.add_with_words(value)
            elif isinstance(value, dict):
                waiting += self._members(value)[::-1]
            elif isinstance(value, list):
                waiting += value[::-1]
            elif isinstance(value, Raw):
                self.add_with_words(bytes(value).decode())
            elif value is not None and not isinstance(value, bool):
                self.add_with_words(str(value))

    def _members(self, value: dict[str, Json]) -> list[Json]:
        """Return the values of members that may hold what a person wrote, and names of steps."""
        found: list[Json] = []
        for key, inner in value.items():
            if key in _IDS and isinstance(inner, str | int):
                if isinstance(inner, str) and _is_words(inner):
                    found.append(inner)
            elif key == "edges":
                labels = (member(edge, *path) for edge in as_list(inner) for path in _LABELS)
                found += [label for label in labels if isinstance(label, str)]
            elif key not in self._skipped:
                if self._keys and isinstance(inner, dict) and not _KINDS.isdisjoint(inner):
                    found.append(key)
                found.append(inner)
        return found


def _is_words(text: str) -> bool:
    """Return whether an id or a reference consists of words, such as load_orders."""
    if not text.isascii() or " " in text.strip():
        return True
    if len(text) > _WORD_MAX_CHARS or _DIGIT.search(text):
        return False
    parts = [part for part in _BETWEEN_WORDS.split(apart(text)) if part]
    return bool(parts) and all(len(part) >= _LETTERS_MIN for part in parts)
