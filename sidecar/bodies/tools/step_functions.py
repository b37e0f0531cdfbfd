"""Documents of AWS Step Functions: `StartAt` and `States`, an object of states by name.

A Map or Parallel state holds whole machines of its own, under `ItemProcessor`, `Iterator` or
`Branches`.
"""

from typing import Final

from sidecar import limits
from sidecar.bodies.tools.tool import (
    Json,
    Link,
    Step,
    Title,
    Tool,
    as_list,
    as_object,
    member,
    objects,
    text,
)

_INNER: Final = ("ItemProcessor", "Iterator")
_LINKS: Final = frozenset({"Next", "Default", "Choices", "Catch", "StartAt"})


def _recognises(document: Json) -> bool:
    """Return whether it names its first state and has states."""
    states = member(document, "States")
    return isinstance(states, dict) and isinstance(document.get("StartAt"), str)


def _title(document: Json) -> Title:
    """Return the comment as the description: a machine has no name."""
    return Title(None, text(member(document, "Comment")) or None)


def _steps(document: Json) -> list[Step]:
    """Return all states, those within a state after it."""
    found: list[Step] = []
    _collect(document, found)
    return found[: limits.NODES_MAX]


def _collect(machine: Json, found: list[Step]) -> None:
    """Add the states of a machine, and of those within them."""
    for name, state in as_object(member(machine, "States")).items():
        if not isinstance(state, dict) or len(found) >= limits.NODES_MAX:
            continue
        inner = [state[key] for key in _INNER if isinstance(state.get(key), dict)]
        inner += objects(state.get("Branches"))
        entry = dict(state)
        for key in _INNER:
            if isinstance(state.get(key), dict):
                entry[key] = _without_states(state[key])
        if "Branches" in state:
            entry["Branches"] = [_without_states(each) for each in as_list(state["Branches"])]
        kind = text(state.get("Type"))
        settings = {key: value for key, value in entry.items() if key not in {"Type", *_LINKS}}
        found.append(Step(name, name, kind, settings, entry))
        for each in inner:
            _collect(each, found)


def _without_states(machine: Json) -> Json:
    """Return a machine with the names of its states in place of them."""
    states = member(machine, "States")
    if not isinstance(states, dict):
        return machine
    others = {key: value for key, value in states.items() if not isinstance(value, dict)}
    names = [key for key in states if key not in others]
    return {**machine, "States": [*names, others] if others else names}


def _links(_document: Json, steps: list[Step]) -> list[Link]:
    """Return what follows each state: the next one, choices, the default, and after errors."""
    found: list[Link] = []
    for step in steps:
        entry = step.entry
        found += [
            Link(step.id, text(entry[key]), key) for key in ("Next", "Default") if key in entry
        ]
        for key in ("Choices", "Catch"):
            for rule in objects(entry.get(key)):
                found.append(Link(step.id, text(rule.get("Next")), key))
    return [link for link in found if link.target]


TOOL = Tool(
    "step-functions",
    recognises=_recognises,
    title=_title,
    steps=_steps,
    rest=_without_states,
    links=_links,
    link_members=_LINKS | {"States", *_INNER, "Branches"},
    layout=frozenset(),
    wiring=(("Next",), ("Default",)),
)
