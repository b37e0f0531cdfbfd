"""Documents of Sim: `blocks` or `state.blocks`, an object of `{id, name, type, subBlocks}`."""

from sidecar.bodies.tools.tool import (
    CANVAS,
    Json,
    Link,
    Step,
    Title,
    Tool,
    as_object,
    edges_at,
    field_values,
    id_of,
    member,
    rest_of,
    steps_at,
    text,
    texts,
)


def _place(document: Json) -> tuple[str, ...]:
    """Return the path to the state: () where the document itself is it."""
    return ("state",) if isinstance(member(document, "state", "blocks"), dict) else ()


def _recognises(document: Json) -> bool:
    """Return whether there are blocks with sub-blocks, and edges."""
    state = as_object(member(document, *_place(document)))
    blocks = state.get("blocks")
    return (
        isinstance(blocks, dict)
        and isinstance(state.get("edges"), list)
        and all(isinstance(block, dict) for block in blocks.values())
        and (not blocks or any("subBlocks" in block for block in blocks.values()))
    )


def _title(document: Json) -> Title:
    """Return name and description from the metadata of the state, else of the document."""
    metadata = as_object(member(document, *_place(document), "metadata"))
    found = metadata or as_object(document)
    return Title(
        text(found.get("name")) or None,
        text(found.get("description")) or None,
        texts(found.get("tags")),
    )


def _read(key: str, entry: dict[str, Json]) -> Step:
    """Return the step of a block: the values of its sub-blocks that are not empty."""
    settings = field_values(entry.get("subBlocks"))
    if as_object(entry.get("data")):
        settings["data"] = entry["data"]
    if entry.get("enabled") is False:
        settings["enabled"] = False
    name, kind = text(entry.get("name")), text(entry.get("type"))
    return Step(id_of(entry) or key or name, name or kind, kind, settings, entry)


def _steps(document: Json) -> list[Step]:
    """Return the steps."""
    return steps_at(*_place(document), "blocks", read=_read)(document)


def _rest(document: Json) -> Json:
    """Return the document without its blocks."""
    return rest_of(*_place(document), "blocks")(document)


def _links(document: Json, steps: list[Step]) -> list[Link]:
    """Return the links."""
    return edges_at(*_place(document), "edges")(document, steps)


TOOL = Tool(
    "sim",
    recognises=_recognises,
    title=_title,
    steps=_steps,
    rest=_rest,
    links=_links,
    layout=CANVAS,
    wiring=(("edges",), ("state", "edges")),
    shown=((("subBlocks",), ("value",)),),
)
