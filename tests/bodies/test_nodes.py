"""Nodes are read from the bodies of five tools and from bodies of unknown shapes."""

from typing import Any

import pytest

from sidecar import limits
from sidecar.bodies.nodes import Node, find_nodes, rest_of

N8N = {
    "name": "Flow",
    "nodes": [
        {
            "id": "1",
            "name": "Ask",
            "type": "n8n-nodes-base.httpRequest",
            "typeVersion": 2,
            "position": [0, 0],
            "parameters": {"url": "https://example.com"},
            "notes": "asks politely",
        }
    ],
    "connections": {},
}
NODE_RED = [
    {"id": "1", "type": "http request", "z": "f", "name": "Ask", "x": 1, "y": 2, "url": "u"},
]
FLOWISE = {
    "nodes": [
        {
            "id": "llm_0",
            "type": "customNode",
            "position": {"x": 1},
            "data": {
                "label": "Chat Model",
                "name": "chatOpenAI",
                "type": "ChatOpenAI",
                "inputParams": [{"label": "Model Name"}],
                "inputs": {"modelName": "m", "empty": ""},
            },
        }
    ]
}
LANGFLOW = {
    "data": {
        "nodes": [
            {
                "id": "Prompt-1",
                "type": "genericNode",
                "data": {
                    "type": "Prompt",
                    "node": {
                        "display_name": "Question",
                        "description": "Builds a prompt.",
                        "template": {
                            "template": {"value": "Answer {q}", "info": "boilerplate"},
                            "tool": {"value": ""},
                        },
                    },
                },
            }
        ]
    }
}
SIM = {
    "state": {
        "blocks": {
            "b1": {
                "id": "b1",
                "type": "agent",
                "name": "Writer",
                "position": {"x": 1},
                "subBlocks": {"prompt": {"id": "prompt", "value": "Write"}, "off": {"value": None}},
            }
        }
    }
}


@pytest.mark.parametrize(
    ("body", "node"),
    [
        (
            N8N,
            Node(
                "1",
                "Ask",
                "n8n-nodes-base.httpRequest",
                {"url": "https://example.com", "typeVersion": 2, "notes": "asks politely"},
            ),
        ),
        (NODE_RED, Node("1", "Ask", "http request", {"url": "u"})),
        (FLOWISE, Node("llm_0", "Chat Model", "chatOpenAI", {"modelName": "m"})),
        (
            LANGFLOW,
            Node(
                "Prompt-1",
                "Question",
                "Prompt",
                {"template": "Answer {q}", "description": "Builds a prompt."},
            ),
        ),
        (SIM, Node("b1", "Writer", "agent", {"prompt": "Write"})),
        ({"blocks": {"b": {"kind": "k"}}}, Node("k", "k", "k", {})),
        ([{"title": "T", "deep": {"a": 1}}], Node("T", "T", "", {"deep": {"a": 1}})),
        ({"steps": [{}]}, Node("0", "", "", {})),
    ],
)
def test_a_node_is_read_in_the_shape_of_its_tool(body: Any, node: Node) -> None:
    assert find_nodes(body) == [node]


@pytest.mark.parametrize(
    "body", [None, 1, "x", [], {}, [1, 2], {"nodes": 5}, {"nodes": [1]}, {"data": {"nodes": {}}}]
)
def test_a_body_without_nodes_has_none(body: Any) -> None:
    assert find_nodes(body) == []


def test_no_more_nodes_are_read_than_the_limit() -> None:
    body = {"nodes": [{"id": str(number)} for number in range(limits.NODES_MAX + 5)]}

    assert len(find_nodes(body)) == limits.NODES_MAX


def test_the_rest_is_the_body_without_its_nodes() -> None:
    assert rest_of(N8N) == {"name": "Flow", "connections": {}}
    assert rest_of({**SIM, "version": "1"}) == {"state": {}, "version": "1"}
    assert rest_of([*NODE_RED, 1]) == [1]
    assert rest_of(5) == 5
    assert rest_of({"notes": "n"}) == {"notes": "n"}
