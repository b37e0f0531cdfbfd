"""Reads the steps of a workflow and the links between them, for the page to draw."""

import msgspec

from sidecar.bodies.parse import NotJSON, parse
from sidecar.bodies.tools.table import recognise
from sidecar.limits import inspector as limits


class GraphStep(msgspec.Struct, frozen=True):
    """One step."""

    id: str
    name: str
    kind: str


class GraphLink(msgspec.Struct, frozen=True):
    """A link between two steps of the graph."""

    source: str
    target: str
    port: str


class Graph(msgspec.Struct, frozen=True):
    """The steps of a workflow, and how they are linked."""

    tool: str
    steps: list[GraphStep]
    links: list[GraphLink]
    steps_total: int
    """Number of steps of the workflow; `steps` has at most `limits.STEPS_DRAWN` of them."""


def read(body: bytes) -> Graph:
    """Return the graph of a body; a graph without steps when the format is not known."""
    try:
        document = parse(body, rounded=True)
    except NotJSON:
        return Graph("unknown", [], [], 0)
    tool = recognise(document)
    found = tool.steps(document)
    by_id = {step.id: GraphStep(step.id, step.name, step.kind) for step in found}
    drawn = dict(list(by_id.items())[: limits.STEPS_DRAWN])
    links = dict.fromkeys(
        (link.source, link.target, link.port)
        for link in tool.links(document, found)
        if link.source in drawn and link.target in drawn
    )
    return Graph(tool.name, list(drawn.values()), [GraphLink(*link) for link in links], len(by_id))
