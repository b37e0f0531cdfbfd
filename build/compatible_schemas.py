"""Compares two JSON Schemas of the contract: that of a published version with the one of now.

What a client sends may be accepted more widely than it was: `accepts`. What a client receives may
gain members and names of an enumeration, and lose nothing: `promises`. Each returns sentences that
say what a client of the published version would meet. Only the words of JSON Schema are compared
that the contract uses.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Schema = dict[str, Any]
Compare = Callable[["Side", "Side", str], list[str]]

_PREFIX = "#/components/schemas/"
_LOWER, _UPPER = ("minimum", "minLength", "minItems"), ("maximum", "maxLength", "maxItems")
_ALIKE = ("pattern", "format", "multipleOf")


class Side(NamedTuple):
    """A schema of one of the two contracts, with what its references name."""

    schema: Schema
    components: dict[str, Schema]

    def of(self, schema: Schema) -> "Side":
        """Return another schema of the same contract."""
        return Side(schema, self.components)

    def alternatives(self) -> Iterator["Side"]:
        """Yield the simple schemas of which a value fits one."""
        if "$ref" in self.schema:
            yield from self.of(
                self.components[self.schema["$ref"].removeprefix(_PREFIX)]
            ).alternatives()
        elif "anyOf" in self.schema:
            for each in self.schema["anyOf"]:
                yield from self.of(each).alternatives()
        else:
            yield self


def accepts(published: Side, now: Side, where: str) -> list[str]:
    """Return why a value that was accepted might be refused now."""
    return _each_fits(published, now, where, "is not accepted any more", _accepts_one)


def promises(published: Side, now: Side, where: str) -> list[str]:
    """Return why a value that is sent now might be one that was excluded, or lacks something.

    What was one of several alternatives, except null, must still be one.
    """
    offers = list(now.alternatives())
    return [
        f"{where}: {_type(each)} is not sent any more"
        for each in published.alternatives()
        if _type(each) != "null" and not any(_same_type(offer, each) for offer in offers)
    ] + _each_fits(now, published, where, "was excluded", lambda n, p, w: _promises_one(p, n, w))


def _each_fits(needed: Side, offered: Side, where: str, verdict: str, fits: Compare) -> list[str]:
    """Return the faults of every needed alternative, for the offered one that it fits best."""
    faults: list[str] = []
    offers = list(offered.alternatives())
    for each in needed.alternatives():
        found = [fits(each, offer, where) for offer in offers if _same_type(each, offer)]
        none = [f"{where}: {_type(each)} {verdict}"]
        fewest: list[str] = min(found, key=len, default=none)
        faults += fewest
    return faults


def _type(side: Side) -> str:
    return str(side.schema.get("type", "any value"))


def _same_type(needed: Side, offered: Side) -> bool:
    """Return whether the types of two simple schemas can be compared; none means any value."""
    kinds = {"integer", "number"}
    is_number = kinds == {needed.schema.get("type"), offered.schema.get("type")}
    return "type" not in offered.schema or _type(needed) == _type(offered) or is_number


def _narrower(wide: Side, narrow: Side, where: str) -> list[str]:
    """Return where `narrow` lets a value through that `wide` does not."""
    a, b = wide.schema, narrow.schema
    low = [key for key in _LOWER if key in a and b.get(key, float("-inf")) < a[key]]
    high = [key for key in _UPPER if key in a and b.get(key, float("inf")) > a[key]]
    alike = [key for key in _ALIKE if key in a and a[key] != b.get(key)]
    whole = ["type"] if (_type(wide), _type(narrow)) == ("integer", "number") else []
    return [
        f"{where}: {key} {b.get(key)} where {a.get(key)} is the bound"
        for key in (*low, *high, *alike, *whole)
    ]


def _accepts_one(published: Side, now: Side, where: str) -> list[str]:
    """Compare two simple schemas of what is accepted."""
    before, after = published.schema, now.schema
    faults = _narrower(now, published, where)
    if "enum" in after:
        gone = [name for name in before.get("enum", ["other values"]) if name not in after["enum"]]
        faults += [f"{where}: {name!r} is not accepted any more" for name in gone]
    own, members = before.get("properties", {}), after.get("properties", {})
    for name, schema in own.items():
        if name in members:
            faults += accepts(published.of(schema), now.of(members[name]), f"{where}.{name}")
            if members[name].get("default") != schema.get("default"):
                faults.append(f"{where}.{name}: has another default")
        elif after.get("additionalProperties") is False:
            faults.append(f"{where}.{name}: is not accepted any more")
    needed = set(after.get("required", ())) - set(before.get("required", ()))
    faults += [f"{where}.{name}: is required now" for name in sorted(needed)]
    return faults + _inner(published, now, where, accepts)


def _promises_one(published: Side, now: Side, where: str) -> list[str]:
    """Compare two simple schemas of what is sent."""
    before, after = published.schema, now.schema
    faults = _narrower(published, now, where)
    if "enum" in before:
        gone = [name for name in before["enum"] if name not in after.get("enum", ())]
        faults += [f"{where}: {name!r} is not in the enumeration any more" for name in gone]
    own, members = before.get("properties", {}), after.get("properties", {})
    for name, schema in own.items():
        if name in members:
            faults += promises(published.of(schema), now.of(members[name]), f"{where}.{name}")
        else:
            faults.append(f"{where}.{name}: is gone")
    lost = set(before.get("required", ())) & members.keys() - set(after.get("required", ()))
    faults += [f"{where}.{name}: may be missing now" for name in sorted(lost)]
    return faults + _inner(published, now, where, promises)


def _inner(published: Side, now: Side, where: str, compare: Compare) -> list[str]:
    """Compare the items of lists and the values of maps; what is not there is any value."""
    faults: list[str] = []
    for key in ("items", "additionalProperties"):
        before, after = (side.schema.get(key, {}) for side in (published, now))
        if isinstance(before, dict) and isinstance(after, dict) and (before or after):
            faults += compare(published.of(before), now.of(after), f"{where}[]")
    return faults
