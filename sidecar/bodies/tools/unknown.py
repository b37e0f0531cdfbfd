"""Documents of no known tool: steps are looked for where most tools keep them."""

from typing import Final

from sidecar.bodies.tools import react_flow
from sidecar.bodies.tools.tool import (
    CANVAS,
    Json,
    Step,
    Tool,
    entries_at,
    read_plain,
    rest_without,
    titled,
)

_PLACES: Final = (
    ("state", "blocks"),
    ("blocks",),
    ("nodes",),
    ("data", "nodes"),
    ("flows",),
    ("flow", "nodes"),
    ("workflow", "nodes"),
    ("workflow", "graph", "nodes"),
    ("steps",),
)
"""Where steps can be; the first of these places that holds an object is used."""


def _place(document: Json) -> tuple[str, ...] | None:
    """Return the path to the steps: () for the document itself, None when there are none."""
    if isinstance(document, list):
        return ()
    return next((place for place in _PLACES if entries_at(document, place)), None)


def _steps(document: Json) -> list[Step]:
    """Return the objects of the first place that has some, as steps."""
    place = _place(document)
    if place is None:
        return []
    return [
        (react_flow.read if isinstance(entry.get("data"), dict) else read_plain)(key, entry)
        for key, entry in entries_at(document, place).items()
    ]


def _rest(document: Json) -> Json:
    """Return the document without its steps."""
    place = _place(document)
    return document if place is None else rest_without(document, place)


def _recognises(_document: Json) -> bool:
    """Return True: this takes what no tool has recognised."""
    return True


UNKNOWN = Tool(
    "unknown",
    recognises=_recognises,
    title=titled,
    steps=_steps,
    rest=_rest,
    link_members=frozenset({"connections"}),  # of n8n, in parts of its documents
    layout=CANVAS,
    shown=((("parameters",), ()), (("data",), ())),
)
