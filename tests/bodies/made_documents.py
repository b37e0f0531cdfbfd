"""Documents made by us in the shapes of the tools that are known, and some of no tool."""

from typing import Any, Final

N8N: Final[dict[str, Any]] = {
    "name": "Invoices",
    "tags": [{"id": "1", "name": "money"}, "daily"],
    "nodes": [
        {"id": "1", "name": "Hook", "type": "n8n-nodes-base.webhook", "parameters": {"path": "in"}},
        {"id": "2", "name": "Ask", "type": "n8n-nodes-base.httpRequest", "position": [1, 2],
         "parameters": {"url": "https://example.com"}, "notes": "asks politely"},
    ],
    "connections": {"Hook": {"main": [[{"node": "Ask", "type": "main", "index": 0}]]}},
}  # fmt: skip
NODE_RED: Final[list[dict[str, Any]]] = [
    {"id": "t", "type": "tab", "label": "Greenhouse", "info": "Waters at night."},
    {"id": "1", "type": "inject", "z": "t", "name": "Nightly", "x": 1, "y": 2, "wires": [["2"]]},
    {"id": "2", "type": "http request", "z": "t", "name": "", "url": "u", "wires": [[]]},
]
FLOWISE: Final[dict[str, Any]] = {
    "description": "Answers questions.",
    "nodes": [
        {"id": "llm_0", "type": "customNode", "position": {"x": 1}, "data": {
            "label": "Chat Model", "name": "chatOpenAI", "inputParams": [{"label": "Model Name"}],
            "inputs": {"modelName": "m", "empty": ""}}},
        {"id": "chain_0", "type": "customNode", "data": {
            "label": "Chain", "name": "llmChain", "inputAnchors": [], "inputs": {}}},
    ],
    "edges": [{"source": "llm_0", "target": "chain_0", "sourceHandle": "o", "targetHandle": "i"}],
}  # fmt: skip
LANGFLOW: Final[dict[str, Any]] = {
    "name": "Questions",
    "description": "Builds prompts.",
    "tags": ["chat"],
    "data": {
        "nodes": [
            {"id": "Prompt-1", "type": "genericNode", "data": {"type": "Prompt", "node": {
                "display_name": "Question", "description": "Builds a prompt.",
                "template": {"template": {"value": "Answer {q}", "info": "help"},
                             "t": {"value": ""}},
            }}},
            {"id": "note-1", "type": "noteNode", "data": {"type": "note"}},
        ],
        "edges": [{"source": "Prompt-1", "target": "note-1"}],
    },
}  # fmt: skip
SIM: Final[dict[str, Any]] = {
    "version": "1.0",
    "state": {
        "metadata": {"name": "Support", "description": "Sorts mail."},
        "blocks": {
            "a": {"id": "a", "name": "Start", "type": "starter", "subBlocks": {}, "position": {}},
            "b": {"id": "b", "name": "Agent", "type": "agent", "enabled": False,
                  "subBlocks": {"prompt": {"id": "prompt", "value": "Be kind."}}},
        },
        "edges": [{"source": "a", "target": "b", "sourceHandle": "source"}],
    },
}  # fmt: skip
COMFYUI: Final[dict[str, Any]] = {
    "last_node_id": 2,
    "nodes": [
        {
            "id": 1,
            "type": "CheckpointLoader",
            "pos": [0, 0],
            "widgets_values": ["model.safetensors"],
        },
        {"id": 2, "type": "KSampler", "title": "Sample", "widgets_values": {"seed": 7}},
    ],
    "links": [[9, 1, 0, 2, 1, "MODEL"]],
}
COMFYUI_PART: Final[dict[str, Any]] = {
    "nodes": [
        {"id": 1, "type": "KSampler", "pos": [0, 0], "size": [1, 1], "order": 0,
         "widgets_values": [7]},
    ],
}  # fmt: skip
N8N_WITHOUT_IDS: Final[dict[str, Any]] = {
    **N8N,
    "nodes": [{key: node[key] for key in node if key != "id"} for node in N8N["nodes"]],
}
"""As n8n wrote its documents until 2022: nodes are known by their names alone."""
N8N_PART: Final[dict[str, Any]] = {
    "nodes": [{"id": "1", "name": "Start"}, {"id": "2", "name": "Fetch"}],
    "connections": {"Start": {"main": [[{"node": "Fetch", "index": 0}]]}, "Fetch": {"main": [[]]}},
}
COMFYUI_API: Final[dict[str, Any]] = {
    "3": {"class_type": "KSampler", "inputs": {"seed": 7, "model": ["4", 0]},
          "_meta": {"title": "Sample"}},
    "4": {"class_type": "CheckpointLoader", "inputs": {"name": "model.safetensors"}},
}  # fmt: skip
DIFY: Final[dict[str, Any]] = {
    "kind": "app",
    "version": "0.3.0",
    "app": {"mode": "workflow", "name": "Translate", "description": "Into French."},
    "workflow": {
        "graph": {
            "nodes": [
                {"id": "1", "type": "custom", "data": {"type": "start", "title": "Start"}},
                {"id": "2", "type": "custom", "data": {"type": "llm", "title": "Translate",
                                                       "prompt": "Into French: {text}"}},
            ],
            "edges": [{"source": "1", "target": "2"}],
        }
    },
}  # fmt: skip
STEP_FUNCTIONS: Final[dict[str, Any]] = {
    "Comment": "Ships orders.",
    "StartAt": "Each order",
    "States": {
        "Each order": {"Type": "Map", "Next": "Paid?", "ItemProcessor": {
            "StartAt": "Ship", "States": {"Ship": {"Type": "Task", "Resource": "arn"}}}},
        "Paid?": {"Type": "Choice", "Choices": [{"Variable": "$.paid", "Next": "Done"}],
                  "Default": "Done"},
        "Done": {"Type": "Succeed"},
    },
}  # fmt: skip
LOGIC_APPS: Final[dict[str, Any]] = {
    "definition": {
        "$schema": "https://schema.management.azure.com/schemas/2016-06-01/workflowdefinition.json#",
        "triggers": {"Recurrence": {"type": "Recurrence", "recurrence": {"frequency": "Day"}}},
        "actions": {
            "Get_quota": {"type": "Http", "inputs": {"uri": "u"}, "runAfter": {}},
            "Over": {"type": "If", "expression": "e", "runAfter": {"Get_quota": ["Succeeded"]},
                     "actions": {"Terminate_quota": {"type": "Terminate"}},
                     "else": {"actions": {"Post_summary": {"type": "Http"}}}},
        },
    }
}  # fmt: skip
REACT_FLOW: Final[dict[str, Any]] = {
    "nodes": [
        {"id": "1", "type": "input", "position": {"x": 0, "y": 0}, "data": {"label": "Begin"}},
        {"id": "2", "position": {"x": 0, "y": 9}, "data": {"label": "End", "note": "last"}},
    ],
    "edges": [{"id": "e", "source": "1", "target": "2"}],
}
MAKE: Final[dict[str, Any]] = {
    "name": "Leads",
    "flow": [{"id": 1, "module": "google-sheets:watchRows"}],
}
ACTIVEPIECES: Final[dict[str, Any]] = {
    "name": "template",
    "template": {"displayName": "Chain", "trigger": {"type": "PIECE_TRIGGER", "name": "trigger"}},
}
WINDMILL: Final[dict[str, Any]] = {
    "summary": "Reminders",
    "value": {"modules": [{"id": "a", "value": {}}]},
}
KESTRA: Final[dict[str, Any]] = {
    "id": "nightly", "namespace": "company.team", "description": "Loads orders.",
    "tasks": [{"id": "load_orders", "type": "io.kestra.plugin.core.log.Log"}],
}  # fmt: skip

OF_TOOLS: Final[dict[str, list[Any]]] = {
    "n8n": [N8N, {"nodes": [], "connections": {}}],
    "node-red": [NODE_RED, [{"id": "1", "type": "debug", "wires": []}]],
    "flowise": [FLOWISE],
    "langflow": [LANGFLOW],
    "sim": [SIM, SIM["state"], {"blocks": {}, "edges": []}],
    "comfyui": [COMFYUI, COMFYUI_PART, COMFYUI_API, {"nodes": [], "links": [], "state": {}}],
    "dify": [DIFY],
    "step-functions": [STEP_FUNCTIONS],
    "logic-apps": [
        LOGIC_APPS,
        LOGIC_APPS["definition"],
        {"name": "f", "properties": {"displayName": "Flow", **LOGIC_APPS}},
    ],
    "react-flow": [REACT_FLOW, {"nodes": [], "edges": []}],
    "make": [MAKE],
    "activepieces": [ACTIVEPIECES, {"displayName": "c", "trigger": {"type": "EMPTY"}}],
    "windmill": [WINDMILL],
    "kestra": [KESTRA],
}
"""Documents by the tool that they are recognised as."""

OF_NO_TOOL: Final[list[Any]] = [
    {"name": "package", "version": "1.0.0", "dependencies": {"react": "18"}},
    {"compilerOptions": {"strict": True}, "include": ["src"]},
    {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": None}]},
    {"openapi": "3.1.0", "info": {"title": "API"}, "paths": {}},
    {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"},
    [{"id": 1, "title": "row"}, {"id": 2, "title": "row"}],
    {"nodes": [{"id": 1}], "connections": []},
    {"nodes": [{"type": "a", "pos": [0, 0]}]},
    {"flow": [{"module": "plain"}]},
    {"kind": "Deployment", "apiVersion": "v1"},
    {"definition": {"actions": {"a": {"type": "Http"}}}},
    {},
    [],
    "text",
    7,
    None,
]
"""Documents that no tool must claim."""
