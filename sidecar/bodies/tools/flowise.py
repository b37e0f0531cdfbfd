"""Documents of Flowise: `nodes[] {id, data {label, name, inputs, inputParams, inputAnchors}}`."""

from sidecar.bodies.tools.react_flow import has_graph
from sidecar.bodies.tools.tool import (
    CANVAS,
    Json,
    Step,
    Tool,
    as_object,
    edges_at,
    id_of,
    member,
    objects,
    rest_of,
    steps_at,
    text,
    titled,
)


def _recognises(document: Json) -> bool:
    """Return whether a node of the graph has a list of inputs, as those of Flowise have."""
    return has_graph(document) and any(
        isinstance(data := node.get("data"), dict)
        and ("inputAnchors" in data or "inputParams" in data)
        for node in objects(document["nodes"])
    )


def _read(key: str, entry: dict[str, Json]) -> Step:
    """Return the step of a node, without its empty inputs."""
    data = as_object(entry.get("data"))
    inputs = as_object(data.get("inputs"))
    settings = {field: value for field, value in inputs.items() if value not in (None, "")}
    kind = text(data.get("name")) or text(data.get("type")) or text(entry.get("type"))
    name = text(data.get("label")) or text(member(entry, "data", "inputs", "label")) or kind
    return Step(id_of(entry) or name or key, name, kind, settings, entry)


TOOL = Tool(
    "flowise",
    recognises=_recognises,
    title=titled,
    steps=steps_at("nodes", read=_read),
    rest=rest_of("nodes"),
    links=edges_at("edges"),
    layout=CANVAS,
    shown=((("data", "inputs"), ()), (("data",), ())),
)
