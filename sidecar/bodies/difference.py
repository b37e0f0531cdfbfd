"""Compares two bodies and reports what changed, by node and by setting.

Nodes are matched by id. A node that was only moved on the canvas has not changed. The result names
settings and never holds their values: a value may be long, and may be a secret. Values are
compared as JSON: 1, 1.0 and true are three values, and a null member differs from a missing one.
Two bodies that differ in more than positions always have a difference, at least `*`.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from sidecar import limits
from sidecar.bodies import nodes

Path = tuple[str, ...]

_UNNAMED: Final = "*"
"""Stands for a change that has no name, and for the names that are left out of a long list."""

_SETTINGS: Final[dict[nodes.Shape, tuple[tuple[Path, Path], ...]]] = {
    "langflow": ((("data", "node", "template"), ("value",)), (("data", "node"), ())),
    "flowise": ((("data", "inputs"), ()), (("data",), ())),
    "sim": ((("subBlocks",), ("value",)),),
    "plain": ((("parameters",), ()),),
}
"""For each shape the path to its settings, and the path from a setting to its value.

Names of settings leave both out, because a person sees neither."""

_SHOWN_PARTS: Final = 2
"""How many parts the name of a setting has: the setting, and one level into it."""


class Changed(NamedTuple):
    """A node that was added, removed or changed; `fields` are its changed settings, sorted."""

    id: str
    name: str
    fields: list[str]


class Difference(NamedTuple):
    """The changes from the first body to the second."""

    added: list[Changed]
    removed: list[Changed]
    changed: list[Changed]
    outside: list[str]
    """The names of changed members of the body that hold no nodes."""


class _Found(NamedTuple):
    """A node and the JSON object that it was read from."""

    node: nodes.Node
    entry: dict[str, nodes.Json]


def compare(before: nodes.Json, after: nodes.Json) -> Difference:
    """Return the changes between two decoded bodies; each list is in the order of its body."""
    old, new = _by_id(nodes.find_entries(before)), _by_id(nodes.find_entries(after))
    added = [Changed(key, found.node.name, []) for key, found in new.items() if key not in old]
    removed = [Changed(key, found.node.name, []) for key, found in old.items() if key not in new]
    changed = [
        Changed(key, found.node.name, fields)
        for key, found in new.items()
        if key in old and (fields := _changed_fields(old[key], found))
    ]
    outside = _join_names(_changed_paths(nodes.rest_of(before), nodes.rest_of(after), _SHOWN_PARTS))
    if not (added or removed or changed or outside) and list(old) != list(new):
        outside = [_UNNAMED]  # only the order of the nodes differs
    return Difference(added, removed, changed, outside)


def _by_id(entries: nodes.Entries) -> dict[str, _Found]:
    """Return the nodes by id; further nodes with the same id get a number after it."""
    found: dict[str, _Found] = {}
    times: Counter[str] = Counter()
    for place, entry in entries.items():
        node = nodes.read_node(place, entry)
        key = node.id
        while key in found:
            times[node.id] += 1
            key = f"{node.id}#{times[node.id] + 1}"
        found[key] = _Found(node, entry)
    return found


def _changed_fields(old: _Found, new: _Found) -> list[str]:
    """Return the names of the settings that differ between two nodes."""
    shape = nodes.shape_of(new.entry)
    before, after = map(_without_position, (old.entry, new.entry))
    paths = _changed_paths(before, after, limits.DIFF_DEPTH_MAX)
    return _join_names(_setting_name(shape, path) for path in paths)


def _without_position(entry: dict[str, nodes.Json]) -> dict[str, nodes.Json]:
    """Return a node without the members that say where it is on the canvas."""
    members = {key: value for key, value in entry.items() if key not in nodes.MOVED}
    data = members.get("data")
    if isinstance(data, dict) and "selected" in data:
        members["data"] = {key: value for key, value in data.items() if key != "selected"}
    return members


def _setting_name(shape: nodes.Shape, path: Path) -> Path:
    """Return the name of a setting from its path; for anything else the path itself, cut."""
    for start, end in _SETTINGS[shape]:
        below = path[len(start) :]
        if path[: len(start)] == start and below:
            if end and below[1 : 1 + len(end)] not in (end, ()):
                return below
            return (below[0], *below[1 + len(end) :])[:_SHOWN_PARTS]
    return path[:_SHOWN_PARTS]


def _join_names(paths: Iterator[Path]) -> list[str]:
    """Return the paths as names, sorted and without duplicates; a last `*` stands for more."""
    names = sorted({".".join(path) or _UNNAMED for path in paths})
    if len(names) > limits.DIFF_FIELDS_MAX:
        return [*names[: limits.DIFF_FIELDS_MAX], _UNNAMED]
    return names


def _changed_paths(old: nodes.Json, new: nodes.Json, most_parts: int) -> Iterator[Path]:
    """Yield the paths at which two values differ, within objects, at most `most_parts` deep."""
    if _same(old, new):
        return
    if not (most_parts and isinstance(old, dict) and isinstance(new, dict)):
        yield ()
        return
    for key in old.keys() | new.keys():
        if key not in old or key not in new:
            yield (key,)
        else:
            for path in _changed_paths(old[key], new[key], most_parts - 1):
                yield (key, *path)


def _same(old: nodes.Json, new: nodes.Json) -> bool:
    """Return whether two values are the same JSON; for Python alone 1, 1.0 and True are equal."""
    return bool(old == new) and _canonical(old) == _canonical(new)


def _canonical(value: nodes.Json) -> bytes:
    """Return a value as JSON with sorted members."""
    return msgspec.json.encode(value, order="deterministic")
