"""The description of a tool: how to recognise its documents, and the paths of their parts.

A document is a decoded JSON value of any shape: nothing here raises for a value that does not fit,
it is left out. Functions that many tools share stand here too.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

from sidecar import limits

Json = Any
"""A decoded JSON value."""

Path = tuple[str, ...]
"""Members, each within the one before."""

Entries = dict[str, dict[str, Json]]
"""The JSON objects of steps, each under its key or its index, in the order of the document."""


class Title(NamedTuple):
    """The title of a document in its tool's format; None or empty for what is missing."""

    name: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()


class Step(NamedTuple):
    """One step of a workflow: a node, block, action, state or task, as the tool calls it."""

    id: str
    name: str
    kind: str
    """The type of the step, such as `n8n-nodes-base.httpRequest`."""
    settings: dict[str, Json]
    """The values that a person has set, by name; without names, positions and the tool's notes."""
    entry: dict[str, Json]
    """The whole JSON object; where it holds further steps, their names stand in their place."""


class Link(NamedTuple):
    """A connection between two steps, by their ids."""

    source: str
    target: str
    port: str = ""
    """Which output leads to which input, as the tool names them; "" where there is one of each."""


def no_links(_document: Json, _steps: list[Step]) -> list[Link]:
    """Return no links, for tools whose documents have none that are known."""
    return []


def top_id(document: Json) -> str:
    """Return the id that a document has in its member `id`; "" for none."""
    return id_of(document) if isinstance(document, dict) else ""


class Tool(NamedTuple):
    """A tool, or a format, whose documents are known."""

    name: str
    recognises: Callable[[Json], bool]
    """Whether a document is one of the tool's; at most one tool says so of any document."""
    title: Callable[[Json], Title]
    steps: Callable[[Json], list[Step]]
    """All steps in the order of the document, at most `limits.NODES_MAX`."""
    rest: Callable[[Json], Json]
    """The document without its steps; nothing else is missing."""
    links: Callable[[Json, list[Step]], list[Link]] = no_links
    link_members: frozenset[str] = frozenset()
    """Members of a step, or of the document, that name other steps to say what follows what."""
    layout: frozenset[str] = frozenset({"position"})
    """Members of a step that say where it is on the canvas, or how it is shown there."""
    shown: tuple[tuple[Path, Path], ...] = ()
    """Paths to the settings of a step, each with the path from a setting to its value: names of
    changed settings leave both out, because a person sees neither."""
    canvas: tuple[Path, ...] = (("viewport",), ("data", "viewport"), ("extra", "ds"))
    """Paths in the document to what part of the canvas was shown."""
    wiring: tuple[Path, ...] = (("wires",), ("edges",))
    """Paths in a step, or in the document, to what tells nothing but links."""
    own_id: Callable[[Json], str] = top_id
    """The id of a document within its tool, by which others call it; "" when it has none."""


# --- reading values of any type ---------------------------------------------------------------


def text(value: Json) -> str:
    """Return a string as it is, and "" for any other value."""
    return value if isinstance(value, str) else ""


def texts(value: Json) -> tuple[str, ...]:
    """Return the strings of a list; of objects in it their member `name`."""
    found = (text(each.get("name") if isinstance(each, dict) else each) for each in as_list(value))
    return tuple(each for each in found if each)


def member(value: Json, *path: str) -> Json:
    """Return the value at a path of members; None when there is no such path."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def as_list(value: Json) -> list[Json]:
    """Return a list as it is, and an empty one for any other value."""
    return value if isinstance(value, list) else []


def as_object(value: Json) -> dict[str, Json]:
    """Return an object as it is, and an empty one for any other value."""
    return value if isinstance(value, dict) else {}


def objects(value: Json) -> list[dict[str, Json]]:
    """Return the objects of a list."""
    return [each for each in as_list(value) if isinstance(each, dict)]


def id_of(entry: dict[str, Json]) -> str:
    """Return the id of a step as text; "" when it has none."""
    given = entry.get("id")
    is_number = isinstance(given, int) and not isinstance(given, bool)
    return str(given) if is_number else text(given)


def titled(
    document: Json, name: str = "name", description: str = "description", tags: str = "tags"
) -> Title:
    """Return the title of a document from members of the given names."""
    found = as_object(document)
    return Title(
        text(found.get(name)) or None, text(found.get(description)) or None, texts(found.get(tags))
    )


def field_values(fields: Json) -> dict[str, Json]:
    """Return the member `value` of each field that has one and is not empty."""
    return {
        field: given["value"]
        for field, given in as_object(fields).items()
        if isinstance(given, dict) and given.get("value") not in (None, "", [], {})
    }


# --- steps in a list or an object at one place ------------------------------------------------

CANVAS: Final = frozenset(
    {
        *("position", "positionAbsolute", "x", "y", "w", "h", "width", "height", "measured"),
        *("selected", "dragging", "zIndex", "horizontalHandles", "isWide", "layout", "viewport"),
    }
)
"""Members by which editors keep where a step is, whichever tool it is."""

_NO_SETTINGS: Final = CANVAS | {
    *("id", "name", "label", "title", "type", "kind"),
    *("style", "className", "wires", "z", "color", "icon", "ui"),
}


def read_plain(key: str, entry: dict[str, Json]) -> Step:
    """Return the step that an object describes with its members, or with `parameters`."""
    settings = {field: value for field, value in entry.items() if field not in _NO_SETTINGS}
    parameters = settings.pop("parameters", None)
    if isinstance(parameters, dict):
        settings = {**parameters, **settings}
    named = entry.get("name") or entry.get("label") or entry.get("title")
    name, kind = text(named), text(entry.get("type")) or text(entry.get("kind"))
    return Step(id_of(entry) or name or key, name or kind, kind, settings, entry)


def entries_at(document: Json, place: Path) -> Entries:
    """Return the objects of the list or object at a path, at most `limits.NODES_MAX` of them."""
    found = ((key, each) for key, each in _items(member(document, *place)) if is_entry(each))
    return dict(islice(found, limits.NODES_MAX))


def is_entry(value: Json) -> bool:
    """Return whether a value can be a step: an object."""
    return isinstance(value, dict)


def _items(container: Json) -> Iterator[tuple[str, Json]]:
    """Yield the members of an object by key, or of a list by index; nothing for other values."""
    if isinstance(container, dict):
        return iter(container.items())
    return ((str(index), value) for index, value in enumerate(as_list(container)))


def rest_without(document: Json, place: Path) -> Json:
    """Return a document without the steps at a path.

    Values among the steps that are no objects stay, and so do steps beyond the limit.
    """
    container = member(document, *place)
    entries = entries_at(document, place)
    others = {key: value for key, value in _items(container) if key not in entries}
    rest = list(others.values()) if isinstance(container, list) else others
    return replaced(document, place, rest) if place else rest


def replaced(document: Json, place: Path, value: Json) -> Json:
    """Return a copy with another value at a path that is there; an empty one removes the member."""
    if not isinstance(document, dict) or place[0] not in document:
        return document
    first, *further = place
    copy = dict(document)
    if further:
        copy[first] = replaced(document[first], tuple(further), value)
    elif value:
        copy[first] = value
    else:
        del copy[first]
    return copy


def steps_at(
    *place: str, read: Callable[[str, dict[str, Json]], Step] = read_plain
) -> Callable[[Json], list[Step]]:
    """Return a function that reads the steps of the list or object at a path."""

    def steps(document: Json) -> list[Step]:
        return [read(key, entry) for key, entry in entries_at(document, place).items()]

    return steps


def rest_of(*place: str) -> Callable[[Json], Json]:
    """Return a function that returns a document without the steps at a path."""

    def rest(document: Json) -> Json:
        return rest_without(document, place)

    return rest


def _port(edge: dict[str, Json]) -> str:
    """Return which output of a step an edge leads to which input."""
    handles = (text(edge.get("sourceHandle")), text(edge.get("targetHandle")))
    return " > ".join(filter(None, handles))


def edges_at(*place: str) -> Callable[[Json, list[Step]], list[Link]]:
    """Return a function that reads links from a list of edges at a path."""

    def links(document: Json, _steps: list[Step]) -> list[Link]:
        return [
            Link(
                text(edge.get("source")),
                text(edge.get("target")),
                _port(edge),
            )
            for edge in objects(member(document, *place))
        ]

    return links
