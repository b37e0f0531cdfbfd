"""The nodes of a workflow, whatever tool wrote it.

Shapes, as read from files the tools export: n8n `nodes[] {id, name, type, parameters}`; Node-RED
a list, or `flows[]`, of `{id, type, name, ...}`; Flowise `nodes[] {id, data {label, name,
inputs}}`; Langflow `data.nodes[] {id, data {type, node {display_name, template {field
{value}}}}}`; Sim and the app's own `state.blocks` or `blocks` `{id: {id, name, type, subBlocks
{key {value}}}}`. Anything else with a list or object of objects in one of those places is read as
it stands.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from sidecar import limits

Json = Any
"""A decoded JSON value."""

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

_LAYOUT: Final = frozenset(
    {
        *("position", "positionAbsolute", "x", "y", "z", "w", "h", "width", "height", "measured"),
        *("selected", "dragging", "zIndex", "style", "className", "color", "icon", "wires"),
        *("horizontalHandles", "isWide", "layout", "ui", "viewport"),
    }
)
"""Members that place a node on a canvas and say nothing of what it does."""

_NAMING: Final = frozenset({"id", "name", "label", "title", "type", "kind"})


class Node(NamedTuple):
    """One node: what it is called, what it is, and what it is set to."""

    id: str
    name: str
    kind: str
    settings: dict[str, Json]
    """Its parameters by name, without names, places and the tool's own documentation."""


def find_nodes(body: Json) -> list[Node]:
    """The nodes of a decoded body, in its order, at most `limits.NODES_MAX`; none is no error."""
    found = _container(body)
    if isinstance(found, dict):
        entries: Iterator[tuple[str, Json]] = iter(found.items())
    else:
        entries = ((str(index), value) for index, value in enumerate(found))
    nodes: list[Node] = []
    for key, value in entries:
        if isinstance(value, dict):
            nodes.append(_read(key, value))
        if len(nodes) >= limits.NODES_MAX:
            break
    return nodes


def _container(body: Json) -> dict[str, Json] | list[Json]:
    if isinstance(body, list):
        return body
    for place in _PLACES:
        value = body
        for key in place:
            value = value.get(key) if isinstance(value, dict) else None
        entries = list(value.values()) if isinstance(value, dict) else value
        if isinstance(entries, list) and any(isinstance(entry, dict) for entry in entries):
            return value if isinstance(value, dict) else entries
    return []


def rest_of(body: Json) -> Json:
    """The body without its nodes: names, notes, variables and connections beside them."""
    if isinstance(body, list):
        return [value for value in body if not isinstance(value, dict)]
    if not isinstance(body, dict):
        return body
    for place in _PLACES:
        value: Json = body
        for key in place:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, list | dict) and value:
            return _without(body, place)
    return body


def _without(body: dict[str, Json], place: tuple[str, ...]) -> dict[str, Json]:
    first, *further = place
    kept = {key: value for key, value in body.items() if key != first}
    if further:
        kept[first] = _without(body[first], tuple(further))
    return kept


def _read(key: str, value: dict[str, Json]) -> Node:
    data = value.get("data")
    inner = data if isinstance(data, dict) else {}
    component = inner.get("node")
    if isinstance(component, dict) and isinstance(component.get("template"), dict):
        name, kind, settings = _langflow(inner, component)
    elif isinstance(inner.get("inputs"), dict):
        name, kind, settings = _flowise(inner)
    elif isinstance(value.get("subBlocks"), dict):
        name, kind, settings = _sim(value)
    else:
        name, kind, settings = _plain(value)
    return Node(_text(value.get("id")) or name or key, name, kind, settings)


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
