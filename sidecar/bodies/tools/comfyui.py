"""Documents of ComfyUI: of its editor (`nodes[]`, `links[]`), and of its API (steps by number)."""

from sidecar.bodies.tools.tool import (
    Json,
    Link,
    Step,
    Title,
    Tool,
    as_list,
    as_object,
    id_of,
    member,
    rest_of,
    steps_at,
    text,
)

_LAYOUT = frozenset({"pos", "size", "order", "flags", "color", "bgcolor"})


def _is_api(document: Json) -> bool:
    """Return whether every member is a step with a class and inputs."""
    steps = as_object(document)
    return bool(steps) and all(
        isinstance(step, dict) and "class_type" in step and isinstance(step.get("inputs"), dict)
        for step in steps.values()
    )


def _is_part(document: Json) -> bool:
    """Return whether it is a part of the editor's, without links: steps with widgets and places."""
    found = as_object(document)
    nodes = as_list(found.get("nodes"))
    return found.keys().isdisjoint({"links", "edges", "connections"}) and (
        any("widgets_values" in as_object(node) for node in nodes)
        and all({"type", "pos"} <= as_object(node).keys() for node in nodes)
    )


def _recognises(document: Json) -> bool:
    """Return whether it is a document of the editor, or a part of one, or of the API."""
    found = as_object(document)
    return (
        (
            isinstance(found.get("nodes"), list)
            and isinstance(found.get("links"), list)
            and ("last_node_id" in found or isinstance(found.get("state"), dict))
        )
        or _is_part(document)
        or _is_api(document)
    )


def _title(_document: Json) -> Title:
    """Return nothing: neither form has a name."""
    return Title()


def _read(key: str, entry: dict[str, Json]) -> Step:
    """Return the step of a node of the editor; its settings are widgets without names."""
    kind = text(entry.get("type"))
    widgets = entry.get("widgets_values")
    settings = (
        dict(widgets)
        if isinstance(widgets, dict)
        else {str(place): value for place, value in enumerate(as_list(widgets))}
    )
    return Step(id_of(entry) or key, text(entry.get("title")) or kind, kind, settings, entry)


def _read_api(key: str, entry: dict[str, Json]) -> Step:
    """Return the step of a prompt of the API: inputs that are lists come from other steps."""
    kind = text(entry.get("class_type"))
    inputs = as_object(entry.get("inputs"))
    settings = {field: value for field, value in inputs.items() if not isinstance(value, list)}
    return Step(key, text(member(entry, "_meta", "title")) or kind, kind, settings, entry)


def _steps(document: Json) -> list[Step]:
    """Return the steps of either form."""
    if _is_api(document):
        return steps_at(read=_read_api)(document)
    return steps_at("nodes", read=_read)(document)


def _rest(document: Json) -> Json:
    """Return the document without its steps."""
    return rest_of()(document) if _is_api(document) else rest_of("nodes")(document)


def _links(document: Json, steps: list[Step]) -> list[Link]:
    """Return the links: lists or objects of the editor, pairs among the inputs of the API."""
    if _is_api(document):
        return [
            Link(str(value[0]), step.id, f"{value[1]} > {field}")
            for step in steps
            for field, value in as_object(step.entry.get("inputs")).items()
            if isinstance(value, list) and len(value) == 2  # noqa: PLR2004 - step and output
        ]
    fields = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
    found: list[Link] = []
    for link in as_list(as_object(document).get("links")):
        given = [link.get(field) for field in fields] if isinstance(link, dict) else as_list(link)
        if len(given) >= len(fields):
            _id, source, output, target, place = given[: len(fields)]
            found.append(Link(str(source), str(target), f"{output} > {place}"))
    return found


TOOL = Tool(
    "comfyui",
    recognises=_recognises,
    title=_title,
    steps=_steps,
    rest=_rest,
    links=_links,
    layout=_LAYOUT,
    wiring=(("links",), ("last_link_id",)),
    shown=((("widgets_values",), ()), (("inputs",), ())),
)
