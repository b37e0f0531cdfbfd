"""What changed between two bodies, as a person would tell it: by node and by setting.

Nodes are matched by id. A node that only moved has not changed. Of a setting only the name is
told, never a value: a value may be long, and may be a secret.
"""

from typing import NamedTuple

from sidecar import limits
from sidecar.bodies.nodes import Json, Node, find_nodes, rest_of


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


def compare(before: Json, after: Json) -> Difference:
    """Compare two decoded bodies; each list in the order of its body."""
    old, new = _by_id(before), _by_id(after)
    added = [Changed(key, node.name, []) for key, node in new.items() if key not in old]
    removed = [Changed(key, node.name, []) for key, node in old.items() if key not in new]
    changed = [
        Changed(key, node.name, fields)
        for key, node in new.items()
        if key in old and (fields := _fields(old[key], node))
    ]
    return Difference(added, removed, changed, _differing(rest_of(before), rest_of(after)))


def _by_id(body: Json) -> dict[str, Node]:
    """The nodes by id; further ones of the same id get a number behind it."""
    found: dict[str, Node] = {}
    for node in find_nodes(body):
        key, count = node.id, 1
        while key in found:
            count += 1
            key = f"{node.id}#{count}"
        found[key] = node
    return found


def _fields(old: Node, new: Node) -> list[str]:
    fields = [
        name
        for name, was, now in (("name", old.name, new.name), ("type", old.kind, new.kind))
        if was != now
    ]
    return [*fields, *_differing(old.settings, new.settings)]


def _differing(old: Json, new: Json) -> list[str]:
    """Names of the members that differ, one level into those that are objects on both sides."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [] if old == new else ["*"]
    names: list[str] = []
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key), new.get(key)
        if was == now and (key in old) == (key in new):
            continue
        if isinstance(was, dict) and isinstance(now, dict):
            inner = sorted(
                name for name in was.keys() | now.keys() if was.get(name) != now.get(name)
            )
            names += [f"{key}.{name}" for name in inner]
        else:
            names.append(key)
    return names[: limits.DIFF_FIELDS_MAX]
