"""Tests of the contract's examples: every method has one, which is valid for its schemas."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT: dict[str, Any] = json.loads((ROOT / "schema" / "openrpc.json").read_bytes())


def fits(value: Any, schema: dict[str, Any]) -> None:
    """Assert that a value is valid for a schema, which may refer to the document."""
    whole = {**schema, "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(whole).validate(value)


@pytest.mark.parametrize("method", DOCUMENT["methods"], ids=lambda method: str(method["name"]))
def test_each_method_has_an_example_that_fits_its_params_and_result(method: dict[str, Any]) -> None:
    schemas = {each["name"]: each["schema"] for each in method["params"]}
    required = {each["name"] for each in method["params"] if each["required"]}

    (example,) = method["examples"]

    assert set(example) == {"name", "params", "result"}
    given = {each["name"]: each["value"] for each in example["params"]}
    assert required <= given.keys() <= schemas.keys()
    for name, value in given.items():
        fits(value, schemas[name])
    assert example["result"]["name"] == method["result"]["name"]
    fits(example["result"]["value"], method["result"]["schema"])


def test_an_example_is_what_a_conversation_says() -> None:
    (delete,) = (method for method in DOCUMENT["methods"] if method["name"] == "settings.delete")

    assert delete["examples"] == [
        {
            "name": "settings.delete",
            "params": [{"name": "key", "value": "a"}],
            "result": {"name": "SettingsDeleteResult", "value": {"key": "a"}},
        }
    ]
