"""Describes the catalog as an OpenRPC 1.3.2 document: the contract that clients are made from.

`rpc.discover`, `sim-sidecar openrpc` and schema/openrpc.json all are what `document()` returns.
build/examples.py takes the examples from the conversations of the tests and writes them to
examples.json beside this module.

A member of params that may be left out may be null. The document has no version of the program and
no date, and its hash omits the examples, so that the hash changes only when the contract does.
"""

import inspect
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources

import msgspec

from sidecar import digests, errors, limits
from sidecar.catalog import Method, all_methods
from sidecar.error_data import EXIT_TEXTS, STDERR_LINES, data_of
from sidecar.errors import ExitCode, SidecarError
from sidecar.notifications import NOTIFICATIONS, Notification
from sidecar.schemas import (
    OPEN,
    SCHEMA_REF,
    Schema,
    components,
    is_struct,
    schemas_of,
    summary_and_rest,
    vocabularies,
)
from sidecar.store import settings

OPENRPC_VERSION = "1.3.2"

EVERY_METHOD: tuple[type[SidecarError], ...] = (
    errors.InvalidParams,
    errors.Internal,
    errors.ShuttingDown,
    errors.OutOfResources,
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
"""The errors that methods share, by the group of methods; a method declares only its own."""

INCOMING: tuple[Schema, ...] = (
    {
        "name": "$/cancelRequest",
        "summary": "Cancel a long request.",
        "description": "A request that is queued never starts, one that runs stops at a safe"
        " point. It is answered once, with `cancelled`. An unknown id is ignored.",
        "paramStructure": "by-name",
        "params": [
            {
                "name": "id",
                "description": "Id of the request.",
                "required": True,
                "schema": {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]},
            }
        ],
    },
    {
        "name": "system.exit",
        "summary": "End the process; the notification itself has no answer.",
        "description": "Requests received before it are answered first, as at the end of stdin."
        " The end waits for a client that reads slowly: up to 60 s, and 10 s without progress."
        " When stdout is closed or the parent has died, the rest of stdin is read, and within 10 s"
        " its short methods that write, workflows.delete and workflows.delete_many run;"
        " secrets.get, secrets.verify, reads and other long methods do not.",
        "paramStructure": "by-name",
        "params": [],
    },
)
"""The notifications that the process accepts, besides any method that is sent without an id."""


def openrpc(
    methods: Iterable[Method],
    notifications: Mapping[str, type[Notification]],
    catalogue: Iterable[type[SidecarError]],
) -> Schema:
    """Return the document of these methods, notifications and errors.

    Raises:
        TypeError: a struct with defaults is used in params and in a result, whose schemas differ.
    """
    load_docstrings()
    methods = list(methods)
    catalogue = list(catalogue)
    partial = [*STDERR_LINES, *map(data_of, catalogue)]
    schemas = schemas_of(methods, notifications, partial)
    described = [_method(each, schemas) for each in methods]
    outgoing = [_notification(name, notifications[name], schemas) for name in notifications]
    for struct in (*(each.params for each in methods), *notifications.values()):
        del schemas[struct.__name__]  # its members are in the list of params
    schemas |= vocabularies() | {"SettingKey": _setting_keys()}
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
            "outgoing": outgoing,
            "incoming": list(INCOMING),
        },
        "x-errors": {error.__name__: _error_notes(error) for error in catalogue},
        "x-settings": [_setting(key) for key in settings.DEFAULTS],
        "x-exit-codes": [
            {"code": int(code), "name": code.name.lower(), "text": EXIT_TEXTS[code]}
            for code in ExitCode
        ],
        "x-stderr": [_line(struct) for struct in STDERR_LINES],
    }


def contract() -> Schema:
    """Return the document of what this program declares."""
    return openrpc(all_methods(), NOTIFICATIONS, errors.catalogue())


def document() -> Schema:
    """Return the contract with an example of each method."""
    return with_examples(contract(), msgspec.json.decode(load_examples()))


@cache
def load_examples() -> bytes:
    """Read the examples once: the folder of the program can be replaced while it runs."""
    return resources.files("sidecar").joinpath("examples.json").read_bytes()


@cache
def load_docstrings() -> None:
    """Read the docstrings that Python was told to leave out, once as well."""
    if sys.flags.optimize > 1:
        from sidecar import docstrings  # noqa: PLC0415 - only `python -OO` needs it

        docstrings.restore()


def with_examples(described: Schema, examples: Mapping[str, Schema]) -> Schema:
    """Return the document with these examples, by the names of methods and notifications."""
    methods = [
        {**method, "examples": [examples[method["name"]]]} if method["name"] in examples else method
        for method in described["methods"]
    ]
    notifications = described["x-notifications"]
    outgoing = [
        {**each, "examples": [examples[each["name"]]]} if each["name"] in examples else each
        for each in notifications["outgoing"]
    ]
    shown = {**notifications, "outgoing": outgoing}
    return {**described, "methods": methods, "x-notifications": shown}


def openrpc_json() -> bytes:
    """Return the document as JSON, as `sim-sidecar openrpc` prints it."""
    return as_json(document())


def as_json(described: Schema) -> bytes:
    """Return a document as JSON that people can review: indented, with a line end."""
    return msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n"


def schema_hash() -> str:
    """Return the SHA-256 of the compact contract, in hexadecimal.

    The running process reads the constant in schema_hash.py instead.
    """
    return digests.sha256(msgspec.json.encode(contract())).hex()


# --- methods, notifications, errors -------------------------------------------------------


def _method(method: Method, schemas: Mapping[str, Schema]) -> Schema:
    """Return the OpenRPC method object."""
    summary, description = summary_and_rest(method.function.__doc__)
    described: Schema = {
        "name": method.name,
        "summary": summary,
        "description": description,
        "tags": [{"name": method.name.partition(".")[0]}],
        "paramStructure": "either",
        "params": _contents(schemas[method.params.__name__]),
        "result": _result(method, schemas),
        "errors": [{"$ref": f"#/components/errors/{each.__name__}"} for each in errors_of(method)],
    }
    if not description:
        del described["description"]
    if method.long:
        described["x-long"] = True
    if method.in_rescue:
        described["x-rescue"] = True
    return described


def errors_of(method: Method) -> list[type[SidecarError]]:
    """Return the errors that a method can give, its own first, then the shared ones.

    A long method may write, whatever its access says.
    """
    found = list(method.errors) + list(EVERY_METHOD)
    if not (method.in_rescue or errors.RecoveryRequired in found):
        found.append(errors.RecoveryRequired)
    if method.long or method.access in {"read", "write"}:
        found += READING
    if method.long or method.access == "write":
        found += WRITING
    if method.long:
        found += LONG
    return found


def _contents(struct: Schema) -> list[Schema]:
    """Return the members of a params struct as OpenRPC content descriptors."""
    required = struct.get("required", ())
    return [
        _content(name, schema, required=name in required)
        for name, schema in struct["properties"].items()
    ]


def _content(name: str, schema: Schema, *, required: bool) -> Schema:
    """Return an OpenRPC content descriptor; the description is moved out of the schema."""
    content: Schema = {"name": name}
    bare = dict(schema)
    if "description" in bare:
        content["description"] = bare.pop("description")
    return content | {"required": required, "schema": bare}


def _result(method: Method, schemas: Mapping[str, Schema]) -> Schema:
    """Return the content descriptor of a method's result."""
    if not is_struct(method.result):
        (schema,), _ = components([method.result])
        return {"name": "result", "schema": schema}
    name = method.result.__name__
    content: Schema = {"name": name}
    if description := schemas[name].get("description"):
        content["description"] = description
    return content | {"schema": {"$ref": SCHEMA_REF.format(name=name)}}


def _notification(name: str, struct: type[Notification], schemas: Mapping[str, Schema]) -> Schema:
    """Return the description of a notification that the process sends."""
    summary, description = summary_and_rest(struct.__doc__)
    return {
        "name": name,
        "summary": summary,
        "description": description,
        "paramStructure": "by-name",
        "params": _contents(schemas[struct.__name__]),
    }


def _error(error: type[SidecarError]) -> Schema:
    """Return an OpenRPC error object, which can have JSON-RPC's three members only."""
    data = {"slug": error.slug, "retryable": error.retryable}
    return {"code": error.code, "message": error.text, "data": data}


def _error_notes(error: type[SidecarError]) -> Schema:
    """Return when an error is given, and the groups of methods that it is common to."""
    groups = [group for group, members in COMMON.items() if error in members]
    return {
        "description": inspect.cleandoc(error.__doc__ or ""),
        "common": groups,
        "data": {"$ref": SCHEMA_REF.format(name=data_of(error).__name__)},
    }


# --- settings, stderr -------------------------------------------------------------------------


def _setting(key: str) -> Schema:
    """Return what is known of a setting that has a default."""
    value, value_type, effect = settings.DEFAULTS[key]
    described: Schema = {
        "key": key,
        "type": value_type,
        "default": msgspec.json.decode(value),
        "effect": f"{effect}.",
        "used": key in settings.GUARDING,
    }
    if number := settings.NUMBERS.get(key):
        described |= {"minimum": 0, "maximum": number.maximum}
    return described


def _setting_keys() -> Schema:
    """Return the vocabulary of the keys that have a default."""
    return {
        "title": "SettingKey",
        "description": "A key that has a default; an app may set others." + OPEN,
        "type": "string",
        "enum": list(settings.DEFAULTS),
        "x-descriptions": {key: f"{each.description}." for key, each in settings.DEFAULTS.items()},
    }


def _line(struct: type[msgspec.Struct]) -> Schema:
    """Return the description of a line on stderr."""
    summary, description = summary_and_rest(struct.__doc__)
    reference = {"$ref": SCHEMA_REF.format(name=struct.__name__)}
    return {"summary": summary, "description": description, "schema": reference}
