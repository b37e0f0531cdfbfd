"""The envelopes of JSON-RPC: requests as they are sent, and the messages of a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from .contract import PROTOCOL_VERSION

Params = Mapping[str, Any]


def messages_of(line: bytes) -> list[dict[str, Any]]:
    """Return the messages of a line; a number that exceeds a float is rounded or infinite."""
    try:
        value: Any = json.loads(line, parse_int=_rounded)
    except (ValueError, RecursionError):  # not a line of the protocol
        return []
    members: Any = value if line.startswith(b"[") else [value]
    return [cast(dict[str, Any], each) for each in members if isinstance(each, dict)]


def incompatibility(offered: str) -> str | None:
    """Return the error for a protocol version with another major number."""
    if offered.partition(".")[0] == PROTOCOL_VERSION.partition(".")[0]:
        return None
    return f"The process speaks protocol {offered}, this client {PROTOCOL_VERSION}."


def _rounded(text: str) -> int | float:
    """Return an integer, as a float where Python does not convert so many digits."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def request(method: str, params: Params | None, request_id: int | None) -> dict[str, Any]:
    """Return a request, or a notification when the id is None."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if params is not None:
        message["params"] = params
    if request_id is not None:
        message["id"] = request_id
    return message
