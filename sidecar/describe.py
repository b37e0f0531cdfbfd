"""The catalog as an OpenRPC 1.3.2 document: the contract every client is generated from.

Methods, notifications and errors in, a document out; `rpc.discover`, `sim-sidecar openrpc` and
schema/openrpc.json all come from `document()` and are the same document. Above it stand the
handlers (for `rpc.discover`) and build/generate.py; below it the catalog. It does not know which
methods exist: the caller has imported the handlers. Its examples are taken from the tests'
conversations by build/examples.py and lie beside this module.

The types come from msgspec's schema export, put right in four places: descriptions lose the
indentation of the source, results require all their fields (msgspec makes a field with a default
optional, yet we always send it), integers are bounded by what JavaScript reads exactly, and
string enums name their type. The document holds no version of the program and no date, and its
hash leaves the examples out, so that it changes only when the contract does.
"""

import hashlib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from typing import Any

import msgspec

from sidecar import errors, limits
from sidecar.catalog import METHODS, Method
from sidecar.errors import ExitCode, SidecarError
from sidecar.methods import METHOD_MODULES
from sidecar.notifications import NOTIFICATIONS, Notification

Schema = dict[str, Any]
"""A JSON Schema, or an OpenRPC object."""

OPENRPC_VERSION = "1.3.2"
SCHEMA_REF = "#/components/schemas/{name}"

EVERY_METHOD: tuple[type[SidecarError], ...] = (
    errors.InvalidParams,
    errors.Internal,
    errors.ShuttingDown,
)
READING: tuple[type[SidecarError], ...] = (
    errors.Maintenance,
    errors.DatabaseBusy,
    errors.DatabaseDamaged,
    errors.StorageFailed,
    errors.TooLarge,
)
WRITING: tuple[type[SidecarError], ...] = (
    errors.DatabaseFull,
    errors.ReadOnly,
    errors.AuditUnavailable,
)
LONG: tuple[type[SidecarError], ...] = (errors.Overloaded, errors.Cancelled)
COMMON = {"every": EVERY_METHOD, "reading": READING, "writing": WRITING, "long": LONG}
"""Errors that methods share, by the group that can give them; a method declares only its own."""

INCOMING: tuple[Schema, ...] = (
    {
        "name": "$/cancelRequest",
        "summary": "Cancel a long request.",
        "description": "A queued one never starts, a running one stops at a safe point; it is"
        " answered once, with `cancelled`. An unknown id is ignored.",
        "params": {
            "type": "object",
            "properties": {
                "id": {
                    "description": "Id of the request.",
                    "anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}],
                }
            },
            "required": ["id"],
        },
    },
    {
        "name": "system.exit",
        "summary": "End the process, without an answer.",
        "description": "What was accepted is answered first, as at the end of stdin.",
        "params": {"type": "object", "properties": {}, "required": []},
    },
)
"""The notifications the process takes, beside any method sent without an id."""

EXIT_TEXTS: dict[ExitCode, str] = {
    ExitCode.OK: "Ended as asked.",
    ExitCode.USAGE: "The command line is wrong.",
    ExitCode.ALREADY_RUNNING: "Another process holds the database; it is named on stderr.",
    ExitCode.NOT_OURS: "The file is not a database of this product; it was left untouched.",
    ExitCode.NEWER_SCHEMA: "The database was written by a newer version; it was left untouched.",
    ExitCode.RECOVERY_REQUIRED: "The database is missing or torn; restore a backup or recover it.",
    ExitCode.STORAGE: "The disk is full, read-only or failing.",
    ExitCode.DAMAGED: "Stored data is damaged.",
    ExitCode.FORCED: "The drain limit passed and the watchdog ended the process.",
    ExitCode.NO_DATABASE: "There is no database, and `--existing` says that none is made.",
    ExitCode.INTERNAL: "A fault of ours; the traceback is on stderr.",
}
"""What each exit code tells a host."""


def openrpc(
    methods: Iterable[Method],
    notifications: Mapping[str, type[Notification]],
    catalogue: Iterable[type[SidecarError]],
) -> Schema:
    """Describe these methods, notifications and errors.

    Raises:
        TypeError: a struct with defaults serves params and a result, which need different shapes.
    """
    methods = list(methods)
    schemas = _schemas(methods, notifications)
    described = [_method(each, schemas) for each in methods]
    for each in methods:
        del schemas[each.params.__name__]  # stands in the method's own list of params
    catalogue = list(catalogue)
    return {
        "openrpc": OPENRPC_VERSION,
        "info": {
            "title": "sim-sidecar",
            "description": "JSON-RPC 2.0 over stdin and stdout, one message a line.",
            "version": limits.PROTOCOL_VERSION,
        },
        "methods": described,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "errors": {error.__name__: _error(error) for error in catalogue},
        },
        "x-protocol": {"version": limits.PROTOCOL_VERSION},
        "x-limits": dict(limits.PUBLISHED),
        "x-notifications": {
            "outgoing": [_notification(name, notifications[name]) for name in notifications],
            "incoming": list(INCOMING),
        },
        "x-errors": {error.__name__: _error_notes(error) for error in catalogue},
        "x-exit-codes": [{"code": int(code), "text": EXIT_TEXTS[code]} for code in ExitCode],
    }


def contract() -> Schema:
    """Describe what this program declares; the handlers must have been imported."""
    methods = [METHODS[name] for name in METHOD_MODULES]
    return openrpc(methods, NOTIFICATIONS, errors.catalogue())


def document() -> Schema:
    """The contract with an example of each method."""
    text = resources.files("sidecar").joinpath("examples.json").read_bytes()
    return with_examples(contract(), msgspec.json.decode(text))


def with_examples(described: Schema, examples: Mapping[str, Schema]) -> Schema:
    """The document with these examples, by the methods they are of."""
    methods = [
        {**method, "examples": [examples[method["name"]]]} if method["name"] in examples else method
        for method in described["methods"]
    ]
    return {**described, "methods": methods}


def openrpc_json() -> bytes:
    """The document as `sim-sidecar openrpc` prints it and schema/openrpc.json keeps it."""
    return as_json(document())


def as_json(described: Schema) -> bytes:
    """JSON for people and for review: indented, with a line end."""
    return msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n"


def schema_hash() -> str:
    """SHA-256 of the compact contract, hex; at run time read the constant in schema_hash.py."""
    return hashlib.sha256(msgspec.json.encode(contract())).hexdigest()


# --- methods, notifications, errors -------------------------------------------------------


def _method(method: Method, schemas: Mapping[str, Schema]) -> Schema:
    summary, description = _summary_and_rest(method.function.__doc__)
    params = schemas[method.params.__name__]
    described: Schema = {
        "name": method.name,
        "summary": summary,
        "description": description,
        "tags": [{"name": method.name.partition(".")[0]}],
        "paramStructure": "either",
        "params": [
            _content(name, schema, required=name in params["required"])
            for name, schema in params["properties"].items()
        ],
        "result": _result(method, schemas),
        "errors": [{"$ref": f"#/components/errors/{each.__name__}"} for each in errors_of(method)],
    }
    if not description:
        del described["description"]
    if method.long:
        described["x-long"] = True
    return described


def errors_of(method: Method) -> list[type[SidecarError]]:
    """Its own errors first, then the shared ones; a long method may write whatever its access."""
    found = list(method.errors) + list(EVERY_METHOD)
    if method.long or method.access in {"read", "write"}:
        found += READING
    if method.long or method.access == "write":
        found += WRITING
    if method.long:
        found += LONG
    return list(dict.fromkeys(found))


def _content(name: str, schema: Schema, *, required: bool) -> Schema:
    """An OpenRPC content descriptor; the description moves up from the schema."""
    content: Schema = {"name": name}
    bare = dict(schema)
    if "description" in bare:
        content["description"] = bare.pop("description")
    return content | {"required": required, "schema": bare}


def _result(method: Method, schemas: Mapping[str, Schema]) -> Schema:
    if not _is_struct(method.result):
        (schema,), _ = _components([method.result])
        return {"name": "result", "schema": schema}
    name = method.result.__name__
    content: Schema = {"name": name}
    if description := schemas[name].get("description"):
        content["description"] = description
    return content | {"schema": {"$ref": SCHEMA_REF.format(name=name)}}


def _notification(name: str, struct: type[Notification]) -> Schema:
    summary, description = _summary_and_rest(struct.__doc__)
    described: Schema = {"name": name, "summary": summary}
    if description:
        described["description"] = description
    return described | {"params": {"$ref": SCHEMA_REF.format(name=struct.__name__)}}


def _error(error: type[SidecarError]) -> Schema:
    """An OpenRPC error object, which has no room for more than JSON-RPC's three members."""
    data = {"slug": error.slug, "retryable": error.retryable}
    return {"code": error.code, "message": error.text, "data": data}


def _error_notes(error: type[SidecarError]) -> Schema:
    groups = [group for group, members in COMMON.items() if error in members]
    return {"description": inspect.cleandoc(error.__doc__ or ""), "common": groups}


def _summary_and_rest(docstring: str | None) -> tuple[str, str]:
    """First paragraph and the rest; sections such as `Raises:` are for readers of the source."""
    text = inspect.cleandoc(docstring or "")
    for section in ("\n\nRaises:", "\n\nReturns:", "\n\nArgs:"):
        text = text.partition(section)[0]
    summary, _, rest = text.partition("\n\n")
    return " ".join(summary.split()), rest.strip()


# --- types --------------------------------------------------------------------------------


def _is_struct(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, msgspec.Struct)


def _components(types: list[Any]) -> tuple[tuple[Schema, ...], dict[str, Schema]]:
    return msgspec.json.schema_components(types, ref_template=SCHEMA_REF)


def _schemas(
    methods: list[Method], notifications: Mapping[str, type[Notification]]
) -> dict[str, Schema]:
    """The schema of every struct, by its name, put right as the module's docstring says."""
    params = [method.params for method in methods]
    results = [method.result for method in methods if _is_struct(method.result)]
    sent = [*results, *notifications.values()]
    _, schemas = _components([*params, *sent])
    _, taken = _components(list(params))
    _, given = _components(sent)
    for name in given:
        if _require_all(schemas[name]) and name in taken:
            message = f"{name} has defaults and stands in params and in a result: use two structs."
            raise TypeError(message)
    for node in _nodes(schemas):
        _put_right(node)
    return schemas


def _require_all(schema: Schema) -> bool:
    """Require every field; whether that changed anything."""
    fields = schema.get("properties")
    if fields is None:  # an enum, not a struct
        return False
    changed: bool = schema["required"] != list(fields)
    schema["required"] = list(fields)
    for field in fields.values():
        field.pop("default", None)
    return changed


def _nodes(schema: Any) -> Iterator[Schema]:
    """Every object inside a schema, the schema itself included."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from _nodes(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _nodes(value)


def _put_right(node: Schema) -> None:
    """Bound integers, type string enums, unindent descriptions (3.13 does, 3.11 does not)."""
    if node.get("type") == "integer":
        node.setdefault("minimum", -limits.SAFE_INTEGER_MAX)
        node.setdefault("maximum", limits.SAFE_INTEGER_MAX)
    values = node.get("enum")
    if isinstance(values, list) and all(isinstance(value, str) for value in values):
        node["type"] = "string"
    if isinstance(node.get("description"), str):
        node["description"] = inspect.cleandoc(node["description"])
