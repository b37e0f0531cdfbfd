"""Extracts from a body the text that a person would search for: names, kinds, prompts, notes.

Ids, hashes, encoded files, positions and what a tool writes about itself into every node are left
out, because no person searches for them. The length of the text and the number of values that are
visited are limited.
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
"""Members with values that tools write for tools."""

_REFERRING: Final = frozenset({"source", "target", "image"})
"""Members that hold a reference to a node or file in some tools, and a person's text in others."""

_ENCODED: Final = re.compile(
    r"^(?:data:[\w.+-]+/|data:[^\s,]*;base64,|[A-Za-z0-9+/_=-]{64,}$|[0-9a-fA-F-]{16,}$)"
)
_LETTER: Final = re.compile(r"[^\W\d_]")
_SEAMS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[._/:-]+")


@cache
def _scripts_without_spaces() -> re.Pattern[str]:
    """Return a pattern for characters of scripts without spaces between words.

    It is compiled when it is first needed, because that takes 3 ms.
    """
    return re.compile(
        r"([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af]"
        r"|[\U00020000-\U0003ffff])"
    )


def text_of(body: Json) -> str:
    """Return the searchable text of a decoded body, a line for each string, without duplicates."""
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
    """Return the text as it is indexed: with spaces around characters of scripts without spaces."""
    if text.isascii():
        return text
    return _scripts_without_spaces().sub(r" \1 ", text)


def _strings(body: Json) -> Iterator[str]:
    """Yield the searchable strings of a body, names and kinds of all nodes first."""
    nodes = find_nodes(body)
    # Names come first, so that a limit cuts off what is searched for least.
    for node in nodes:
        yield from _naming(node)
    for node in nodes:
        yield from _values(node.settings)
    yield from _values(rest_of(body) if nodes else body)


def _naming(node: Node) -> Iterator[str]:
    """Yield the name and the kind of a node."""
    if node.name:
        yield node.name
    if node.kind and node.kind != node.name:
        # httpRequest is found by that word and by "http request".
        apart = _SEAMS.sub(" ", node.kind)
        yield node.kind if apart == node.kind else f"{node.kind} {apart}"


def _values(value: Json) -> Iterator[str]:
    """Yield the strings within a value that a person may have written, without recursion."""
    waiting: list[Json] = [value]
    visited = 0
    while waiting:
        value = waiting.pop()
        visited += 1
        if visited > limits.BODY_VALUES_MAX:
            return
        if isinstance(value, str):
            if _is_text(value):
                yield value
        elif isinstance(value, dict):
            waiting += [
                member for key, member in reversed(value.items()) if _is_searchable(key, member)
            ]
        elif isinstance(value, list):
            waiting += reversed(value)


def _is_searchable(key: str, value: Json) -> bool:
    """Return whether a member can hold text that a person wrote."""
    if key in _REFERRING:
        return isinstance(value, str) and not _is_reference(value)
    return key not in _SKIPPED


def _is_reference(value: str) -> bool:
    """Return whether text looks like an id, a path or an address: one word, not only letters."""
    return value.isascii() and not value.isalpha() and len(value.split()) < 2  # noqa: PLR2004 - words


def _is_text(value: str) -> bool:
    """Return whether a string has a letter and is not an encoded file, hash or id."""
    return len(value) > 1 and bool(_LETTER.search(value)) and not _ENCODED.match(value)
