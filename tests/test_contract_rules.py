"""Tests that the whole contract keeps to one spelling: rules for every method, none by name.

A method that comes later is covered without a change. What a rule leaves out is listed with it.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import Raw
from msgspec import inspect as types

import sidecar.handlers.every  # noqa: F401 - fills the catalog
from sidecar import describe
from sidecar.catalog import METHODS, Method
from sidecar.methods import METHOD_MODULES
from sidecar.notifications import NOTIFICATIONS
from sidecar.null_params import accepting_null
from sidecar.vocabularies import SecretsState
from sidecar.wire.params import decode_params
from tests.make_params import simplest, unwrapped

NAMES = list(METHOD_MODULES)
EVERY_METHOD = pytest.mark.parametrize("method", [METHODS[name] for name in NAMES], ids=NAMES)
DOCUMENT: Any = describe.contract()

CLEARS = {
    "workflows.update": {"description", "tags", "category"},
}
"""The params for which null is a value of its own: it clears."""


def objects(node: types.Type, value: Any) -> Iterator[tuple[types.StructType, dict[str, Any]]]:
    """Yield each object in a value with its type; the objects can be changed in place."""
    node = unwrapped(node)
    if isinstance(node, types.UnionType):
        for each in node.types:
            yield from objects(each, value)
    elif isinstance(node, types.StructType) and isinstance(value, dict):
        yield node, value
        for field in node.fields:
            if field.encode_name in value:
                yield from objects(field.type, value[field.encode_name])
    elif isinstance(node, types.ListType) and isinstance(value, list):
        for item in value:
            yield from objects(node.item_type, item)


def decoded(method: Method, params: Any) -> bytes:
    """Return what a method is given for these params, defaults included, as JSON."""
    text = msgspec.json.encode(params)
    if method.params is not method.decoded:  # its handler decodes the items as this says
        return msgspec.json.encode(msgspec.json.decode(text, type=accepting_null(method.params)))
    return msgspec.json.encode(decode_params(method, Raw(text)))


@EVERY_METHOD
def test_null_means_the_same_as_leaving_a_param_out_but_where_it_clears(method: Method) -> None:
    node = types.type_info(method.params)
    left_out = simplest(node)
    params = simplest(node)
    clearing = CLEARS.get(method.name, set())

    for struct, found in objects(node, params):
        for field in struct.fields:
            if not field.required:
                found[field.encode_name] = None
    for name in clearing:
        del params[name]

    assert decoded(method, params) == decoded(method, left_out)
    for name in clearing:
        assert decoded(method, {**left_out, name: None}) != decoded(method, left_out)


def accepts_null(schema: Any) -> bool:
    """Return whether a JSON Schema accepts null."""
    types_of = [each.get("type") for each in schema.get("anyOf", [schema])]
    return "null" in types_of or ("type" not in schema and "anyOf" not in schema)


def references(node: Any) -> set[str]:
    """Return the names of the structs that a part of the document refers to."""
    if isinstance(node, dict):
        own = {node["$ref"].rpartition("/")[2]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*map(references, node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()


@pytest.mark.parametrize("described", DOCUMENT["methods"], ids=lambda each: str(each["name"]))
def test_the_contract_says_that_null_is_accepted_where_a_param_may_be_left_out(
    described: Any,
) -> None:
    optional = {
        each["name"]: each["schema"] for each in described["params"] if not each["required"]
    }
    structs = [DOCUMENT["components"]["schemas"][name] for name in references(described["params"])]
    for struct in structs:
        members = struct.get("properties", {})  # an enumeration has none
        optional |= {name: members[name] for name in set(members) - set(struct.get("required", ()))}

    assert [name for name, schema in optional.items() if not accepts_null(schema)] == []


# --- pages, prunes, nouns ---------------------------------------------------------------------

OF_THE_PARAMS = {
    "workflows.get_many", "workflows.save_many", "workflows.delete_many", "workflows.update_many",
    "runs.delete_many", "settings.set_many", "settings.reset", "workflows.import",
}  # fmt: skip
"""Methods that answer `items` for what their params name, which are bounded."""

SINGLE = {
    "workflows.get": "workflow", "runs.get": "run", "settings.get": "setting",
    "backups.verify": "backup",
}  # fmt: skip
"""Methods that read a single thing, and its noun; secrets.get answers a value, not a secret."""

BY_NAME = {each["name"]: each for each in DOCUMENT["methods"]}
SCHEMAS = DOCUMENT["components"]["schemas"]


def param_names(name: str) -> list[str]:
    """Return the names of a method's params in order."""
    return [each["name"] for each in BY_NAME[name]["params"]]


def result_names(name: str) -> list[str]:
    """Return the names of the members of a method's result."""
    reference = BY_NAME[name]["result"]["schema"].get("$ref", "")
    return list(SCHEMAS.get(reference.rpartition("/")[2], {}).get("properties", {}))


def test_whatever_answers_items_of_a_growing_list_is_paged_in_one_way() -> None:
    listing = {name for name in BY_NAME if "items" in result_names(name)} - OF_THE_PARAMS

    assert listing >= {"workflows.list", "runs.list", "audit.list", "backups.list"}
    for name in BY_NAME:
        paged = name in listing
        assert ("next_cursor" in result_names(name)) is paged, name
        assert ("limit" in param_names(name), "cursor" in param_names(name)) == (paged, paged), name


def test_every_prune_takes_the_same_params() -> None:
    prunes = [name for name in BY_NAME if name.endswith(".prune")]

    assert len(prunes) >= 2
    for name in prunes:
        given = param_names(name)
        assert [each for each in given if each != "max_bytes"] == [
            "older_than_ms", "keep_last", "dry_run",
        ]  # fmt: skip
        assert "deleted" in result_names(name)


def test_whatever_gets_a_single_thing_answers_it_under_its_noun() -> None:
    gets = {name for name in BY_NAME if name.endswith(".get")} - {"secrets.get"}

    assert gets <= set(SINGLE)
    for name, noun in SINGLE.items():
        assert noun in result_names(name), name
        assert result_names(name) == [noun] or not name.endswith(".get"), name


def test_no_name_of_a_table_or_an_old_spelling_is_in_the_contract() -> None:
    text = msgspec.json.encode(DOCUMENT).decode()
    old = ["access_log", "workflow_revisions", "workflow_bodies", "run_summaries", "quarantine",
           "trash_keep_days", "next_after", "before_at"]  # fmt: skip

    assert [word for word in old if word in text] == []


def test_a_number_is_called_by_what_it_counts() -> None:
    members = {name for schema in SCHEMAS.values() for name in schema.get("properties", {})}

    assert {"runs", "secrets", "audit_entries"} <= members
    assert members.isdisjoint({"count", "entries", "number"})


def test_the_state_of_the_secrets_has_one_vocabulary() -> None:
    places: tuple[tuple[Any, str], ...] = (
        (NOTIFICATIONS["system.ready"], "secrets"),
        (NOTIFICATIONS["system.restored"], "secrets"),
        (NOTIFICATIONS["secrets.changed"], "state"),
        (METHODS["system.info"].result, "secrets"),
        (METHODS["secrets.status"].result, "state"),
    )

    for struct, member in places:
        types_of = {each.name: each.type for each in msgspec.structs.fields(struct)}
        assert types_of[member] == SecretsState, struct
