"""Documents of Dify (YAML, as JSON): `kind: app`, `app` and `workflow.graph` of nodes, edges."""

from sidecar.bodies.tools.react_flow import read
from sidecar.bodies.tools.tool import (
    CANVAS,
    Json,
    Step,
    Title,
    Tool,
    as_object,
    edges_at,
    member,
    rest_of,
    steps_at,
    text,
    titled,
)


def _recognises(document: Json) -> bool:
    """Return whether it is an app with a mode."""
    return member(document, "kind") == "app" and bool(text(member(document, "app", "mode")))


def _title(document: Json) -> Title:
    """Return name, description and tags of the app."""
    return titled(member(document, "app"))


def _read(key: str, entry: dict[str, Json]) -> Step:
    """Return the step of a node: its kind stands in `data`, its own type is the canvas's."""
    step = read(key, entry)
    kind = text(as_object(entry.get("data")).get("type")) or step.kind
    return step._replace(kind=kind, name=step.name or kind)


TOOL = Tool(
    "dify",
    recognises=_recognises,
    title=_title,
    steps=steps_at("workflow", "graph", "nodes", read=_read),
    rest=rest_of("workflow", "graph", "nodes"),
    links=edges_at("workflow", "graph", "edges"),
    layout=CANVAS,
    canvas=(("workflow", "graph", "viewport"),),
    wiring=(("workflow", "graph", "edges"),),
    shown=((("data",), ()),),
)
