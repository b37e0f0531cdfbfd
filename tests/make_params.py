"""Makes params from the types in the catalog: random valid ones, the simplest ones, wrong ones.

Every test that uses this module covers a new method without a change.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from hypothesis import strategies as st
from msgspec import inspect as types

from sidecar import limits
from sidecar.catalog import Method
from sidecar.null_params import accepting_null

WORDS = [
    "w1", "w2", "w3", "r1", "r2", "theme", "auto_save", "trial.key", "schema_version", "a",
    "two words", "grün", "名前 🎈", "workflow.saved", "a" * 64, "b" * 200, "",
]  # fmt: skip
"""The texts of random params; they are few, so that requests refer to the same objects."""

BODIES: list[object] = [
    {}, [], None, 7, 1.5, "text", {"nodes": []}, [{"id": "1", "type": "http in", "wires": [[]]}],
    {"nodes": [{"id": "n1", "type": "agent", "data": {"label": "Mail 🎈"}}], "edges": []},
]  # fmt: skip


def unwrapped(node: types.Type) -> types.Type:
    """Return a type without its annotations."""
    while isinstance(node, types.Metadata):
        node = node.type
    return node


def is_secret_text(node: types.Type) -> bool:
    """Return whether a type is a secret, which stays raw so that it can be wiped."""
    while isinstance(node, types.Metadata):
        if (node.extra_json_schema or {}).get("writeOnly"):
            return True
        node = node.type
    return False


def fits(node: types.StrType, text: str) -> bool:
    """Return whether a string is valid for its type."""
    return (node.min_length or 0) <= len(text) <= (
        len(text) if node.max_length is None else node.max_length
    ) and (node.pattern is None or re.search(node.pattern, text) is not None)


# --- random -------------------------------------------------------------------------------


def _strings(node: types.StrType) -> st.SearchStrategy[str]:
    usual = [word for word in WORDS if fits(node, word)]
    if usual:
        return st.sampled_from(usual)
    return st.from_regex(node.pattern or "^[a-z]{4}$", fullmatch=True)


def _integers(node: types.IntType) -> st.SearchStrategy[int]:
    low = node.ge if node.ge is not None else -limits.SAFE_INTEGER_MAX
    high = node.le if node.le is not None else limits.SAFE_INTEGER_MAX
    near = st.integers(max(low, -3), min(high, 3)) if low <= 3 and high >= -3 else st.just(low)
    return near | st.sampled_from([low, high])


def values(node: types.Type) -> st.SearchStrategy[Any]:
    """Generate values that are valid for a type."""
    if is_secret_text(node):
        return st.sampled_from(["open sesame", "sk-live-0123456789abcdef", "wörter"])
    node = unwrapped(node)
    match node:
        case types.StrType():
            return _strings(node)
        case types.IntType():
            return _integers(node)
        case types.FloatType():
            return st.sampled_from([0, 0.5, -1.5, 3])
        case types.BoolType():
            return st.booleans()
        case types.NoneType():
            return st.none()
        case types.LiteralType():
            return st.sampled_from(node.values)
        case types.UnionType():
            return st.one_of(*(values(each) for each in node.types))
        case types.ListType():
            most = 3 if node.max_length is None else min(3, node.max_length)
            return st.lists(values(node.item_type), min_size=node.min_length or 0, max_size=most)
        case types.DictType():
            return st.dictionaries(values(node.key_type), values(node.value_type), max_size=2)
        case types.StructType():
            return members(node)
    return st.sampled_from(BODIES)


def members(node: types.StructType) -> st.SearchStrategy[dict[str, Any]]:
    """Generate objects that are valid for a struct, with and without optional members."""
    required = {f.encode_name: values(f.type) for f in node.fields if f.required}
    optional = {f.encode_name: values(f.type) for f in node.fields if not f.required}
    return st.fixed_dictionaries(required, optional=optional)


def params_type(method: Method) -> types.StructType:
    """Return the type of a method's params."""
    node = types.type_info(accepting_null(method.params))
    assert isinstance(node, types.StructType)
    return node


# --- simplest -----------------------------------------------------------------------------


def simplest(node: types.Type) -> Any:
    """Return the simplest value that is valid for a type."""
    if is_secret_text(node):
        return "open sesame"
    node = unwrapped(node)
    match node:
        case types.StrType():
            return next((word for word in WORDS if fits(node, word)), "aaaa")
        case types.IntType():
            return max(0, node.ge or 0)
        case types.FloatType():
            return 0.5
        case types.BoolType():
            return False
        case types.NoneType():
            return None
        case types.LiteralType():
            return node.values[0]
        case types.UnionType():
            return simplest(node.types[0])
        case types.ListType():
            return [simplest(node.item_type) for _ in range(max(1, node.min_length or 0))]
        case types.DictType():
            return {}
        case types.StructType():
            return {f.encode_name: simplest(f.type) for f in node.fields if f.required}
    return {}


# --- wrong --------------------------------------------------------------------------------


class Wrong(NamedTuple):
    """Params with one fault, and the path of that fault."""

    fault: str
    params: Any
    path: str


OF_ANOTHER_TYPE = [True, 7, 1.5, "x", [], {}, None]


def _refuses(node: types.Type, of: Any, value: object) -> bool:
    """Return whether a value has the wrong type; an empty object for a struct has not."""
    alternatives = _alternatives(node)
    if any(isinstance(each, types.RawType | types.AnyType) for each in alternatives):
        return False
    if value == {} and any(isinstance(each, types.StructType) for each in alternatives):
        return False
    try:
        msgspec.convert(value, of)
    except msgspec.ValidationError:
        return True
    return False


def _alternatives(node: types.Type) -> list[types.Type]:
    node = unwrapped(node)
    return [unwrapped(each) for each in node.types] if isinstance(node, types.UnionType) else [node]


def _too_long(node: types.Type) -> Iterator[Any]:
    for each in _alternatives(node):
        if isinstance(each, types.StrType) and each.max_length is not None:
            yield "x" * (each.max_length + 1)
        if isinstance(each, types.ListType) and each.max_length is not None:
            yield [simplest(each.item_type)] * (each.max_length + 1)
        if isinstance(each, types.IntType) and each.le is not None:
            yield each.le + 1


def _in_field(field: types.Field, of: Any, path: str) -> Iterator[Wrong]:
    """Yield the faults that one member can have."""
    for value in OF_ANOTHER_TYPE:
        if _refuses(field.type, of, value):
            yield Wrong("wrong type", value, path)
    for value in _too_long(field.type):
        yield Wrong("too long", value, path)
    yield Wrong("too deep", _deep(), "$.params")
    for each in _alternatives(field.type):
        if isinstance(each, types.StructType):
            yield from within(each, path)
        if isinstance(each, types.ListType):
            item = unwrapped(each.item_type)
            if isinstance(item, types.StructType):
                for wrong in within(item, f"{path}[0]"):
                    yield Wrong(wrong.fault, [wrong.params], wrong.path)


def _deep() -> Any:
    value: Any = 1
    for _ in range(limits.LINE_DEPTH_MAX + 1):
        value = [value]
    return value


def within(node: types.StructType, path: str) -> Iterator[Wrong]:
    """Yield every single fault that an object can have, at every depth."""
    sound = {**simplest(node)}
    annotations = {f.encode_name: f.type for f in msgspec.structs.fields(node.cls)}
    for name in sound:
        rest = {key: value for key, value in sound.items() if key != name}
        yield Wrong("missing", rest, f"{path}.{name}")
    yield Wrong("unknown", {**sound, "surplus": 1}, f"{path}.surplus")
    for field in node.fields:
        name = field.encode_name
        for wrong in _in_field(field, annotations[name], f"{path}.{name}"):
            yield Wrong(wrong.fault, {**sound, name: wrong.params}, wrong.path)


def wrong_params(method: Method) -> Iterator[Wrong]:
    """Yield every single fault that the params of a method can have, but those that it repairs."""
    for wrong in within(params_type(method), "$.params"):
        if not (method.params.mends and wrong.fault == "too deep"):
            yield wrong
