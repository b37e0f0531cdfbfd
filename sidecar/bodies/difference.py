"""Compares two documents and reports what changed in words that a person uses, step by step.

A step that has another name is renamed, and where other steps refer to it by name, that is no
further change. A step with another place on the canvas is moved. Anything else in it is a change
of a field, told with the value before and after as JSON text. Values are compared as JSON: 1, 1.0
and true are three values, and a null member differs from a missing one. Two documents that differ
have a difference, at least `*`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from sidecar import limits
from sidecar.bodies.tools.table import recognise
from sidecar.bodies.tools.tool import Json, Link, Path, Step, Tool

_UNNAMED: Final = "*"
"""Stands for a change that has no name, and for the changes that are left out of a long list."""

_NAMING: Final = frozenset({"name", "label", "title", "display_name"})
"""Members that hold the name of a step in some tool."""


class Field(NamedTuple):
    """A value that differs, as JSON text on both sides; None where it is missing."""

    name: str
    before: str | None = None
    after: str | None = None


class Changed(NamedTuple):
    """A step, and its fields that differ."""

    id: str
    name: str
    fields: list[Field]


class Renamed(NamedTuple):
    """A step with another name."""

    id: str
    before: str
    after: str


class Difference(NamedTuple):
    """The changes from the first document to the second, each in the order of its document."""

    tool: str
    added: list[Step]
    removed: list[Step]
    renamed: list[Renamed]
    moved: list[Step]
    changed: list[Changed]
    linked: list[Link]
    unlinked: list[Link]
    outside: list[Field]
    """The differences beside steps and links."""
    canvas: bool
    """Whether the part of the canvas that was shown differs."""

    def is_layout_only(self) -> bool:
        """Return whether steps were moved, or the canvas, and nothing else has changed."""
        return (bool(self.moved) or self.canvas) and not any(
            self._replace(tool="", moved=[], canvas=False)
        )


def compare(before: Json, after: Json) -> Difference:
    """Return the changes between two decoded documents."""
    old_tool, tool = recognise(before), recognise(after)
    old, new = _by_id(old_tool.steps(before)), _by_id(tool.steps(after))
    pairs = {key: key for key in new if key in old} | _same_under_other_ids(tool, old, new)
    linked, unlinked = _changed_links(
        old_tool.links(before, list(old.values())),
        tool.links(after, list(new.values())),
        {old[was].id: new[key].id for key, was in pairs.items()},
    )
    names = {old[was].name: new[key].name for key, was in pairs.items()}
    comparison = _Comparison(tool, names, has_other_links=bool(linked or unlinked))
    steps = [comparison.of_steps(key, old[was], new[key]) for key, was in pairs.items()]
    outside, canvas = comparison.of_rests(old_tool.rest(before), tool.rest(after))
    taken = set(pairs.values())
    found = Difference(
        tool=tool.name,
        added=[step for key, step in new.items() if key not in pairs],
        removed=[step for key, step in old.items() if key not in taken],
        renamed=[each.renamed for each in steps if each.renamed],
        moved=[each.moved for each in steps if each.moved],
        changed=[each.changed for each in steps if each.changed.fields],
        linked=linked,
        unlinked=unlinked,
        outside=outside,
        canvas=canvas,
    )
    if not any(found[1:]) and not _same(before, after):
        return found._replace(outside=[Field(_UNNAMED)])  # only the order of the steps differs
    return found


def _by_id(steps: list[Step]) -> dict[str, Step]:
    """Return the steps by id; further steps with the same id get a number after it."""
    found: dict[str, Step] = {}
    times: Counter[str] = Counter()
    for step in steps:
        key = step.id
        while key in found:
            times[step.id] += 1
            key = f"{step.id}#{times[step.id] + 1}"
        found[key] = step
    return found


def _same_under_other_ids(tool: Tool, old: dict[str, Step], new: dict[str, Step]) -> dict[str, str]:
    """Return the old keys, by the new ones, of steps that differ in nothing but their ids.

    Where a step is known by its name alone, one that was renamed is such a step.
    """
    waiting: defaultdict[bytes, list[str]] = defaultdict(list)
    for key, step in old.items():
        if key not in new:
            waiting[_content(tool, step)].append(key)
    pairs: dict[str, str] = {}
    for key, step in new.items():
        if key not in old and (keys := waiting.get(_content(tool, step))):
            pairs[key] = keys.pop(0)
    return pairs


def _content(tool: Tool, step: Step) -> bytes:
    """Return what a step does, without its id and what follows it.

    A step that is known by its name alone is without its name too.
    """
    hidden = tool.layout | tool.link_members | _NAMING | {"id"}
    members = {key: value for key, value in step.entry.items() if key not in hidden}
    return _canonical([step.kind, members, None if step.id == step.name else step.name])


def field(name: str, before: Json, after: Json) -> Field:
    """Return a value that differs, as JSON text on both sides."""
    return Field(name, _shown(before), _shown(after))


class _StepChanges(NamedTuple):
    """What has changed in one step."""

    renamed: Renamed | None
    moved: Step | None
    changed: Changed


class _Comparison:
    """Compares steps, and what is beside them, in documents of one tool."""

    def __init__(self, tool: Tool, names: dict[str, str], *, has_other_links: bool) -> None:
        """Take the new name of each step by the old one; links are compared elsewhere."""
        self._tool = tool
        self._names = {old: new for old, new in names.items() if old != new}
        self._told = tool.wiring if has_other_links else ()

    def of_steps(self, key: str, old: Step, new: Step) -> _StepChanges:
        """Return what has changed in a step."""
        fields: list[Field] = []
        moved = False
        for path, was, now in self._changes(old.entry, new.entry):
            if (path[:1] and path[0] in self._tool.layout) or path == ("data", "selected"):
                moved = True
            elif not (path[-1:] and path[-1] in _NAMING and _is_name(was, now, old, new)):
                fields.append(field(_setting_name(self._tool, path), was, now))
        # A step without a name is called by its kind, and another kind is no other name.
        kinds = (old.name, new.name) == (old.kind, new.kind)
        return _StepChanges(
            Renamed(key, old.name, new.name) if old.name != new.name and not kinds else None,
            new if moved else None,
            Changed(key, new.name, _shortened(fields)),
        )

    def of_rests(self, old: Json, new: Json) -> tuple[list[Field], bool]:
        """Return what differs beside the steps, and whether the shown part of the canvas does."""
        fields: list[Field] = []
        canvas = False
        for path, was, now in self._changes(old, new):
            if any(path[: len(place)] == place for place in self._tool.canvas):
                canvas = True
            else:
                fields.append(field(".".join(path) or _UNNAMED, was, now))
        return _shortened(fields), canvas

    def _changes(self, old: Json, new: Json) -> Iterator[tuple[Path, Json, Json]]:
        """Yield the changes that are not told by a new name, or by a link."""
        if self._names and isinstance(old, dict):
            old = _with_new_names(old, self._tool.link_members, self._names)
        for change in _changes(old, new, limits.DIFF_DEPTH_MAX):
            if not any(change[0][: len(place)] == place for place in self._told):
                yield change


def _with_new_names(
    members: dict[str, Json], link_members: frozenset[str], names: dict[str, str]
) -> dict[str, Json]:
    """Return members with the new names of steps where they refer to steps by name."""
    return {
        key: _renamed(value, names) if key in link_members else value
        for key, value in members.items()
    }


def _renamed(
    value: Json, names: dict[str, str], levels: int = limits.DIFF_REFERENCE_DEPTH_MAX
) -> Json:
    """Return a value with each string and key that is an old name replaced by the new name."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, list) and levels:
        return [_renamed(each, names, levels - 1) for each in value]
    if isinstance(value, dict) and levels:
        return {
            names.get(key, key): _renamed(each, names, levels - 1) for key, each in value.items()
        }
    return value


def _changed_links(
    before: list[Link], after: list[Link], ids: dict[str, str]
) -> tuple[list[Link], list[Link]]:
    """Return the links that were added and those that were removed; `ids` are new ids by old."""
    old = Counter(
        link._replace(
            source=ids.get(link.source, link.source), target=ids.get(link.target, link.target)
        )
        for link in before
    )
    new = Counter(after)
    return list((new - old).elements()), list((old - new).elements())


def _is_name(was: Json, now: Json, old: Step, new: Step) -> bool:
    """Return whether two values are what two steps are called; without one, by their kinds."""
    names = (
        step.kind if value == "" or isinstance(value, _Missing) else value
        for value, step in ((was, old), (now, new))
    )
    return tuple(names) == (old.name, new.name)


def _setting_name(tool: Tool, path: Path) -> str:
    """Return the name of a setting from its path within a step."""
    for start, end in tool.shown:
        below = path[len(start) :]
        if path[: len(start)] == start and below:
            if end and below[1 : 1 + len(end)] == end:
                below = (below[0], *below[1 + len(end) :])
            return ".".join(below)
    return ".".join(path) or _UNNAMED


def _shortened(fields: list[Field]) -> list[Field]:
    """Return the fields sorted by name; a last `*` stands for more."""
    found = sorted(fields, key=lambda field: field.name)
    if len(found) > limits.DIFF_FIELDS_MAX:
        return [*found[: limits.DIFF_FIELDS_MAX], Field(_UNNAMED)]
    return found


class _Missing:
    """Stands for a member that is not there."""


_MISSING: Final = _Missing()


def _shown(value: Json | _Missing) -> str | None:
    """Return a value as JSON text, cut; None for a missing one."""
    if isinstance(value, _Missing):
        return None
    text = msgspec.json.encode(value).decode()
    most = limits.DIFF_VALUE_MAX_CHARS
    return text if len(text) <= most else f"{text[:most]}\u2026"


def _changes(old: Json, new: Json, most_parts: int) -> Iterator[tuple[Path, Json, Json]]:
    """Yield the paths at which two values differ, within objects, with both values."""
    if _same(old, new):
        return
    if not (most_parts and isinstance(old, dict) and isinstance(new, dict)):
        yield (), old, new
        return
    for key in {**old, **new}:
        was, now = old.get(key, _MISSING), new.get(key, _MISSING)
        if isinstance(was, _Missing) or isinstance(now, _Missing):
            yield (key,), was, now
        else:
            for path, inner_old, inner_new in _changes(was, now, most_parts - 1):
                yield (key, *path), inner_old, inner_new


def _same(old: Json, new: Json) -> bool:
    """Return whether two values are the same JSON; for Python alone 1, 1.0 and True are equal."""
    return bool(old == new) and _canonical(old) == _canonical(new)


def _canonical(value: Json) -> bytes:
    """Return a value as JSON with sorted members."""
    return msgspec.json.encode(value, order="deterministic")
