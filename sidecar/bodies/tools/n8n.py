"""Documents of n8n: `nodes[] {id, name, type, parameters}`, and `connections` by names of nodes."""

from sidecar.bodies.tools.tool import (
    CANVAS,
    Json,
    Link,
    Step,
    Tool,
    as_list,
    as_object,
    objects,
    rest_of,
    steps_at,
    text,
    titled,
)


def _recognises(document: Json) -> bool:
    """Return whether there are nodes with a type and parameters, and an object of connections."""
    found = as_object(document)
    nodes = found.get("nodes")
    return (
        isinstance(nodes, list)
        and isinstance(found.get("connections"), dict)
        and all(isinstance(node, dict) and "type" in node for node in nodes)
        and (not nodes or any("parameters" in node for node in nodes))
    )


def _links(document: Json, steps: list[Step]) -> list[Link]:
    """Return the links; a connection names nodes, which are returned by their ids."""
    ids = {step.name: step.id for step in steps}
    return [
        Link(ids.get(source, source), ids.get(target, target), f"{port} {index}")
        for source, ports in as_object(as_object(document).get("connections")).items()
        for port, outputs in as_object(ports).items()
        for index, output in enumerate(as_list(outputs))
        for target in (text(each.get("node")) for each in objects(output))
    ]


TOOL = Tool(
    "n8n",
    recognises=_recognises,
    title=titled,
    steps=steps_at("nodes"),
    rest=rest_of("nodes"),
    links=_links,
    link_members=frozenset({"connections"}),
    layout=CANVAS,
    wiring=(("connections",),),
    shown=((("parameters",), ()),),
)
