"""The text inside a body that a person would search for: names, kinds, prompts, notes.

Left out is what nobody types: ids, hashes, encoded files, positions, and what a tool writes
into every node about itself. Bounded whatever the body: in length, in strings, in depth.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from sidecar import limits
from sidecar.bodies.nodes import Json, Node, find_nodes, rest_of

_SKIPPED: Final = frozenset(
    {
        *("id", "uuid", "_id", "versionId", "instanceId", "webhookId", "workflowId", "nodeId"),
        *("credentials", "credentialId", "credential", "typeVersion", "version", "hash"),
        *("createdAt", "updatedAt", "exportedAt", "created_at", "updated_at", "lastModified"),
        *("edges", "connections", "wires", "parentId", "sourceHandle", "targetHandle"),
        *("executionOrder", "timezone", "color", "icon", "avatar"),
        *("viewport", "position", "layout", "endpoint_name", "last_tested_version"),
    }
)
"""Members whose values are made by tools for tools."""

_REFERRING: Final = frozenset({"source", "target", "image"})
"""Members that some tools refer to a node or file by, and that people write in elsewhere."""

_ENCODED: Final = re.compile(
    r"^(?:data:[\w.+-]+/|data:[^\s,]*;base64,|[A-Za-z0-9+/_=-]{64,}$|[0-9a-fA-F-]{16,}$)"
)
_LETTER: Final = re.compile(r"[^\W\d_]")
_SEAMS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[._/:-]+")


@cache
def _scripts_without_spaces() -> re.Pattern[str]:
    """Made when first needed: it takes 3 ms, which every start would pay."""
    return re.compile(
        r"([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af]"
        r"|[\U00020000-\U0003ffff])"
    )


def text_of(body: Json) -> str:
    """The searchable text of a decoded body, a string a line, each string once."""
    lines: dict[str, None] = {}
    size_chars = 0
    for text in _strings(body):
        shown = text[: limits.BODY_STRING_MAX_CHARS]
        if shown in lines:
            continue
        lines[shown] = None
        size_chars += len(shown)
        if size_chars >= limits.BODY_TEXT_MAX_CHARS:
            break
    return "\n".join(lines)


def spaced(text: str) -> str:
    """The text with scripts that use no spaces taken apart into characters, as it is indexed."""
    if text.isascii():
        return text
    return _scripts_without_spaces().sub(r" \1 ", text)


def _strings(body: Json) -> Iterator[str]:
    nodes = find_nodes(body)
    # Names and kinds first: where a bound cuts, it cuts what is least asked for.
    for node in nodes:
        yield from _naming(node)
    for node in nodes:
        yield from _values(node.settings)
    yield from _values(rest_of(body) if nodes else body)


def _naming(node: Node) -> Iterator[str]:
    if node.name:
        yield node.name
    if node.kind and node.kind != node.name:
        # httpRequest is found as such, and by "http request".
        apart = _SEAMS.sub(" ", node.kind)
        yield node.kind if apart == node.kind else f"{node.kind} {apart}"


def _values(value: Json) -> Iterator[str]:
    """Strings a person may have written, breadth of each level in order, without recursion."""
    waiting: list[Json] = [value]
    seen = 0
    while waiting:
        value = waiting.pop()
        seen += 1
        if seen > limits.BODY_VALUES_MAX:
            return
        if isinstance(value, str):
            if _is_text(value):
                yield value
        elif isinstance(value, dict):
            waiting += [member for key, member in reversed(value.items()) if _is_said(key, member)]
        elif isinstance(value, list):
            waiting += reversed(value)


def _is_said(key: str, value: Json) -> bool:
    if key in _REFERRING:
        return isinstance(value, str) and not _is_reference(value)
    return key not in _SKIPPED


def _is_reference(value: str) -> bool:
    """Whether it looks like an id, a path or an address: one piece, not of letters alone."""
    return value.isascii() and not value.isalpha() and len(value.split()) < 2  # noqa: PLR2004 - words


def _is_text(value: str) -> bool:
    return len(value) > 1 and bool(_LETTER.search(value)) and not _ENCODED.match(value)
