"""The table of the tools whose documents are known, and the recognition of a document."""

from typing import Final

from sidecar.bodies.tools import (
    comfyui,
    dify,
    flowise,
    langflow,
    logic_apps,
    n8n,
    node_red,
    react_flow,
    recognised_only,
    sim,
    step_functions,
)
from sidecar.bodies.tools.tool import Json, Tool
from sidecar.bodies.tools.unknown import UNKNOWN

TOOLS: Final = (
    n8n.TOOL,
    node_red.TOOL,
    flowise.TOOL,
    langflow.TOOL,
    sim.TOOL,
    comfyui.TOOL,
    dify.TOOL,
    step_functions.TOOL,
    logic_apps.TOOL,
    *recognised_only.TOOLS,
    react_flow.TOOL,  # last, because others have its shape and more
)
"""The known tools; of those that recognise a document, the first counts."""


def recognise(document: Json) -> Tool:
    """Return the tool that a decoded document is from; `UNKNOWN` when no tool recognises it."""
    return next((tool for tool in TOOLS if tool.recognises(document)), UNKNOWN)
