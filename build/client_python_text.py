"""Pieces of Python text that the generator of the Python client writes."""

import keyword
import textwrap
from typing import Any

from client_contract import WIDTH, Schema

PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def python_type(schema: Schema) -> str:
    """Return a JSON Schema as a type annotation."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return f"Literal[{', '.join(literal(value) for value in schema['enum'])}]"
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(python_type(each) for each in schema["anyOf"]))
    kind = schema.get("type")
    if kind == "array":
        return f"list[{python_type(schema.get('items') or {})}]"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"dict[str, {python_type(values) if isinstance(values, dict) else 'Any'}]"
    return PLAIN.get(str(kind), "Any")


def safe_name(name: str) -> str:
    """Return a name as an identifier: `import` becomes `import_`."""
    return f"{name}_" if keyword.iskeyword(name) else name


def literal(value: Any) -> str:
    """Return a value as a literal, strings with double quotes."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)


def docstring(text: str, indent: int) -> str:
    """Return a docstring whose paragraphs are wrapped."""
    margin = " " * indent
    paragraphs = [
        textwrap.fill(" ".join(part.split()), WIDTH - 3 - indent) for part in text.split("\n\n")
    ]
    body = "\n\n".join(paragraphs).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    end = '\n"""' if "\n" in body or body.endswith('"') else '"""'
    return textwrap.indent(f'"""{body}{end}', margin)


def module(parts: list[str]) -> str:
    """Return a module of these parts."""
    return "\n\n\n".join(part.rstrip() for part in parts) + "\n"
