"""Documents of Node-RED: a list of nodes with `id`, `type` and `wires`, tabs among them."""

from sidecar.bodies.tools.tool import (
    CANVAS,
    Json,
    Link,
    Step,
    Title,
    Tool,
    as_list,
    id_of,
    objects,
    rest_of,
    steps_at,
    text,
)


def _recognises(document: Json) -> bool:
    """Return whether it is a list of objects with id and type, one of them wired or a tab."""
    nodes = as_list(document)
    return all(
        isinstance(node, dict) and "id" in node and "type" in node for node in nodes
    ) and any("wires" in node or node["type"] == "tab" for node in nodes)


def _title(document: Json) -> Title:
    """Return label and info of the first tab; most exported documents have none."""
    for node in objects(document):
        if node.get("type") == "tab":
            return Title(text(node.get("label")) or None, text(node.get("info")) or None)
    return Title()


def _own_id(document: Json) -> str:
    """Return the id of the first tab; "" when there is none."""
    tabs = (node for node in objects(document) if node.get("type") == "tab")
    return next(map(id_of, tabs), "")


def _links(_document: Json, steps: list[Step]) -> list[Link]:
    """Return the links, which each node has in `wires`: a list of ids for each output."""
    return [
        Link(step.id, target, str(output))
        for step in steps
        for output, targets in enumerate(as_list(step.entry.get("wires")))
        for target in filter(None, map(text, as_list(targets)))
    ]


TOOL = Tool(
    "node-red",
    recognises=_recognises,
    title=_title,
    steps=steps_at(),
    rest=rest_of(),
    links=_links,
    link_members=frozenset({"wires"}),
    layout=CANVAS,
    own_id=_own_id,
)
