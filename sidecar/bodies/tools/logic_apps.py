"""Documents of Azure Logic Apps and Power Automate: `actions` and `triggers`, objects by name.

The definition is the document itself or its member `definition`, possibly under `properties`.
Scopes, conditions, switches and loops hold further actions.
"""

from typing import Final

from sidecar import limits
from sidecar.bodies.tools.tool import (
    Json,
    Link,
    Step,
    Title,
    Tool,
    as_object,
    member,
    replaced,
    text,
    texts,
)

_PLACES: Final[tuple[tuple[str, ...], ...]] = ((), ("definition",), ("properties", "definition"))
_SCHEMA: Final = "workflowdefinition"
_LINKS: Final = frozenset({"runAfter"})


def _place(document: Json) -> tuple[str, ...] | None:
    """Return the path to the definition; None when there is none."""
    for place in _PLACES:
        found = as_object(member(document, *place))
        if _SCHEMA in text(found.get("$schema")).lower() and isinstance(found.get("actions"), dict):
            return place
    return None


def _recognises(document: Json) -> bool:
    """Return whether there is a definition of the schema with actions."""
    return _place(document) is not None


def _title(document: Json) -> Title:
    """Return the display name of an exported flow; a definition has no name."""
    return Title(text(member(document, "properties", "displayName")) or None)


def _steps(document: Json) -> list[Step]:
    """Return triggers, then actions, those within an action after it."""
    definition = member(document, *(_place(document) or ()))
    found: list[Step] = []
    for key in ("triggers", "actions"):
        _collect(member(definition, key), found)
    return found[: limits.NODES_MAX]


def _collect(actions: Json, found: list[Step]) -> None:
    """Add actions, and those within them."""
    for name, action in as_object(actions).items():
        if not isinstance(action, dict) or len(found) >= limits.NODES_MAX:
            continue
        inner = _inner(action)
        entry: Json = action
        for place in inner:
            entry = replaced(entry, place, _names(member(action, *place)))
        kind = text(action.get("type"))
        settings = {key: value for key, value in entry.items() if key not in {"type", *_LINKS}}
        found.append(Step(name, name, kind, settings, entry))
        for place in inner:
            _collect(member(action, *place), found)


def _inner(action: dict[str, Json]) -> list[tuple[str, ...]]:
    """Return the paths to actions within an action."""
    places: list[tuple[str, ...]] = [("actions",), ("else", "actions"), ("default", "actions")]
    places += [("cases", case, "actions") for case in as_object(action.get("cases"))]
    return [place for place in places if isinstance(member(action, *place), dict)]


def _names(actions: dict[str, Json]) -> list[Json]:
    """Return the names of actions, and what among them is none."""
    others = {key: value for key, value in actions.items() if not isinstance(value, dict)}
    return [key for key in actions if key not in others] + ([others] if others else [])


def _rest(document: Json) -> Json:
    """Return the document with the names of triggers and actions in place of them."""
    place = _place(document) or ()
    for key in ("triggers", "actions"):
        found = member(document, *place, key)
        if isinstance(found, dict):
            document = replaced(document, (*place, key), _names(found))
    return document


def _links(_document: Json, steps: list[Step]) -> list[Link]:
    """Return after which action each one runs, and after which outcomes of it."""
    return [
        Link(before, step.id, ", ".join(texts(outcomes)))
        for step in steps
        for before, outcomes in as_object(step.entry.get("runAfter")).items()
    ]


TOOL = Tool(
    "logic-apps",
    recognises=_recognises,
    title=_title,
    steps=_steps,
    rest=_rest,
    links=_links,
    link_members=_LINKS
    | {"actions", "else", "cases", "default", "triggers"}
    | {"definition", "properties"},
    layout=frozenset(),
    wiring=(("runAfter",),),
)
