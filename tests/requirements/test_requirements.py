"""The list of requirements is closed both ways: nothing promised without proof, and back."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.requirements.requirements import NUMBERED, REQUIREMENTS

TESTS = Path(__file__).parents[1]
NAMING = re.compile(r"^test_(stdio|sqlite|security|stores|ecosystem|design_mistake)_(\d\d)_")
"""A test that begins so names the requirement it proves."""


@cache
def all_tests() -> Counter[str]:
    """Every test of the tree by name, state machines included."""
    return Counter(
        name
        for path in TESTS.rglob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        for name in _names(node)
    )


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
        return [node.name]
    if isinstance(node, ast.Assign):
        targets = (target for target in node.targets if isinstance(target, ast.Name))
        return [target.id for target in targets if target.id.startswith("Test")]
    return []


def number(requirement_id: str) -> tuple[str, str]:
    """Source and number of an id, without its variant."""
    prefix, _, rest = requirement_id.partition("-")
    return prefix, rest.partition(":")[0]


def test_ids_are_unique() -> None:
    ids = Counter(each.id for each in REQUIREMENTS)

    assert [name for name, count in ids.items() if count > 1] == []


def test_a_requirement_is_proven_or_owed_and_never_both() -> None:
    for each in REQUIREMENTS:
        assert bool(each.tests) != bool(each.owed_by), each
        assert each.text.endswith("."), each


def test_who_owes_it_is_named() -> None:
    for each in REQUIREMENTS:
        if each.owed_by is not None:
            assert re.fullmatch(r"later \([a-z, ]+\)", each.owed_by), each


def test_every_named_test_exists_once() -> None:
    """Once: a name that two files share would prove nothing about either."""
    named = {name for each in REQUIREMENTS for name in each.tests}

    assert {name: all_tests()[name] for name in named if all_tests()[name] != 1} == {}


def test_every_test_that_names_a_requirement_is_listed_by_it() -> None:
    listed = {(name, number(each.id)) for each in REQUIREMENTS for name in each.tests}
    for name in all_tests():
        found = NAMING.match(name)
        if found is not None:
            source = "mistake" if found[1] == "design_mistake" else found[1]
            assert (name, (source, found[2])) in listed, name


@pytest.mark.parametrize(("source", "count"), NUMBERED.items())
def test_every_number_of_a_source_is_there(source: str, count: int) -> None:
    there = {number(each.id)[1] for each in REQUIREMENTS if number(each.id)[0] == source}
    numbers = {each for each in there if each.isdecimal()}

    assert numbers == {f"{each:02}" for each in range(1, count + 1)}
