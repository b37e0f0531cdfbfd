"""Holds the contract to what was published: it may gain, and must not lose.

    python build/published.py --publish    keep the contract of now as the one of its version
    python build/published.py --check      compare the contract of now with each published one

The contracts that were published are in schema/published/, a file for each version. A client of any
of them must work with each later version of the same major number: the methods that it calls exist
and accept what it sends, and what it receives has all the members that were promised.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that it runs in a checkout that is not installed

import sidecar.handlers  # noqa: E402, F401 -- importing it fills the catalog
from compatible_schemas import Side, accepts, promises  # noqa: E402
from sidecar import describe, limits  # noqa: E402

FOLDER = ROOT / "schema" / "published"
_ALIKE = ("paramStructure", "x-long")
"""Members of a method that must stay: one that became long would answer out of order, and one that
is no longer long could not be cancelled."""
Document = dict[str, Any]


def compare(published: Document, now: Document) -> list[str]:
    """Return what a client of the published contract would miss in the one of now."""
    before, after = published["components"]["schemas"], now["components"]["schemas"]
    faults: list[str] = []
    for name, old, new in _pairs(published["methods"], now["methods"], "name", faults):
        faults += _compare_params(old, new, before, after, name)
        result, result_now = old["result"]["schema"], new["result"]["schema"]
        faults += [f"{name}: {key} differs" for key in _ALIKE if old.get(key) != new.get(key)]
        faults += [f"{name}: x-rescue is gone"] * ("x-rescue" in old and "x-rescue" not in new)
        where = f"{name}: result"
        faults += promises(Side(result, before), Side(result_now, after), where)
    notes, notes_now = published["x-notifications"], now["x-notifications"]
    for name, old, new in _pairs(notes["incoming"], notes_now["incoming"], "name", faults):
        faults += _compare_params(old, new, before, after, name)
    for name, old, new in _pairs(notes["outgoing"], notes_now["outgoing"], "name", faults):
        faults += promises(Side(_as_object(old), before), Side(_as_object(new), after), name)
    for name in published["components"]["errors"]:
        faults += _compare_error(published, now, name)
    for name, value in published["x-limits"].items():
        if now["x-limits"].get(name, 0) < value:
            faults.append(f"limit {name}: {now['x-limits'].get(name)} where {value} was published")
    for name, old, new in _pairs(published["x-settings"], now["x-settings"], "key", faults):
        faults += _compare_setting(old, new, name)
    for name, old, new in _pairs(published["x-exit-codes"], now["x-exit-codes"], "code", faults):
        faults += [f"exit code {name}: is {new['name']} now"] * (old["name"] != new["name"])
    lines, lines_now = ([each["schema"] for each in side["x-stderr"]] for side in (published, now))
    for name, old, new in _pairs(lines, lines_now, "$ref", faults):
        faults += promises(Side(old, before), Side(new, after), name.rpartition("/")[2])
    return faults


def _pairs(
    published: Iterable[Document], now: Iterable[Document], key: str, faults: list[str]
) -> list[tuple[str, Document, Document]]:
    """Return what both have under one name; enter in `faults` what is gone."""
    there = {each[key]: each for each in now}
    faults += [f"{each[key]}: is gone" for each in published if each[key] not in there]
    return [(each[key], each, there[each[key]]) for each in published if each[key] in there]


def _as_object(described: Document) -> Document:
    """Return the params of a method or a notification as the schema of an object."""
    return {
        "type": "object",
        "properties": {each["name"]: each["schema"] for each in described["params"]},
        "required": [each["name"] for each in described["params"] if each["required"]],
        "additionalProperties": False,
    }


def _compare_params(
    old: Document, new: Document, before: Document, after: Document, name: str
) -> list[str]:
    """Compare what a method takes, by name and by position."""
    faults = accepts(Side(_as_object(old), before), Side(_as_object(new), after), name)
    names, names_now = ([each["name"] for each in side["params"]] for side in (old, new))
    if not faults and names_now[: len(names)] != names:
        faults.append(f"{name}: params by position have another order")
    return faults


def _compare_setting(old: Document, new: Document, name: str) -> list[str]:
    """Compare one setting: what it accepts, its default, and whether the process uses it."""
    words = ("type", "minimum", "maximum")
    before, after = (
        Side({key: value for key, value in side.items() if key in words}, {}) for side in (old, new)
    )
    faults = accepts(before, after, name)
    faults += [f"{name}: has another default"] * (old["default"] != new["default"])
    return faults + [f"{name}: is not used any more"] * (old["used"] and not new["used"])


def _compare_error(published: Document, now: Document, name: str) -> list[str]:
    """Compare one error: its code, its slug, and the data that comes with it."""
    old, new = (each["components"]["errors"].get(name) for each in (published, now))
    if new is None:
        return [f"error {name}: is gone"]
    faults = [f"error {name}: has another code"] * (old["code"] != new["code"])
    faults += [f"error {name}: has other data"] * (old["data"] != new["data"])
    data, data_now = (each["x-errors"][name]["data"] for each in (published, now))
    before, after = published["components"]["schemas"], now["components"]["schemas"]
    return faults + promises(Side(data, before), Side(data_now, after), f"error {name}")


def stored(folder: Path = FOLDER) -> list[Path]:
    """Return the published contracts of the major version of now."""
    major = limits.PROTOCOL_VERSION.partition(".")[0]
    return sorted(folder.glob(f"{major}.*.json"))


def main(arguments: list[str] | None = None) -> int:
    """Publish or check, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    act = parser.add_mutually_exclusive_group(required=True)
    act.add_argument("--publish", action="store_true")
    act.add_argument("--check", action="store_true")
    if parser.parse_args(arguments).publish:
        path = FOLDER / f"{limits.PROTOCOL_VERSION}.json"
        if path.exists():
            sys.stderr.write(f"{path.name} is published already; raise PROTOCOL_VERSION first.\n")
            return 1
        FOLDER.mkdir(exist_ok=True)
        path.write_bytes(describe.as_json(describe.contract()))
        sys.stdout.write(f"wrote: {path.relative_to(ROOT).as_posix()}\n")
        return 0
    now = describe.contract()
    faults = [
        f"{path.stem}: {fault}"
        for path in stored()
        for fault in compare(msgspec.json.decode(path.read_bytes()), now)
    ]
    sys.stdout.write("".join(f"{fault}\n" for fault in faults))
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
