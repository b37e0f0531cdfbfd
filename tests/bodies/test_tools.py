"""Tests of what the program knows of the tools whose documents it keeps."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.bodies.tools.table import TOOLS, recognise
from sidecar.bodies.tools.tool import Link, Step, Title
from tests.bodies import made_documents as made

KNOWN = [(name, document) for name, found in made.OF_TOOLS.items() for document in found]


@pytest.mark.parametrize(("name", "document"), KNOWN, ids=[name for name, _ in KNOWN])
def test_a_document_is_recognised_as_one_tool(name: str, document: Any) -> None:
    found = [tool.name for tool in TOOLS if tool.recognises(document)]

    assert recognise(document).name == name
    assert set(found) - {"react-flow"} == {name} - {"react-flow"}


@pytest.mark.parametrize("document", made.OF_NO_TOOL, ids=str)
def test_a_foreign_document_is_recognised_as_none(document: Any) -> None:
    assert recognise(document).name == "unknown"


def test_every_tool_has_a_made_document() -> None:
    assert {tool.name for tool in TOOLS} == set(made.OF_TOOLS)


TITLES: list[tuple[Any, Title]] = [
    (made.N8N, Title("Invoices", None, ("money", "daily"))),
    (made.NODE_RED, Title("Greenhouse", "Waters at night.")),
    (made.FLOWISE, Title(None, "Answers questions.")),
    (made.LANGFLOW, Title("Questions", "Builds prompts.", ("chat",))),
    (made.SIM, Title("Support", "Sorts mail.")),
    (made.SIM["state"], Title("Support", "Sorts mail.")),
    (made.COMFYUI, Title()),
    (made.DIFY, Title("Translate", "Into French.")),
    (made.STEP_FUNCTIONS, Title(None, "Ships orders.")),
    (made.LOGIC_APPS, Title()),
    (made.OF_TOOLS["logic-apps"][2], Title("Flow")),
    (made.REACT_FLOW, Title()),
    (made.MAKE, Title("Leads")),
    (made.ACTIVEPIECES, Title("Chain")),
    (made.WINDMILL, Title("Reminders")),
    (made.KESTRA, Title("nightly", "Loads orders.")),
]


@pytest.mark.parametrize(("document", "title"), TITLES)
def test_name_description_and_tags_are_read(document: Any, title: Title) -> None:
    assert recognise(document).title(document) == title


STEPS: dict[str, tuple[Any, list[tuple[str, str, str, dict[str, Any]]], list[Link]]] = {
    "n8n": (
        made.N8N,
        [
            ("1", "Hook", "n8n-nodes-base.webhook", {"path": "in"}),
            (
                "2",
                "Ask",
                "n8n-nodes-base.httpRequest",
                {"url": "https://example.com", "notes": "asks politely"},
            ),
        ],
        [Link("1", "2", "main 0")],
    ),
    "node-red": (
        made.NODE_RED,
        [
            ("t", "Greenhouse", "tab", {"info": "Waters at night."}),
            ("1", "Nightly", "inject", {}),
            ("2", "http request", "http request", {"url": "u"}),
        ],
        [Link("1", "2", "0")],
    ),
    "flowise": (
        made.FLOWISE,
        [
            ("llm_0", "Chat Model", "chatOpenAI", {"modelName": "m"}),
            ("chain_0", "Chain", "llmChain", {}),
        ],
        [Link("llm_0", "chain_0", "o > i")],
    ),
    "langflow": (
        made.LANGFLOW,
        [
            (
                "Prompt-1",
                "Question",
                "Prompt",
                {"template": "Answer {q}", "description": "Builds a prompt."},
            ),
            ("note-1", "noteNode", "noteNode", {"data": {"type": "note"}}),
        ],
        [Link("Prompt-1", "note-1")],
    ),
    "sim": (
        made.SIM,
        [
            ("a", "Start", "starter", {}),
            ("b", "Agent", "agent", {"prompt": "Be kind.", "enabled": False}),
        ],
        [Link("a", "b", "source")],
    ),
    "comfyui": (
        made.COMFYUI,
        [
            ("1", "CheckpointLoader", "CheckpointLoader", {"0": "model.safetensors"}),
            ("2", "Sample", "KSampler", {"seed": 7}),
        ],
        [Link("1", "2", "0 > 1")],
    ),
    "comfyui api": (
        made.COMFYUI_API,
        [
            ("3", "Sample", "KSampler", {"seed": 7}),
            ("4", "CheckpointLoader", "CheckpointLoader", {"name": "model.safetensors"}),
        ],
        [Link("4", "3", "0 > model")],
    ),
    "dify": (
        made.DIFY,
        [
            ("1", "Start", "start", {"type": "start", "title": "Start"}),
            (
                "2",
                "Translate",
                "llm",
                {"type": "llm", "title": "Translate", "prompt": "Into French: {text}"},
            ),
        ],
        [Link("1", "2")],
    ),
    "step-functions": (
        made.STEP_FUNCTIONS,
        [
            (
                "Each order",
                "Each order",
                "Map",
                {"ItemProcessor": {"StartAt": "Ship", "States": ["Ship"]}},
            ),
            ("Ship", "Ship", "Task", {"Resource": "arn"}),
            ("Paid?", "Paid?", "Choice", {}),
            ("Done", "Done", "Succeed", {}),
        ],
        [
            Link("Each order", "Paid?", "Next"),
            Link("Paid?", "Done", "Default"),
            Link("Paid?", "Done", "Choices"),
        ],
    ),
    "logic-apps": (
        made.LOGIC_APPS,
        [
            ("Recurrence", "Recurrence", "Recurrence", {"recurrence": {"frequency": "Day"}}),
            ("Get_quota", "Get_quota", "Http", {"inputs": {"uri": "u"}}),
            (
                "Over",
                "Over",
                "If",
                {
                    "expression": "e",
                    "actions": ["Terminate_quota"],
                    "else": {"actions": ["Post_summary"]},
                },
            ),
            ("Terminate_quota", "Terminate_quota", "Terminate", {}),
            ("Post_summary", "Post_summary", "Http", {}),
        ],
        [Link("Get_quota", "Over", "Succeeded")],
    ),
    "react-flow": (
        made.REACT_FLOW,
        [
            ("1", "Begin", "input", {"label": "Begin"}),
            ("2", "End", "", {"label": "End", "note": "last"}),
        ],
        [Link("1", "2")],
    ),
}


@pytest.mark.parametrize("shape", STEPS)
def test_steps_and_links_are_read(shape: str) -> None:
    document, expected, links = STEPS[shape]
    tool = recognise(document)
    steps = tool.steps(document)

    assert [(step.id, step.name, step.kind, step.settings) for step in steps] == expected
    assert tool.links(document, steps) == links


ATOMS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
WORDS = (
    "nodes edges data node template blocks state subBlocks id type name connections wires links"
    " States StartAt actions definition tasks $schema runAfter Next Choices Branches class_type"
    " inputs flow app"
)
KEYS = st.sampled_from(WORDS.split())
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def strings(value: Any) -> list[str]:
    """Return all strings and keys within a value, sorted."""
    if isinstance(value, dict):
        inner = [each for key, member in value.items() for each in [key, *strings(member)]]
    elif isinstance(value, list):
        inner = [each for member in value for each in strings(member)]
    else:
        inner = [value] if isinstance(value, str) else []
    return sorted(inner)


CONTAINERS = {"nodes", "blocks", "state", "data", "workflow", "graph", "flows", "steps", "flow"}
"""Members that may go with the steps that they hold."""


def assert_all_is_read(document: Any) -> None:
    """Assert that no tool fails on a document, and that steps and the rest have all its texts."""
    tool = recognise(document)
    steps: list[Step] = tool.steps(document)
    tool.title(document)
    tool.links(document, steps)
    found = {
        *strings(tool.rest(document)),
        *(each for step in steps for each in [step.id, *strings(step.entry)]),
    }
    gone = set(strings(document)) - found
    assert gone <= CONTAINERS


@given(VALUES)
def test_no_value_of_any_shape_fails_or_loses_text(document: Any) -> None:
    assert_all_is_read(document)
    for tool in TOOLS:
        tool.recognises(document)
        tool.title(document)


@pytest.mark.parametrize("document", [document for _, document in KNOWN])
def test_steps_and_rest_have_all_that_a_document_has(document: Any) -> None:
    assert_all_is_read(document)
