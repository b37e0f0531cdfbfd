"""Reads the OpenRPC document for the generators of the clients, independent of the language."""

from typing import Any, NamedTuple

Schema = dict[str, Any]

WIDTH = 100
"""The longest line of the generated code."""


class Field(NamedTuple):
    """A field of a struct, or a param."""

    schema: Schema
    description: str
    required: bool


Fields = dict[str, Field]


def pascal(name: str) -> str:
    """Return a method's name as a class name: `workflows.get_many` as `WorkflowsGetMany`."""
    return "".join(word.capitalize() for word in name.replace(".", "_").split("_"))


def struct_fields(schema: Schema) -> Fields:
    """Return the fields of a struct."""
    required = schema.get("required", [])
    return {
        name: Field(each, each.get("description", ""), name in required)
        for name, each in schema["properties"].items()
    }


def param_fields(method: Schema) -> Fields:
    """Return the params of a method, or of a notification, which always has all of them."""
    return {
        each["name"]: Field(each["schema"], each.get("description", ""), each.get("required", True))
        for each in method["params"]
    }


def params_name(each: Schema) -> str:
    """Return the name of the type of a notification's params."""
    return pascal(each["name"].removeprefix("$/"))


def params_text(each: Schema) -> str:
    """Return the description of a notification's params."""
    return f"Params of `{each['name']}`. {each['summary']}\n\n{each['description']}"


def method_text(method: Schema) -> str:
    """Return the description of a method."""
    return "\n\n".join(method[part] for part in ("summary", "description") if method.get(part))


def by_noun(methods: list[Schema]) -> dict[str, list[Schema]]:
    """Return the methods of each noun."""
    found: dict[str, list[Schema]] = {}
    for method in methods:
        found.setdefault(method["name"].partition(".")[0], []).append(method)
    return found


def is_paged(method: Schema) -> bool:
    """Return whether a method returns its result page by page."""
    return any(each["name"] == "cursor" for each in method["params"])


def refuse_twins(names: list[str]) -> None:
    """Raise a ValueError if a client would have two types of one name."""
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"The client would have two types of one name: {sorted(twice)}.")
