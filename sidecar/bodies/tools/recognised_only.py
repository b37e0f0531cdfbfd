"""Tools whose documents are recognised, named and searched, but whose steps are not read.

Reading their steps waits for real documents to read them by.
"""

from collections.abc import Callable

from sidecar.bodies.tools.tool import (
    Json,
    Step,
    Title,
    Tool,
    as_list,
    member,
    text,
    titled,
)


def _no_steps(_document: Json) -> list[Step]:
    """Return no steps."""
    return []


def _whole(document: Json) -> Json:
    """Return the whole document, because none of it is read as steps."""
    return document


def _tool(
    name: str, recognises: Callable[[Json], bool], title: Callable[[Json], Title] = titled
) -> Tool:
    """Return a tool that is recognised and named."""
    return Tool(name, recognises, title, steps=_no_steps, rest=_whole, layout=frozenset())


def _is_make(document: Json) -> bool:
    """Return whether every module of a flow is named `app:verb`."""
    flow = as_list(member(document, "flow"))
    return bool(flow) and all(":" in text(member(step, "module")) for step in flow)


def _activepieces(document: Json) -> Json:
    """Return the part of a document of Activepieces that has the trigger."""
    template = member(document, "template")
    return template if isinstance(template, dict) else document


def _is_activepieces(document: Json) -> bool:
    """Return whether there is a trigger with a type, and a name that is shown."""
    inner = _activepieces(document)
    return bool(text(member(inner, "trigger", "type"))) and isinstance(
        member(inner, "displayName"), str
    )


def _title_activepieces(document: Json) -> Title:
    """Return the name that is shown, and the description of a template."""
    name = text(member(_activepieces(document), "displayName")) or text(member(document, "name"))
    return titled(document)._replace(name=name or None)


def _is_windmill(document: Json) -> bool:
    """Return whether the value of a flow has modules."""
    return isinstance(member(document, "value", "modules"), list)


def _title_windmill(document: Json) -> Title:
    """Return the summary as the name."""
    return titled(document, name="summary")


def _is_kestra(document: Json) -> bool:
    """Return whether there are an id, a namespace and tasks."""
    named = (text(member(document, key)) for key in ("id", "namespace"))
    return all(named) and isinstance(member(document, "tasks"), list)


def _title_kestra(document: Json) -> Title:
    """Return the id as the name."""
    return titled(document, name="id", tags="labels")


TOOLS = (
    _tool("make", _is_make),
    _tool("activepieces", _is_activepieces, _title_activepieces),
    _tool("windmill", _is_windmill, _title_windmill),
    _tool("kestra", _is_kestra, _title_kestra),
)
