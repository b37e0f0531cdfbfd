"""Two documents are compared step by step, whatever tool wrote them."""

import copy
import json
import time
from typing import Any

import pytest
from hypothesis import given

from sidecar import limits
from sidecar.bodies import difference
from sidecar.bodies.difference import Changed, Difference, Field, Renamed
from sidecar.bodies.tools.table import recognise
from sidecar.bodies.tools.tool import Link, Step
from tests.bodies import made_documents as made
from tests.bodies.test_text import JSON

NOTHING = Difference("", [], [], [], [], [], [], [], [], canvas=False)


def compare(before: Any, after: Any) -> Difference:
    """Compare two documents; the tool is that of the second one."""
    found = difference.compare(before, after)
    assert found.tool == recognise(after).name
    return found._replace(tool="")


def changed(document: Any, *path: Any, to: Any) -> Any:
    """Return a copy of a document with one value changed."""
    result = copy.deepcopy(document)
    place = result
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return result


def step_of(document: Any, step_id: str) -> Step:
    """Return a step of a document."""
    return next(step for step in recognise(document).steps(document) if step.id == step_id)


NODE = ("data", "nodes", 0, "data", "node")
LOGIC_ACTIONS = ("definition", "actions")

SETTINGS: list[tuple[Any, tuple[Any, ...], tuple[str, str], Field]] = [
    (
        made.N8N,
        ("nodes", 1, "parameters", "url"),
        ("2", "Ask"),
        Field("url", '"https://example.com"', '"new"'),
    ),
    (
        made.N8N,
        ("nodes", 1, "type"),
        ("2", "Ask"),
        Field("type", '"n8n-nodes-base.httpRequest"', '"new"'),
    ),
    (made.N8N, ("nodes", 0, "disabled"), ("1", "Hook"), Field("disabled", None, '"new"')),
    (made.NODE_RED, (2, "url"), ("2", "http request"), Field("url", '"u"', '"new"')),
    (
        made.FLOWISE,
        ("nodes", 0, "data", "inputs", "modelName"),
        ("llm_0", "Chat Model"),
        Field("modelName", '"m"', '"new"'),
    ),
    (
        made.FLOWISE,
        ("nodes", 0, "data", "outputs"),
        ("llm_0", "Chat Model"),
        Field("outputs", None, '"new"'),
    ),
    (
        made.LANGFLOW,
        (*NODE, "template", "template", "value"),
        ("Prompt-1", "Question"),
        Field("template", '"Answer {q}"', '"new"'),
    ),
    (
        made.LANGFLOW,
        (*NODE, "template", "template", "info"),
        ("Prompt-1", "Question"),
        Field("template.info", '"help"', '"new"'),
    ),
    (
        made.SIM,
        ("state", "blocks", "b", "subBlocks", "prompt", "value"),
        ("b", "Agent"),
        Field("prompt", '"Be kind."', '"new"'),
    ),
    (
        made.COMFYUI,
        ("nodes", 1, "widgets_values", "seed"),
        ("2", "Sample"),
        Field("seed", "7", '"new"'),
    ),
    (made.COMFYUI_API, ("3", "inputs", "seed"), ("3", "Sample"), Field("seed", "7", '"new"')),
    (
        made.DIFY,
        ("workflow", "graph", "nodes", 1, "data", "prompt"),
        ("2", "Translate"),
        Field("prompt", '"Into French: {text}"', '"new"'),
    ),
    (
        made.STEP_FUNCTIONS,
        ("States", "Each order", "ItemProcessor", "States", "Ship", "Resource"),
        ("Ship", "Ship"),
        Field("Resource", '"arn"', '"new"'),
    ),
    (
        made.LOGIC_APPS,
        (*LOGIC_ACTIONS, "Over", "actions", "Terminate_quota", "inputs"),
        ("Terminate_quota", "Terminate_quota"),
        Field("inputs", None, '"new"'),
    ),
    (made.REACT_FLOW, ("nodes", 1, "data", "note"), ("2", "End"), Field("note", '"last"', '"new"')),
]


@pytest.mark.parametrize(("document", "path", "step", "field"), SETTINGS)
def test_a_changed_setting_is_told_with_both_values(
    document: Any, path: tuple[Any, ...], step: tuple[str, str], field: Field
) -> None:
    expected = NOTHING._replace(changed=[Changed(*step, [field])])

    assert compare(document, changed(document, *path, to="new")) == expected


def renamed_text(document: Any, old: str, new: str) -> Any:
    """Return the document with every string and key that is a name replaced, as a tool does it."""
    return json.loads(json.dumps(document).replace(f'"{old}"', f'"{new}"'))


RENAMED: list[tuple[Any, str, Renamed]] = [
    (made.N8N, "Hook", Renamed("1", "Hook", "Better")),
    (made.N8N_PART, "Fetch", Renamed("2", "Fetch", "Better")),
    (made.N8N_WITHOUT_IDS, "Hook", Renamed("Better", "Hook", "Better")),
    (made.NODE_RED, "Nightly", Renamed("1", "Nightly", "Better")),
    (made.FLOWISE, "Chat Model", Renamed("llm_0", "Chat Model", "Better")),
    (made.LANGFLOW, "Question", Renamed("Prompt-1", "Question", "Better")),
    (made.SIM, "Agent", Renamed("b", "Agent", "Better")),
    (made.COMFYUI, "Sample", Renamed("2", "Sample", "Better")),
    (made.COMFYUI_API, "Sample", Renamed("3", "Sample", "Better")),
    (made.DIFY, "Start", Renamed("1", "Start", "Better")),
    (made.STEP_FUNCTIONS, "Done", Renamed("Better", "Done", "Better")),
    (made.STEP_FUNCTIONS, "Ship", Renamed("Better", "Ship", "Better")),
    (made.LOGIC_APPS, "Get_quota", Renamed("Better", "Get_quota", "Better")),
    (made.LOGIC_APPS, "Post_summary", Renamed("Better", "Post_summary", "Better")),
    (made.REACT_FLOW, "Begin", Renamed("1", "Begin", "Better")),
]


@pytest.mark.parametrize(("document", "name", "expected"), RENAMED)
def test_a_renamed_step_is_told_as_that_and_not_as_other_links(
    document: Any, name: str, expected: Renamed
) -> None:
    found = compare(document, renamed_text(document, name, "Better"))

    assert found == NOTHING._replace(renamed=[expected])


@pytest.mark.parametrize("unnamed", [{"name": ""}, {}])
def test_the_first_name_of_a_step_is_told_as_a_new_name_only(unnamed: dict[str, str]) -> None:
    step = {"id": "1", "type": "debug", "wires": []}
    before, after = [{**step, **unnamed}], [{**step, "name": "Seen"}]

    assert compare(before, after) == NOTHING._replace(renamed=[Renamed("1", "debug", "Seen")])
    assert compare(after, before) == NOTHING._replace(renamed=[Renamed("1", "Seen", "debug")])


PLACES: list[tuple[Any, tuple[Any, ...], str]] = [
    (made.N8N, ("nodes", 1, "position"), "2"),
    (made.NODE_RED, (1, "x"), "1"),
    (made.FLOWISE, ("nodes", 0, "position", "x"), "llm_0"),
    (made.SIM, ("state", "blocks", "a", "position"), "a"),
    (made.COMFYUI, ("nodes", 0, "pos"), "1"),
    (made.COMFYUI_PART, ("nodes", 0, "order"), "1"),
    (made.COMFYUI_PART, ("nodes", 0, "size"), "1"),
    (made.REACT_FLOW, ("nodes", 0, "selected"), "1"),
    (made.REACT_FLOW, ("nodes", 0, "data", "selected"), "1"),
]


@pytest.mark.parametrize(("document", "path", "step_id"), PLACES)
def test_a_step_with_another_place_is_moved_and_nothing_else(
    document: Any, path: tuple[Any, ...], step_id: str
) -> None:
    after = changed(document, *path, to=[5, 5])
    found = compare(document, after)

    assert found == NOTHING._replace(moved=[step_of(after, step_id)])
    assert found.is_layout_only()


def test_the_shown_part_of_the_canvas_is_layout() -> None:
    found = compare(made.REACT_FLOW, {**made.REACT_FLOW, "viewport": {"x": 1}})

    assert found == NOTHING._replace(canvas=True)
    assert found.is_layout_only()
    assert not NOTHING.is_layout_only()


LINKS: list[tuple[Any, tuple[Any, ...], Any, Link]] = [
    (made.N8N, ("connections",), {}, Link("1", "2", "main 0")),
    (made.NODE_RED, (1, "wires"), [[]], Link("1", "2", "0")),
    (made.FLOWISE, ("edges",), [], Link("llm_0", "chain_0", "o > i")),
    (made.LANGFLOW, ("data", "edges"), [], Link("Prompt-1", "note-1")),
    (made.SIM, ("state", "edges"), [], Link("a", "b", "source")),
    (made.COMFYUI, ("links",), [], Link("1", "2", "0 > 1")),
    (made.DIFY, ("workflow", "graph", "edges"), [], Link("1", "2")),
    (
        made.LOGIC_APPS,
        (*LOGIC_ACTIONS, "Over", "runAfter"),
        {},
        Link("Get_quota", "Over", "Succeeded"),
    ),
]


@pytest.mark.parametrize(("document", "path", "without", "link"), LINKS)
def test_links_that_came_and_went_are_told_as_links(
    document: Any, path: tuple[Any, ...], without: Any, link: Link
) -> None:
    after = changed(document, *path, to=without)

    assert compare(document, after) == NOTHING._replace(unlinked=[link])
    assert compare(after, document) == NOTHING._replace(linked=[link])


def test_an_edge_that_differs_in_more_than_its_ends_is_told() -> None:
    after = changed(made.REACT_FLOW, "edges", 0, "label", to="then")

    assert [field.name for field in compare(made.REACT_FLOW, after).outside] == ["edges"]


def test_steps_that_came_and_went_are_told_whole() -> None:
    after = changed(made.REACT_FLOW, "nodes", to=made.REACT_FLOW["nodes"][:1])
    step = step_of(made.REACT_FLOW, "2")

    assert compare(made.REACT_FLOW, after) == NOTHING._replace(removed=[step])
    assert compare(after, made.REACT_FLOW) == NOTHING._replace(added=[step])


def test_a_step_with_another_id_and_the_same_content_is_the_same_step() -> None:
    after = changed(made.REACT_FLOW, "nodes", 1, "id", to="9")
    after["edges"][0]["target"] = "9"

    found = compare(made.REACT_FLOW, after)
    assert found.changed == [Changed("9", "End", [Field("id", '"2"', '"9"')])]
    assert found._replace(changed=[], outside=[]) == NOTHING


def test_changed_members_outside_the_steps_are_named() -> None:
    after = changed(made.N8N, "settings", to={"timezone": "UTC"})

    assert compare(made.N8N, after).outside == [Field("settings", None, '{"timezone":"UTC"}')]


def test_steps_with_the_same_id_are_distinguished() -> None:
    twice = [{"id": "a", "v": 1}, {"id": "a", "v": 2}]

    assert [step.settings for step in compare(twice[:1], twice).added] == [{"v": 2}]


def test_bodies_of_no_known_shape_differ_as_a_whole() -> None:
    assert compare({"a": {"b": 1}}, {"a": {"b": 2}}).outside == [Field("a.b", "1", "2")]
    assert compare(1, 2).outside == [Field("*", "1", "2")]
    assert compare([1], [2]).outside == [Field("*", "[1]", "[2]")]


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
def test_changes_in_the_place_of_steps_are_reported(
    before: Any, after: Any, expected: list[str]
) -> None:
    found = compare(before, after)

    assert [field.name for field in found.outside] == expected
    assert found._replace(outside=[]) == NOTHING


def test_a_long_value_is_cut() -> None:
    (field,) = compare({"a": "x"}, {"a": "y" * 2000}).outside

    assert field == Field("a", '"x"', '"' + "y" * (limits.DIFF_VALUE_MAX_CHARS - 1) + "\u2026")


def test_fields_beyond_the_limit_are_reported_as_more() -> None:
    before = [{"id": "a", **{f"f{number:03}": 1 for number in range(limits.DIFF_FIELDS_MAX + 1)}}]
    after = [{"id": "a"}]

    (expected,) = compare(before, after).changed
    assert len(expected.fields) == limits.DIFF_FIELDS_MAX + 1
    assert expected.fields[-2:] == [Field("f099", "1"), Field("*")]


def test_ten_thousand_nodes_of_one_id_take_no_longer_than_others() -> None:
    many = [{"id": "a", "p": number} for number in range(10_000)]
    began_s = time.process_time()

    assert compare(many, [{**node, "p": -1} for node in many]).changed[-1].id == "a#10000"
    assert time.process_time() - began_s < 2  # 10 s when each was counted from the first


@given(before=JSON, after=JSON)
def test_bodies_that_differ_have_a_difference(before: Any, after: Any) -> None:
    spelled = [json.dumps(body, sort_keys=True) for body in (before, after)]

    # NaN is no JSON.
    assert any("NaN" in text or "Infinity" in text for text in spelled) or (
        compare(before, after) == NOTHING
    ) == (spelled[0] == spelled[1])


@given(body=JSON)
def test_a_body_does_not_differ_from_itself(body: Any) -> None:
    if body == copy.deepcopy(body):  # NaN differs from itself
        assert compare(body, copy.deepcopy(body)) == NOTHING
