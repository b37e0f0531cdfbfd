"""Differences are told by node and by setting; what only moved has not changed."""

import copy
from typing import Any

import pytest
from hypothesis import given

from sidecar.bodies.difference import Changed, Difference, compare
from tests.bodies.test_nodes import FLOWISE, LANGFLOW, N8N, NODE_RED, SIM
from tests.bodies.test_text import JSON

NOTHING = Difference([], [], [], [])


def changed(body: Any, *path: Any, to: Any) -> Any:
    """A copy with one value at a path set."""
    result = copy.deepcopy(body)
    place = result
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return result


@pytest.mark.parametrize(
    ("body", "path", "told"),
    [
        (N8N, ("nodes", 0, "parameters", "url"), Changed("1", "Ask", ["url"])),
        (N8N, ("nodes", 0, "type"), Changed("1", "Ask", ["type"])),
        (NODE_RED, (0, "url"), Changed("1", "Ask", ["url"])),
        (
            FLOWISE,
            ("nodes", 0, "data", "inputs", "modelName"),
            Changed("llm_0", "Chat Model", ["modelName"]),
        ),
        (
            LANGFLOW,
            ("data", "nodes", 0, "data", "node", "template", "template", "value"),
            Changed("Prompt-1", "Question", ["template"]),
        ),
        (
            SIM,
            ("state", "blocks", "b1", "subBlocks", "prompt", "value"),
            Changed("b1", "Writer", ["prompt"]),
        ),
    ],
)
def test_a_setting_is_told_by_name_in_every_shape(
    body: Any, path: tuple[Any, ...], told: Changed
) -> None:
    assert compare(body, changed(body, *path, to="other")) == NOTHING._replace(changed=[told])


def test_a_renamed_node_has_a_new_name_and_is_the_same_node() -> None:
    renamed = changed(N8N, "nodes", 0, "name", to="Beg")

    assert compare(N8N, renamed).changed == [Changed("1", "Beg", ["name"])]


def test_what_only_moved_has_not_changed() -> None:
    assert compare(N8N, changed(N8N, "nodes", 0, "position", to=[5, 5])) == NOTHING
    assert compare(NODE_RED, changed(NODE_RED, 0, "x", to=99)) == NOTHING


def test_what_differs_beside_the_nodes_is_named() -> None:
    assert compare(N8N, changed(N8N, "name", to="x")).outside == ["name"]
    assert compare(N8N, changed(N8N, "connections", to={"a": 1})).outside == ["connections.a"]


def test_nodes_of_one_id_are_told_apart() -> None:
    twice = [{"id": "a", "v": 1}, {"id": "a", "v": 2}]

    assert compare(twice[:1], twice).added == [Changed("a#2", "", [])]


def test_bodies_of_no_known_shape_differ_as_a_whole() -> None:
    assert compare({"a": {"b": 1}}, {"a": {"b": 2}}).outside == ["a.b"]
    assert compare(1, 2).outside == ["*"]
    assert compare([1], [2]).outside == ["*"]


@given(body=JSON)
def test_a_body_does_not_differ_from_itself(body: Any) -> None:
    if body == copy.deepcopy(body):  # NaN differs from itself
        assert compare(body, copy.deepcopy(body)) == NOTHING
