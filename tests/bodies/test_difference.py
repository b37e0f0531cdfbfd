"""Two bodies are compared by node and by setting, whatever tool wrote them."""

import copy
import json
import time
from typing import Any

import pytest
from hypothesis import assume, given

from sidecar import limits
from sidecar.bodies.difference import Changed, Difference, compare
from sidecar.bodies.nodes import MOVED
from tests.bodies.test_nodes import FLOWISE, LANGFLOW, N8N, NODE_RED, SIM
from tests.bodies.test_text import JSON

NOTHING = Difference([], [], [], [])


def changed(body: Any, *path: Any, to: Any) -> Any:
    """Return a copy of a body with one value changed."""
    result = copy.deepcopy(body)
    place = result
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return result


@pytest.mark.parametrize(
    ("body", "path", "expected"),
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
def test_a_changed_setting_is_reported_by_name_in_every_shape(
    body: Any, path: tuple[Any, ...], expected: Changed
) -> None:
    assert compare(body, changed(body, *path, to="other")) == NOTHING._replace(changed=[expected])


def test_a_renamed_node_has_a_new_name_and_is_the_same_node() -> None:
    renamed = changed(N8N, "nodes", 0, "name", to="Beg")

    assert compare(N8N, renamed).changed == [Changed("1", "Beg", ["name"])]


def test_a_node_that_was_only_moved_has_not_changed() -> None:
    assert compare(N8N, changed(N8N, "nodes", 0, "position", to=[5, 5])) == NOTHING
    assert compare(NODE_RED, changed(NODE_RED, 0, "x", to=99)) == NOTHING


def test_changed_members_outside_the_nodes_are_named() -> None:
    assert compare(N8N, changed(N8N, "name", to="x")).outside == ["name"]
    assert compare(N8N, changed(N8N, "connections", to={"a": 1})).outside == ["connections.a"]


def test_nodes_with_the_same_id_are_distinguished() -> None:
    twice = [{"id": "a", "v": 1}, {"id": "a", "v": 2}]

    assert compare(twice[:1], twice).added == [Changed("a#2", "", [])]


def test_bodies_of_no_known_shape_differ_as_a_whole() -> None:
    assert compare({"a": {"b": 1}}, {"a": {"b": 2}}).outside == ["a.b"]
    assert compare(1, 2).outside == ["*"]
    assert compare([1], [2]).outside == ["*"]


REWIRED = changed(NODE_RED, 0, "wires", to=[["other"]])
"""Node-RED has the connections of a node in its member `wires`."""


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (NODE_RED, REWIRED, [Changed("1", "Ask", ["wires"])]),
        (NODE_RED, changed(NODE_RED, 0, "z", to="tab 2"), [Changed("1", "Ask", ["z"])]),
        (
            FLOWISE,
            changed(FLOWISE, "nodes", 0, "data", "outputs", to={"output": "chain"}),
            [Changed("llm_0", "Chat Model", ["outputs"])],
        ),
        (
            LANGFLOW,
            changed(
                LANGFLOW,
                *("data", "nodes", 0, "data", "node", "template", "template", "advanced"),
                to=True,
            ),
            [Changed("Prompt-1", "Question", ["template.advanced"])],
        ),
        (
            SIM,
            changed(SIM, "state", "blocks", "b1", "triggerMode", to=True),
            [Changed("b1", "Writer", ["triggerMode"])],
        ),
    ],
)
def test_changes_other_than_settings_and_positions_are_reported_too(
    before: Any, after: Any, expected: list[Changed]
) -> None:
    assert compare(before, after) == NOTHING._replace(changed=expected)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"nodes": ["a", "b"]}, {"nodes": ["a", "c"]}, ["nodes"]),
        ({"a": 1}, {"a": True}, ["a"]),
        ({"a": 1.0}, {"a": 1}, ["a"]),
        ({"x": 1, "a": {"b": None, "c": 1}}, {"x": 1, "a": {"c": 1}}, ["a.b"]),
        ({"blocks": {"a": 1}, "nodes": [{"id": "n"}]}, {"blocks": {"a": 2}, "nodes": [{"id": "n"}]},
         ["blocks.a"]),
        ([{"id": "a"}, {"id": "b"}], [{"id": "b"}, {"id": "a"}], ["*"]),
        ([{"id": n} for n in range(10_001)], [{"id": n} for n in range(10_000)], ["*"]),
    ],
)  # fmt: skip
def test_changes_in_the_place_of_nodes_are_reported(
    before: Any, after: Any, expected: list[str]
) -> None:
    assert compare(before, after) == NOTHING._replace(outside=expected)


def test_nodes_can_have_a_number_as_id() -> None:
    nodes = [{"id": 1, "name": "n", "v": 1}, {"id": 2, "name": "n", "v": 2}]
    after = changed(nodes, 0, "v", to=9)

    assert compare(nodes, after[::-1]).changed == [Changed("1", "n", ["v"])]


def test_fields_beyond_the_limit_are_reported_as_more() -> None:
    before = [{"id": "a", **{f"f{number:03}": 1 for number in range(limits.DIFF_FIELDS_MAX + 1)}}]
    after = [{"id": "a"}]

    (expected,) = compare(before, after).changed
    assert (len(expected.fields), expected.fields[-2:]) == (
        limits.DIFF_FIELDS_MAX + 1,
        ["f099", "*"],
    )


def test_ten_thousand_nodes_of_one_id_take_no_longer_than_others() -> None:
    many = [{"id": "a", "p": number} for number in range(10_000)]
    began_s = time.process_time()

    assert compare(many, [{**node, "p": -1} for node in many]).changed[-1].id == "a#10000"
    assert time.process_time() - began_s < 2  # 10 s when each was counted from the first


@given(before=JSON, after=JSON)
def test_bodies_that_differ_have_a_difference(before: Any, after: Any) -> None:
    spelled = [json.dumps(body, sort_keys=True) for body in (before, after)]
    # NaN is not JSON, and a node that was only moved has not changed.
    assume(not any(f'"{name}"' in text for text in spelled for name in MOVED))
    assume(not any(name in text for text in spelled for name in ("NaN", "Infinity")))

    assert (compare(before, after) == NOTHING) == (spelled[0] == spelled[1])


@given(body=JSON)
def test_a_body_does_not_differ_from_itself(body: Any) -> None:
    if body == copy.deepcopy(body):  # NaN differs from itself
        assert compare(body, copy.deepcopy(body)) == NOTHING
