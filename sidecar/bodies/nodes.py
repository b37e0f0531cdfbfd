"""Finds the nodes of a body and reads their names, kinds and settings, whatever tool wrote it.

The shapes are those of files that the tools export:

- n8n: `nodes[] {id, name, type, parameters}`
- Node-RED: a list, or `flows[]`, of `{id, type, name, ...}`
- Flowise: `nodes[] {id, data {label, name, inputs}}`
- Langflow: `data.nodes[] {id, data {type, node {display_name, template {field {value}}}}}`
- Sim and the app: `state.blocks` or `blocks` `{id: {id, name, type, subBlocks {key {value}}}}`

Any other body with a list or an object of objects in one of those places is read generically.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, Literal, NamedTuple

from sidecar import limits

Json = Any
"""A decoded JSON value."""

Shape = Literal["langflow", "flowise", "sim", "plain"]

_MOST: Final = limits.NODES_MAX

_PLACES: Final = (
    ("state", "blocks"),
    ("blocks",),
    ("nodes",),
    ("data", "nodes"),
    ("flows",),
    ("flow", "nodes"),
    ("workflow", "nodes"),
    ("steps",),
)
"""Where nodes can be; the first of these places that holds an object is used."""

MOVED: Final = frozenset(
    {
        *("position", "positionAbsolute", "x", "y", "w", "h", "width", "height", "measured"),
        *("selected", "dragging", "zIndex", "horizontalHandles", "isWide", "layout", "viewport"),
    }
)
"""Members of a node that say where it is on the canvas."""

_LAYOUT: Final = MOVED | {"style", "className", "color", "icon", "ui", "wires", "z"}
"""Members of a node that do not affect what it does."""

_NAMING: Final = frozenset({"id", "name", "label", "title", "type", "kind"})


class Node(NamedTuple):
    """One node of a workflow."""

    id: str
    name: str
    kind: str
    settings: dict[str, Json]
    """The parameters by name, without the node's name, position and the tool's documentation."""


Entries = dict[str, Json]
"""The JSON objects of nodes, each under its key or its index, in the order of the body."""


def find_nodes(body: Json) -> list[Node]:
    """Return the nodes of a decoded body in its order, at most `limits.NODES_MAX` of them."""
    return [read_node(key, value) for key, value in find_entries(body).items()]


def find_entries(body: Json) -> Entries:
    """Return the JSON objects of the nodes of a body, at most `limits.NODES_MAX` of them."""
    entries = ((key, value) for key, value in _items(_at(body, _place(body))))
    return dict(islice(((key, each) for key, each in entries if isinstance(each, dict)), _MOST))


def _items(container: Json) -> Iterator[tuple[str, Json]]:
    """Yield the members of an object by key, or of a list by index; nothing for other values."""
    if isinstance(container, dict):
        return iter(container.items())
    if isinstance(container, list):
        return ((str(index), value) for index, value in enumerate(container))
    return iter(())


def _place(body: Json) -> tuple[str, ...] | None:
    """Return the path to the nodes: () for the body itself, None when there are none."""
    if isinstance(body, list):
        return ()
    for place in _PLACES:
        if any(isinstance(value, dict) for _key, value in _items(_at(body, place))):
            return place
    return None


def _at(body: Json, place: tuple[str, ...] | None) -> Json:
    """Return the value at a path, None when there is no such path."""
    if place is None:
        return None
    for key in place:
        body = body.get(key) if isinstance(body, dict) else None
    return body


def rest_of(body: Json) -> Json:
    """Return the body without its nodes: its names, notes, variables and connections.

    Values among the nodes that are no objects stay, and so do nodes beyond the limit.
    """
    place = _place(body)
    if place is None:
        return body
    entries = find_entries(body)
    others = {key: value for key, value in _items(_at(body, place)) if key not in entries}
    rest = list(others.values()) if isinstance(_at(body, place), list) else others
    return _replaced(body, place, rest) if place else rest


def _replaced(body: dict[str, Json], place: tuple[str, ...], value: Json) -> dict[str, Json]:
    """Return a copy of the body with another value at a path; an empty value removes the member."""
    first, *further = place
    copy = dict(body)
    if further:
        copy[first] = _replaced(body[first], tuple(further), value)
    elif value:
        copy[first] = value
    else:
        del copy[first]
    return copy


def shape_of(value: dict[str, Json]) -> Shape:
    """Return which tool a node is from; `plain` stands for n8n, Node-RED and similar tools."""
    data = value.get("data")
    inner = data if isinstance(data, dict) else {}
    component = inner.get("node")
    if isinstance(component, dict) and isinstance(component.get("template"), dict):
        return "langflow"
    if isinstance(inner.get("inputs"), dict):
        return "flowise"
    return "sim" if isinstance(value.get("subBlocks"), dict) else "plain"


def read_node(key: str, value: dict[str, Json]) -> Node:
    """Return the node that a JSON object under `key` describes."""
    shape = shape_of(value)
    if shape == "langflow":
        name, kind, settings = _langflow(value["data"], value["data"]["node"])
    elif shape == "flowise":
        name, kind, settings = _flowise(value["data"])
    elif shape == "sim":
        name, kind, settings = _sim(value)
    else:
        name, kind, settings = _plain(value)
    return Node(_id(value) or name or key, name, kind, settings)


def _id(value: dict[str, Json]) -> str:
    """Return the id of a node as text; "" when it has none."""
    given = value.get("id")
    is_number = isinstance(given, int) and not isinstance(given, bool)
    return str(given) if is_number else _text(given)


def _langflow(
    inner: dict[str, Json], component: dict[str, Json]
) -> tuple[str, str, dict[str, Json]]:
    """Return name, kind and settings of a Langflow node."""
    settings = _values(component["template"])
    if _text(component.get("description")):
        settings["description"] = component["description"]
    kind = _text(inner.get("type")) or _text(component.get("key"))
    return _text(component.get("display_name")) or kind, kind, settings


def _flowise(inner: dict[str, Json]) -> tuple[str, str, dict[str, Json]]:
    """Return name, kind and settings of a Flowise node."""
    settings = {
        field: member for field, member in inner["inputs"].items() if member not in (None, "")
    }
    kind = _text(inner.get("name")) or _text(inner.get("type"))
    return _text(inner.get("label")) or kind, kind, settings


def _sim(value: dict[str, Json]) -> tuple[str, str, dict[str, Json]]:
    """Return name, kind and settings of a node of Sim or of the app itself."""
    settings = _values(value["subBlocks"])
    inner = value.get("data")
    if isinstance(inner, dict) and inner:
        settings["data"] = inner
    if value.get("enabled") is False:
        settings["enabled"] = False
    return _text(value.get("name")), _text(value.get("type")), settings


def _plain(value: dict[str, Json]) -> tuple[str, str, dict[str, Json]]:
    """Return name, kind and settings of a node whose settings are members or in `parameters`."""
    members = {
        field: member
        for field, member in value.items()
        if field not in _LAYOUT and field not in _NAMING
    }
    parameters = members.pop("parameters", None)
    if isinstance(parameters, dict):
        members = {**parameters, **members}
    name = next((_text(value.get(key)) for key in ("name", "label", "title") if value.get(key)), "")
    kind = _text(value.get("type")) or _text(value.get("kind"))
    return name or kind, kind, members


def _values(fields: dict[str, Json]) -> dict[str, Json]:
    """Return the member `value` of each field that has one and is not empty."""
    return {
        field: member["value"]
        for field, member in fields.items()
        if isinstance(member, dict) and member.get("value") not in (None, "", [], {})
    }


def _text(value: Json) -> str:
    """Return a string as it is, and "" for any other value."""
    return value if isinstance(value, str) else ""
