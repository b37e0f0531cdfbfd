"""The graph of a workflow is what its tool's module reads from the body."""

import json

import pytest

from sidecar.inspector import graphs
from sidecar.inspector.graphs import GraphLink, GraphStep
from sidecar.limits import inspector as limits
from tests.inspector.sample_database import WORKFLOWS, branching


@pytest.mark.parametrize(
    ("file", "tool", "steps", "links"),
    [
        ("1-invoices", "n8n", 3, 2),
        ("2-greenhouse", "node-red", 3, 2),
        ("3-support", "react-flow", 3, 2),
        ("4-summary", "langflow", 2, 1),
        ("5-leads", "sim", 3, 2),
        ("6-reminders", "unknown", 3, 0),
    ],
)
def test_documents_of_every_kind_have_their_steps_and_links(
    file: str, tool: str, steps: int, links: int
) -> None:
    workflow = json.loads((WORKFLOWS / f"{file}.json").read_text("utf-8"))
    found = graphs.read(json.dumps(workflow["data"]).encode())

    assert (found.tool, len(found.steps), len(found.links)) == (tool, steps, links)
    assert all(step.name for step in found.steps)


def test_a_link_to_a_step_that_is_not_there_is_left_out() -> None:
    body = {
        "nodes": [{"id": "a", "data": {"label": "A"}}, {"id": "b", "data": {}}],
        "edges": [
            {"source": "a", "target": "b"},
            {"source": "a", "target": "b"},
            {"source": "a", "target": "gone"},
        ],
    }
    found = graphs.read(json.dumps(body).encode())

    assert found.steps == [GraphStep("a", "A", ""), GraphStep("b", "", "")]
    assert found.links == [GraphLink("a", "b", "")]


@pytest.mark.parametrize("body", [b"null", b"[]", b"{}", b"3", b'"text"', b"no json", b"[1e999]"])
def test_a_body_without_steps_has_an_empty_graph(body: bytes) -> None:
    found = graphs.read(body)

    assert (found.steps, found.links, found.steps_total) == ([], [], 0)


def test_of_very_many_steps_the_first_are_drawn() -> None:
    found = graphs.read(json.dumps(branching(limits.STEPS_DRAWN + 50)).encode())

    assert (len(found.steps), found.steps_total) == (limits.STEPS_DRAWN, limits.STEPS_DRAWN + 50)
    assert len(found.links) == limits.STEPS_DRAWN - 1
