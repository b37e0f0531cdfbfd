"""What changed between two bodies, as a person would tell it: by node and by setting.

Nodes are matched by id. A node that only moved has not changed. Of a setting only the name is
told, never a value: a value may be long, and may be a secret. Compared is what JSON says: 1, 1.0
and true are three values, and a member that is null is not one that is missing. Two bodies that
differ in more than places always have a difference, if only `*`.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from sidecar import limits
from sidecar.bodies.nodes import (
    MOVED,
    Entries,
    Json,
    Node,
    Shape,
    find_entries,
    read_node,
    rest_of,
    shape_of,
)

Path = tuple[str, ...]

_SOMETHING: Final = "*"
"""Stands for what has no name, and for what is more than is told."""

_SETTINGS: Final[dict[Shape, tuple[tuple[Path, Path], ...]]] = {
    "langflow": ((("data", "node", "template"), ("value",)), (("data", "node"), ())),
    "flowise": ((("data", "inputs"), ()), (("data",), ())),
    "sim": ((("subBlocks",), ("value",)),),
    "plain": ((("parameters",), ()),),
}
"""Where each shape keeps its settings, and what stands between a setting and its value: left out
of a name, since a person knows neither."""

_SHOWN_PARTS: Final = 2
"""A setting, and one level into it."""


class Changed(NamedTuple):
    """A node in one of the bodies; `fields` are the settings that differ, sorted."""

    id: str
    name: str
    fields: list[str]


class Difference(NamedTuple):
    """From the first body to the second."""

    added: list[Changed]
    removed: list[Changed]
    changed: list[Changed]
    outside: list[str]
    """Members of the body that hold no nodes and differ."""


class _Found(NamedTuple):
    """A node, and the object it was read from."""

    node: Node
    entry: dict[str, Json]


def compare(before: Json, after: Json) -> Difference:
    """Compare two decoded bodies; each list in the order of its body."""
    old, new = _by_id(find_entries(before)), _by_id(find_entries(after))
    added = [Changed(key, found.node.name, []) for key, found in new.items() if key not in old]
    removed = [Changed(key, found.node.name, []) for key, found in old.items() if key not in new]
    changed = [
        Changed(key, found.node.name, fields)
        for key, found in new.items()
        if key in old and (fields := _fields(old[key], found))
    ]
    outside = _named(_paths(rest_of(before), rest_of(after), _SHOWN_PARTS))
    if not (added or removed or changed or outside) and list(old) != list(new):
        outside = [_SOMETHING]  # the order of the nodes
    return Difference(added, removed, changed, outside)


def _by_id(entries: Entries) -> dict[str, _Found]:
    """The nodes by id; further ones of the same id get a number behind it."""
    found: dict[str, _Found] = {}
    times: Counter[str] = Counter()
    for place, entry in entries.items():
        node = read_node(place, entry)
        key = node.id
        while key in found:
            times[node.id] += 1
            key = f"{node.id}#{times[node.id] + 1}"
        found[key] = _Found(node, entry)
    return found


def _fields(old: _Found, new: _Found) -> list[str]:
    shape = shape_of(new.entry)
    paths = _paths(_unmoved(old.entry), _unmoved(new.entry), limits.DIFF_DEPTH_MAX)
    return _named(_shown(shape, path) for path in paths)


def _unmoved(entry: dict[str, Json]) -> dict[str, Json]:
    """A node without its place on the canvas."""
    kept = {key: value for key, value in entry.items() if key not in MOVED}
    data = kept.get("data")
    if isinstance(data, dict) and "selected" in data:
        kept["data"] = {key: value for key, value in data.items() if key != "selected"}
    return kept


def _shown(shape: Shape, path: Path) -> Path:
    """The path of a setting as a person knows it; of anything else as it stands."""
    for start, end in _SETTINGS[shape]:
        below = path[len(start) :]
        if path[: len(start)] == start and below:
            if end and below[1 : 1 + len(end)] not in (end, ()):
                return below
            return (below[0], *below[1 + len(end) :])[:_SHOWN_PARTS]
    return path[:_SHOWN_PARTS]


def _named(paths: Iterator[Path]) -> list[str]:
    """The names, each once, sorted; `*` at the end says that there are more."""
    names = sorted({".".join(path) or _SOMETHING for path in paths})
    if len(names) > limits.DIFF_FIELDS_MAX:
        return [*names[: limits.DIFF_FIELDS_MAX], _SOMETHING]
    return names


def _paths(old: Json, new: Json, most_parts: int) -> Iterator[Path]:
    """Where two values differ: down into objects on both sides, at most so many parts deep."""
    if _same(old, new):
        return
    if not (most_parts and isinstance(old, dict) and isinstance(new, dict)):
        yield ()
        return
    for key in old.keys() | new.keys():
        if key not in old or key not in new:
            yield (key,)
        else:
            for path in _paths(old[key], new[key], most_parts - 1):
                yield (key, *path)


def _same(old: Json, new: Json) -> bool:
    """Whether JSON would say the same; Python takes 1, 1.0 and True for equal."""
    return bool(old == new) and _canonical(old) == _canonical(new)


def _canonical(value: Json) -> bytes:
    return msgspec.json.encode(value, order="deterministic")
