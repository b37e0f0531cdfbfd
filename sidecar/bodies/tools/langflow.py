"""Documents of Langflow: `data.nodes[] {id, data {type, node {display_name, template}}}`."""

from sidecar.bodies.tools.tool import (
    CANVAS,
    Json,
    Step,
    Tool,
    as_object,
    edges_at,
    field_values,
    id_of,
    member,
    objects,
    read_plain,
    rest_of,
    steps_at,
    text,
    titled,
)


def _recognises(document: Json) -> bool:
    """Return whether a node under `data.nodes` has a template of fields."""
    nodes = objects(member(document, "data", "nodes"))
    return any(isinstance(member(node, "data", "node", "template"), dict) for node in nodes)


def _read(key: str, entry: dict[str, Json]) -> Step:
    """Return the step of a component: the values of its template that are not empty."""
    component = as_object(member(entry, "data", "node"))
    if not isinstance(component.get("template"), dict):
        return read_plain(key, entry)  # a note
    settings = field_values(component["template"])
    if text(component.get("description")):
        settings["description"] = component["description"]
    kind = text(member(entry, "data", "type")) or text(component.get("key"))
    name = text(component.get("display_name")) or kind
    return Step(id_of(entry) or name or key, name, kind, settings, entry)


TOOL = Tool(
    "langflow",
    recognises=_recognises,
    title=titled,
    steps=steps_at("data", "nodes", read=_read),
    rest=rest_of("data", "nodes"),
    links=edges_at("data", "edges"),
    layout=CANVAS,
    wiring=(("data", "edges"),),
    shown=((("data", "node", "template"), ("value",)), (("data", "node"), ())),
)
