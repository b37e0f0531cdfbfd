"""Finds the examples of the OpenRPC document: each method's first successful call in a scenario.

The tests replay the conversations in tests/scenarios, so that no example can become wrong. A value
that differs each time is "…" there; here a value that its schema allows replaces it. Of the program
only the OpenRPC document is used.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

ANY = "…"
_SIZED = re.compile(rf'"{ANY}\d+"')
_WHEN_MS = 1_767_225_600_000
_EPOCH = "since the Unix epoch"


def find(document: Schema, folder: Path) -> dict[str, Schema]:
    """Return an example of each method that is called successfully in a scenario, by name."""
    calls: dict[str, tuple[Any, Any]] = {}
    for scenario in sorted(folder.glob("*.txt")):
        for method, params, result in _calls(scenario.read_text(encoding="utf-8")):
            calls.setdefault(method, (params, result))
    found = {
        method["name"]: _example(method, *calls[method["name"]], document)
        for method in document["methods"]
        if method["name"] in calls
    }
    sent = _notifications(folder)
    for each in document["x-notifications"]["outgoing"]:
        if each["name"] in sent:
            params = _named(sent[each["name"]], each, document)
            found[each["name"]] = {"name": each["name"], "params": params}
    return found


def _notifications(folder: Path) -> dict[str, Any]:
    """Return the params of the first notification of each name in the scenarios."""
    sent: dict[str, Any] = {}
    for scenario in sorted(folder.glob("*.txt")):
        for line in scenario.read_text(encoding="utf-8").splitlines():
            message = _message(line[2:]) if line.startswith("< ") else None
            if message is not None and "method" in message:
                sent.setdefault(message["method"], message["params"])
    return sent


def _named(params: dict[str, Any], described: Schema, document: Schema) -> list[Schema]:
    """Return params as OpenRPC examples, with the placeholders in them replaced."""
    schemas = {each["name"]: each["schema"] for each in described["params"]}
    filled = Filler(document["components"]["schemas"])
    return [
        {"name": name, "value": filled.value(value, schemas[name])}
        for name, value in params.items()
    ]


def _calls(text: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield method, params and result of every call that succeeds, in the order of the answers."""
    asked: dict[str, tuple[str, Any]] = {}
    for line in text.splitlines():
        mark, _, rest = line.partition(" ")
        message = _message(rest) if mark in (">", ">>", "<") else None
        if message is None or "id" not in message:
            continue
        key = json.dumps(message["id"])
        if mark == "<" and "result" in message and key in asked:
            yield (*asked[key], message["result"])
        elif mark != "<" and isinstance(message.get("method"), str):
            asked[key] = (message["method"], message.get("params") or {})


def _message(text: str) -> dict[str, Any] | None:
    """Return a single message; None for a batch, bad input or a text that the test fills in."""
    if _SIZED.search(text):
        return None
    try:
        message = json.loads(text)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _example(method: Schema, params: Any, result: Any, document: Schema) -> Schema:
    """Return an OpenRPC example pairing; params by position get their names."""
    if isinstance(params, list):
        params = dict(zip((each["name"] for each in method["params"]), params, strict=False))
    filled = Filler(document["components"]["schemas"])
    answer = method["result"]
    return {
        "name": method["name"],
        "params": _named(params, method, document),
        "result": {"name": answer["name"], "value": filled.value(result, answer["schema"])},
    }


class Filler:
    """Replaces the placeholders of values that differ each time."""

    def __init__(self, components: dict[str, Schema]) -> None:
        """Use these schemas to resolve references."""
        self._components = components

    def value(self, value: Any, schema: Schema) -> Any:
        """Return the value with every placeholder in it replaced."""
        if isinstance(value, str) and value.startswith(ANY):
            return self._make(schema)
        schema = self._plain(schema)
        if isinstance(value, dict):
            fields = schema.get("properties", {})
            others = schema.get("additionalProperties", {})
            others = others if isinstance(others, dict) else {}
            return {key: self.value(each, fields.get(key, others)) for key, each in value.items()}
        if isinstance(value, list):
            return [self.value(each, schema.get("items", {})) for each in value]
        return value

    def _plain(self, schema: Schema) -> Schema:
        """Return the schema that a reference names, or the first alternative that is not null."""
        while "$ref" in schema or "anyOf" in schema:
            if "$ref" in schema:
                schema = self._components[schema["$ref"].rpartition("/")[2]]
            else:
                schema = next(each for each in schema["anyOf"] if each != {"type": "null"})
        return schema

    def _make(self, schema: Schema) -> Any:
        """Return a value that a schema allows."""
        schema = self._plain(schema)
        if "enum" in schema:
            return schema["enum"][0]
        match schema.get("type"):
            case "integer":
                is_time = _EPOCH in schema.get("description", "")
                return _WHEN_MS if is_time else max(1, schema.get("minimum", 1))
            case "number":
                return 0.5
            case "boolean":
                return True
            case "array":
                return []
            case "object":
                fields = schema.get("properties", {})
                return {name: self._make(fields[name]) for name in schema.get("required", ())}
        return ANY
