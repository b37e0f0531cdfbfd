"""The nodes of a workflow, whatever tool wrote it.

Shapes, as read from files the tools export: n8n `nodes[] {id, name, type, parameters}`; Node-RED
a list, or `flows[]`, of `{id, type, name, ...}`; Flowise `nodes[] {id, data {label, name,
inputs}}`; Langflow `data.nodes[] {id, data {type, node {display_name, template {field
{value}}}}}`; Sim and the app's own `state.blocks` or `blocks` `{id: {id, name, type, subBlocks
{key {value}}}}`. Anything else with a list or object of objects in one of those places is read as
it stands.
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
"""Where nodes are looked for; the first place that holds objects is it."""

MOVED: Final = frozenset(
    {
        *("position", "positionAbsolute", "x", "y", "w", "h", "width", "height", "measured"),
        *("selected", "dragging", "zIndex", "horizontalHandles", "isWide", "layout", "viewport"),
    }
)
"""Members that say where a node stands on a canvas."""

_LAYOUT: Final = MOVED | {"style", "className", "color", "icon", "ui", "wires", "z"}
"""Members that say nothing of what a node does."""

_NAMING: Final = frozenset({"id", "name", "label", "title", "type", "kind"})


class Node(NamedTuple):
    """One node: what it is called, what it is, and what it is set to."""

    id: str
    name: str
    kind: str
    settings: dict[str, Json]
    """Its parameters by name, without names, places and the tool's own documentation."""


Entries = dict[str, Json]
"""The objects that are nodes, each under its key or its index, in the order of the body."""


def find_nodes(body: Json) -> list[Node]:
    """The nodes of a decoded body, in its order, at most `limits.NODES_MAX`; none is no error."""
    return [read_node(key, value) for key, value in find_entries(body).items()]


def find_entries(body: Json) -> Entries:
    """The same before they are read."""
    entries = ((key, value) for key, value in _items(_at(body, _place(body))))
    return dict(islice(((key, each) for key, each in entries if isinstance(each, dict)), _MOST))


def _items(container: Json) -> Iterator[tuple[str, Json]]:
    if isinstance(container, dict):
        return iter(container.items())
    if isinstance(container, list):
        return ((str(index), value) for index, value in enumerate(container))
    return iter(())


def _place(body: Json) -> tuple[str, ...] | None:
    """Where the nodes are: () for the body itself, None for nowhere."""
    if isinstance(body, list):
        return ()
    for place in _PLACES:
        if any(isinstance(value, dict) for _key, value in _items(_at(body, place))):
            return place
    return None


def _at(body: Json, place: tuple[str, ...] | None) -> Json:
    if place is None:
        return None
    for key in place:
        body = body.get(key) if isinstance(body, dict) else None
    return body


def rest_of(body: Json) -> Json:
    """The body without its nodes: names, notes, variables and connections beside them.

    What stands among the nodes and is none, or one too many, stays.
    """
    place = _place(body)
    if place is None:
        return body
    entries = find_entries(body)
    others = {key: value for key, value in _items(_at(body, place)) if key not in entries}
    left = list(others.values()) if isinstance(_at(body, place), list) else others
    return _replaced(body, place, left) if place else left


def _replaced(body: dict[str, Json], place: tuple[str, ...], left: Json) -> dict[str, Json]:
    """The body with something else at a place, or with nothing there where that is empty."""
    first, *further = place
    kept = dict(body)
    if further:
        kept[first] = _replaced(body[first], tuple(further), left)
    elif left:
        kept[first] = left
    else:
        del kept[first]
    return kept


def shape_of(value: dict[str, Json]) -> Shape:
    """Which tool's a node is; `plain` for n8n, Node-RED and whatever is like them."""
    data = value.get("data")
    inner = data if isinstance(data, dict) else {}
    component = inner.get("node")
    if isinstance(component, dict) and isinstance(component.get("template"), dict):
        return "langflow"
    if isinstance(inner.get("inputs"), dict):
        return "flowise"
    return "sim" if isinstance(value.get("subBlocks"), dict) else "plain"


def read_node(key: str, value: dict[str, Json]) -> Node:
    """One entry, which stands under that key."""
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
    given = value.get("id")
    is_number = isinstance(given, int) and not isinstance(given, bool)
    return str(given) if is_number else _text(given)


def _langflow(
    inner: dict[str, Json], component: dict[str, Json]
) -> tuple[str, str, dict[str, Json]]:
    settings = {
        field: member["value"]
        for field, member in component["template"].items()
        if isinstance(member, dict) and member.get("value") not in (None, "", [], {})
    }
    if _text(component.get("description")):
        settings["description"] = component["description"]
    kind = _text(inner.get("type")) or _text(component.get("key"))
    return _text(component.get("display_name")) or kind, kind, settings


def _flowise(inner: dict[str, Json]) -> tuple[str, str, dict[str, Json]]:
    settings = {
        field: member for field, member in inner["inputs"].items() if member not in (None, "")
    }
    kind = _text(inner.get("name")) or _text(inner.get("type"))
    return _text(inner.get("label")) or kind, kind, settings


def _sim(value: dict[str, Json]) -> tuple[str, str, dict[str, Json]]:
    settings = {
        field: member["value"]
        for field, member in value["subBlocks"].items()
        if isinstance(member, dict) and member.get("value") not in (None, "", [], {})
    }
    inner = value.get("data")
    if isinstance(inner, dict) and inner:
        settings["data"] = inner
    if value.get("enabled") is False:
        settings["enabled"] = False
    return _text(value.get("name")), _text(value.get("type")), settings


def _plain(value: dict[str, Json]) -> tuple[str, str, dict[str, Json]]:
    """n8n, Node-RED and whatever else has its settings in place or under `parameters`."""
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


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
