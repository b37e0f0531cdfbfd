"""Tests of the OpenRPC document: its form, and the corrections of msgspec's schemas."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any

import jsonschema  # type: ignore[import-untyped]
import msgspec
import pytest
from msgspec import Meta

import sidecar.handlers.every  # noqa: F401 -- importing it fills the catalog
from sidecar import describe, errors, limits
from sidecar.catalog import METHODS, Method, Params, Result
from sidecar.context import Context
from sidecar.error_data import STDERR_LINES, data_of
from sidecar.methods import METHOD_MODULES
from sidecar.notifications import NOTIFICATIONS
from sidecar.store import settings

METHOD_MEMBERS = {
    "name", "summary", "description", "tags", "paramStructure",
    "params", "result", "errors", "examples", "x-long",
    "x-rescue",
}  # fmt: skip


class Shared(msgspec.Struct, frozen=True):
    """A struct with a default.

    Its second paragraph.
    """

    count: int = 0


class ThingsMakeParams(Params, frozen=True):
    """Params."""

    name: Annotated[str, Meta(description="Its name.")]
    data: Annotated[msgspec.Raw, Meta(description="Any JSON.")]
    size: Annotated[int, Meta(description="How large.", le=9)] = 3


class ThingsMakeResult(Result, frozen=True):
    """What was made."""

    shared: Shared
    note: str | None = None


def make(_ctx: Context, params: ThingsMakeParams) -> ThingsMakeResult:
    """Make a thing,
    or two.

    With care.

    Raises:
        Conflict: it is there.
    """
    raise NotImplementedError


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object inside a document."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value:
        if isinstance(child, dict | list):
            yield from nodes(child)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Return the document of the program, as a client reads it."""
    loaded: dict[str, Any] = json.loads(describe.openrpc_json())
    return loaded


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """Return the document of the one method above."""
    method = Method("things.make", make, "read", (errors.Conflict,), long=True)
    return describe.openrpc([method], {}, errors.catalogue())


def test_a_method_is_described_by_its_docstring_and_types(described: dict[str, Any]) -> None:
    (method,) = described["methods"]
    refs = [each["$ref"].rpartition("/")[2] for each in method.pop("errors")]

    assert refs[0] == "Conflict"
    assert {"InvalidParams", "Internal", "Overloaded", "Cancelled", "DatabaseFull"} < set(refs)
    assert method == {
        "name": "things.make",
        "summary": "Make a thing, or two.",
        "description": "With care.",
        "tags": [{"name": "things"}],
        "paramStructure": "either",
        "params": [
            {
                "name": "name",
                "description": "Its name.",
                "required": True,
                "schema": {"type": "string"},
            },
            {"name": "data", "description": "Any JSON.", "required": True, "schema": {}},
            {
                "name": "size",
                "description": "How large.",
                "required": False,
                "schema": {
                    "anyOf": [
                        {"type": "integer", "minimum": -limits.SAFE_INTEGER_MAX, "maximum": 9},
                        {"type": "null"},
                    ],
                    "default": 3,
                },
            },
        ],
        "result": {
            "name": "ThingsMakeResult",
            "description": "What was made.",
            "schema": {"$ref": "#/components/schemas/ThingsMakeResult"},
        },
        "x-long": True,
    }


def test_only_what_few_rows_have_is_optional_in_results(document: dict[str, Any]) -> None:
    """A client that reads one as required fails on every row that has it not."""
    schemas = document["components"]["schemas"]
    sent = {each["result"]["name"] for each in document["methods"]} | {"WorkflowHeader", "Run"}
    optional = {
        field
        for name in sent & schemas.keys()
        for field in set(schemas[name]["properties"]) - set(schemas[name]["required"])
    }

    assert optional == {"damaged", "source", "source_id", "text_truncated"}


def test_results_require_all_fields_though_they_have_defaults(described: dict[str, Any]) -> None:
    """A field with a default is optional to msgspec, but it is always sent."""
    schemas = described["components"]["schemas"]
    others = {struct.__name__ for struct in (*STDERR_LINES, *map(data_of, errors.catalogue()))}
    structs = [name for name in schemas if "enum" not in schemas[name] and name not in others]

    assert structs == ["Shared", "ThingsMakeResult"]
    assert schemas["ThingsMakeResult"]["required"] == ["shared", "note"]
    assert schemas["Shared"] == {
        "title": "Shared",
        "description": "A struct with a default.\n\nIts second paragraph.",
        "type": "object",
        "properties": {
            "count": {
                "type": "integer",
                "minimum": -limits.SAFE_INTEGER_MAX,
                "maximum": limits.SAFE_INTEGER_MAX,
            }
        },
        "required": ["count"],
    }


def test_a_struct_with_defaults_cannot_serve_params_and_results() -> None:
    class ThingsKeepParams(Params, frozen=True):
        """Params."""

        shared: Shared

    class ThingsKeepResult(Result, frozen=True):
        """Result."""

        shared: Shared

    def keep(_ctx: Context, params: Any) -> Any:
        """Keep."""

    keep.__annotations__.update({"params": ThingsKeepParams, "return": ThingsKeepResult})
    method = Method("things.keep", keep, "none", (), long=False)

    with pytest.raises(TypeError, match="Shared"):
        describe.openrpc([method], {}, [])


def test_the_document_has_the_form_of_openrpc(document: dict[str, Any]) -> None:
    """The checks follow the meta-schema of OpenRPC 1.3.2, which allows no other members."""
    assert document["openrpc"] == "1.3.2"
    assert set(document["info"]) == {"title", "description", "version"}
    assert [each["name"] for each in document["methods"]] == list(METHOD_MODULES)
    for method in document["methods"]:
        assert set(method) <= METHOD_MEMBERS
        for content in [*method["params"], method["result"]]:
            assert (
                {"name", "schema"} <= set(content) <= {"name", "description", "required", "schema"}
            )
    for error in document["components"]["errors"].values():
        assert list(error) == ["code", "message", "data"]
    others = set(document) - {"openrpc", "info", "methods", "components"}
    assert all(name.startswith("x-") for name in others)


def test_a_method_declares_only_errors_that_no_group_of_methods_shares() -> None:
    twice = {
        name: [error for error, count in Counter(describe.errors_of(method)).items() if count > 1]
        for name, method in METHODS.items()
    }

    assert {name: found for name, found in twice.items() if found} == {}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    components = document["components"]
    for node in nodes(document):
        if "$ref" in node:
            _, _, kind, name = node["$ref"].split("/")
            assert name in components[kind]


def test_every_schema_is_a_json_schema(document: dict[str, Any]) -> None:
    found = list(document["components"]["schemas"].values())
    for method in document["methods"]:
        found += [each["schema"] for each in [*method["params"], method["result"]]]
    for schema in found:
        jsonschema.Draft202012Validator.check_schema(schema)


def test_integers_fit_javascript_and_no_field_is_one_of_several_types(
    document: dict[str, Any],
) -> None:
    """Clients in typed languages stay simple. The id of a request is the exception."""
    several = []
    sent = document["x-notifications"]["outgoing"]
    for node in nodes([document["components"], document["methods"], sent]):
        if node.get("type") == "integer":
            assert node["minimum"] >= -limits.SAFE_INTEGER_MAX
            assert node["maximum"] <= limits.SAFE_INTEGER_MAX
        kinds = [each for each in node.get("anyOf", []) if each != {"type": "null"}]
        if len(kinds) > 1 and "discriminator" not in node:
            several.append([each["type"] for each in kinds])

    assert several == [["integer", "string"]]


def test_notifications_limits_and_exit_codes_stand_beside(document: dict[str, Any]) -> None:
    told = document["x-notifications"]

    assert [each["name"] for each in told["outgoing"]] == list(NOTIFICATIONS)
    assert [each["name"] for each in told["incoming"]] == ["$/cancelRequest", "system.exit"]
    assert document["x-protocol"] == {"version": limits.PROTOCOL_VERSION}
    assert document["x-limits"] == limits.PUBLISHED
    assert [each["code"] for each in document["x-exit-codes"]] == list(errors.ExitCode)


def test_rpc_discover_gives_the_document_and_the_hash_is_of_its_compact_form_without_examples(
    document: dict[str, Any],
) -> None:
    method = METHODS["rpc.discover"]
    answer = method.function(None, method.params())
    without = {**document, "methods": [dict(each) for each in document["methods"]]}
    outgoing = [dict(each) for each in document["x-notifications"]["outgoing"]]
    without["x-notifications"] = {**document["x-notifications"], "outgoing": outgoing}
    for each in (*without["methods"], *outgoing):
        del each["examples"]
    compact = json.dumps(without, separators=(",", ":"), ensure_ascii=False)

    assert json.loads(msgspec.json.encode(answer)) == document
    assert hashlib.sha256(compact.encode()).hexdigest() == describe.schema_hash()


def test_a_notification_is_described_as_a_method_is(document: dict[str, Any]) -> None:
    for each in document["x-notifications"]["outgoing"]:
        assert each["summary"].endswith(".")
        assert each["description"].startswith("Sent "), each["name"]
        assert all(param["description"] for param in each["params"])
        assert {param["name"] for param in each["params"]} == set(
            NOTIFICATIONS[each["name"]].__struct_fields__
        )
        (example,) = each["examples"]
        assert [param["name"] for param in example["params"]] == [
            param["name"] for param in each["params"]
        ]


def test_every_setting_with_a_default_is_described(document: dict[str, Any]) -> None:
    told = {each["key"]: each for each in document["x-settings"]}

    assert told.keys() == settings.DEFAULTS.keys()
    assert {key for key in told if told[key]["used"]} == set(settings.GUARDING)
    assert told["backup_interval_hours"] == {
        "key": "backup_interval_hours",
        "type": "number",
        "default": 24,
        "effect": "Hours between two backups while something changes; 0 = none.",
        "used": True,
        "minimum": 0,
        "maximum": 8760,
    }
    assert told["theme"]["used"] is False
    assert document["components"]["schemas"]["SettingKey"]["enum"] == list(told)
