"""The types of the contract as JSON Schemas: structs by name, and vocabularies by title.

They come from msgspec's schema export, which is corrected in five places: descriptions lose the
indentation of the source; results require all their fields but the mark of a damaged row (msgspec
calls a field with a default optional, but it is always sent); integers are bounded by what
JavaScript reads exactly; enumerations of strings name their type; a vocabulary is a component of
its own, to which the types that use it refer.
"""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

import msgspec

from sidecar import limits
from sidecar.catalog import MayBeDamaged, Method
from sidecar.error_data import (
    START_FAILED_SLUGS,
    TAMPERED_PARTS,
    StartFailedSlug,
    TamperedPart,
)
from sidecar.errors import OUTCOMES, ErrorSlug, Outcome, catalogue
from sidecar.notifications import Notification
from sidecar.vocabulary_sentences import VOCABULARIES

Schema = dict[str, Any]
"""A JSON Schema, or an OpenRPC object."""

SCHEMA_REF = "#/components/schemas/{name}"
_NULL: Schema = {"type": "null"}

OPEN = " A minor version may add values: accept those that you do not know."
"""The last sentence of the description of every vocabulary."""


def _pick(sentences: dict[Any, str], kind: Any) -> dict[Any, str]:
    """Return the sentences of the values of a vocabulary, in their order."""
    return {value: sentences[value] for value in get_args(get_args(kind)[0])}


_ALL: Final[tuple[tuple[Any, dict[Any, str] | None], ...]] = (
    *VOCABULARIES,
    (Outcome, OUTCOMES),
    (TamperedPart, TAMPERED_PARTS),
    (ErrorSlug, None),
    (StartFailedSlug, None),
)
"""Every vocabulary with its sentences; slugs are explained by the classes of the errors."""

_TITLES: Final = frozenset(msgspec.json.schema(kind)["title"] for kind, _sentences in _ALL)


def vocabularies() -> dict[str, Schema]:
    """Return the schema of every vocabulary by its title, with a sentence for each value."""
    found: dict[str, Schema] = {}
    slugs = {error.slug: summary_and_rest(error.__doc__)[0] for error in catalogue()}
    explained: dict[str, dict[Any, str]] = {
        "ErrorSlug": slugs,
        "StartFailedSlug": {**slugs, **START_FAILED_SLUGS},
    }
    for kind, sentences in _ALL:
        schema = msgspec.json.schema(kind)
        texts = sentences or _pick(explained[schema["title"]], kind)
        found[schema["title"]] = {
            "title": schema["title"],
            "description": schema["description"] + OPEN,
            "type": "string",
            "enum": list(texts),
            "x-descriptions": dict(texts),
        }
    return found


def is_struct(type_: Any) -> bool:
    """Return whether a type is a struct."""
    return isinstance(type_, type) and issubclass(type_, msgspec.Struct)


def components(types: list[Any]) -> tuple[tuple[Schema, ...], dict[str, Schema]]:
    """Return the schemas of types, and of the structs inside them by name."""
    return msgspec.json.schema_components(types, ref_template=SCHEMA_REF)


def schemas_of(
    methods: list[Method],
    notifications: Mapping[str, type[Notification]],
    partial: list[type[msgspec.Struct]],
) -> dict[str, Schema]:
    """Return the schema of every struct by its name, corrected as the module's docstring says.

    A struct of `partial` is sent without the members that do not apply.
    """
    params = [method.params for method in methods]
    results = [method.result for method in methods if is_struct(method.result)]
    _, taken = components(params)
    _, given = components([*results, *notifications.values()])
    optional = dict(_optional_members(MayBeDamaged))
    for name, schema in given.items():
        if _require_all(schema, optional.get(name, frozenset())) and name in taken:
            message = f"{name} has defaults and is used in params and in a result: use two structs."
            raise TypeError(message)
    for schema in taken.values():
        _accept_null(schema)
    _, others = components(list(partial))
    schemas = taken | others | given
    for node in nodes(schemas):
        _correct(node)
    return schemas


def _accept_null(schema: Schema) -> None:
    """Let each member that may be left out be null; see `sidecar.null_params`."""
    members = schema.get("properties", {})
    for name in set(members) - set(schema.get("required", ())):
        bare = dict(members[name])
        outer = {
            key: bare.pop(key) for key in ("description", "default", "writeOnly") if key in bare
        }
        choices = bare.get("anyOf", [bare])
        if bare and _NULL not in choices:
            members[name] = outer | {"anyOf": [*choices, _NULL]}


def _optional_members(struct: type[msgspec.Struct]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the names of a struct and of its subclasses, with the fields that answers may omit."""
    fields = msgspec.structs.fields(struct)
    yield struct.__name__, frozenset(each.encode_name for each in fields if not each.required)
    for each in struct.__subclasses__():
        yield from _optional_members(each)


def _require_all(schema: Schema, optional: frozenset[str]) -> bool:
    """Require every field that answers always have; return whether that changed anything."""
    fields = schema.get("properties")
    if fields is None:  # an enum, not a struct
        return False
    required = [name for name in fields if name not in optional]
    changed: bool = schema["required"] != required
    schema["required"] = required
    for field in fields.values():
        field.pop("default", None)
    return changed


def nodes(schema: Any) -> Iterator[Schema]:
    """Yield every object inside a schema, the schema itself included."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from nodes(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from nodes(value)


def _refer(node: Schema) -> None:
    """Replace the values of a vocabulary by a reference; the description stays."""
    name = node["title"]
    own: Schema = {key: node[key] for key in ("description", "default") if key in node}
    node.clear()
    node.update(own)
    node["$ref"] = SCHEMA_REF.format(name=name)


def _correct(node: Schema) -> None:
    """Bound integers, type enumerations, refer to vocabularies, and unindent descriptions.

    Python 3.13 removes the indentation of docstrings itself, 3.11 does not.
    """
    if "enum" in node and node.get("title") in _TITLES:
        _refer(node)
    if node.get("type") == "integer":
        node.setdefault("minimum", -limits.SAFE_INTEGER_MAX)
        node.setdefault("maximum", limits.SAFE_INTEGER_MAX)
    values = node.get("enum")
    if isinstance(values, list) and all(isinstance(value, str) for value in values):
        node["type"] = "string"
    if isinstance(node.get("description"), str):
        node["description"] = inspect.cleandoc(node["description"])


def summary_and_rest(docstring: str | None) -> tuple[str, str]:
    """Split a docstring into its first paragraph and the rest, without sections like `Raises:`."""
    text = inspect.cleandoc(docstring or "")
    for section in ("\n\nRaises:", "\n\nReturns:", "\n\nArgs:"):
        text = text.partition(section)[0]
    summary, _, rest = text.partition("\n\n")
    return " ".join(summary.split()), rest.strip()
