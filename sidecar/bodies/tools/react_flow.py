"""Documents of React Flow, and of the many tools that keep its shape: `nodes[]` and `edges[]`."""

from sidecar.bodies.tools.tool import (
    CANVAS,
    Json,
    Step,
    Tool,
    as_object,
    edges_at,
    read_plain,
    rest_of,
    steps_at,
    text,
    titled,
)


def has_graph(document: Json) -> bool:
    """Return whether a document has a list of nodes and a list of edges."""
    found = as_object(document)
    return isinstance(found.get("nodes"), list) and isinstance(found.get("edges"), list)


def read(key: str, entry: dict[str, Json]) -> Step:
    """Return the step of a node: what a person sees of it stands in `data`."""
    plain = read_plain(key, entry)
    data = as_object(entry.get("data"))
    name = next((text(data[each]) for each in ("label", "title", "name") if data.get(each)), "")
    settings = {field: value for field, value in plain.settings.items() if field != "data"}
    settings |= {field: value for field, value in data.items() if field not in CANVAS}
    return plain._replace(name=name or plain.name, settings=settings)


TOOL = Tool(
    "react-flow",
    recognises=has_graph,
    title=titled,
    steps=steps_at("nodes", read=read),
    rest=rest_of("nodes"),
    links=edges_at("edges"),
    layout=CANVAS,
    shown=((("data",), ()),),
)
