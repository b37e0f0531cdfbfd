"""Makes the struct of params in which a member that may be left out may also be null.

null then means the same as leaving the member out, because clients in many languages cannot leave
a member out. A member whose own type has null is not concerned: in workflows.update null clears.
The handlers see the struct that they declared, with its defaults.
"""

from collections.abc import Callable
from functools import cache, reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Raw
from msgspec.structs import FieldInfo

S = TypeVar("S", bound=msgspec.Struct)

_NULL = b"null"


@cache
def accepting_null(struct: type[S]) -> type[S]:
    """Return a subclass of a struct of params whose optional members accept null, at any depth."""
    fields = msgspec.structs.fields(struct)
    types = [_type(field) for field in fields]
    optional = [field for field in fields if not field.required and not _has_null(field.type)]
    if not optional and all(new is field.type for new, field in zip(types, fields, strict=True)):
        return struct
    tolerant = msgspec.defstruct(
        struct.__name__,
        [
            (field.name, new) if field.required else (field.name, new, _default(field))
            for new, field in zip(types, fields, strict=True)
        ],
        bases=(struct,),
        module=struct.__module__,
        namespace={"__doc__": struct.__doc__, "__post_init__": _null_to_default(optional)},
    )
    return cast(type[S], tolerant)


def leaves_undecoded(struct: type[msgspec.Struct]) -> bool:
    """Return whether an optional member of a struct is left as JSON, which null also is."""
    fields = msgspec.structs.fields(struct)
    return any(not field.required and _is_raw(field.type) for field in fields)


def _is_raw(kind: Any) -> bool:
    """Return whether a type, or an alternative of it, is left undecoded."""
    return kind is Raw or any(map(_is_raw, _parts(kind)))


def _null_to_default(optional: list[FieldInfo]) -> Callable[[msgspec.Struct], None]:
    """Return the function that puts the default in the place of each null."""
    made = [(field.name, field.default, field.default_factory) for field in optional]

    def replace_nulls(decoded: msgspec.Struct) -> None:
        for name, default, factory in made:
            value = getattr(decoded, name)
            if value is None or (type(value) is Raw and memoryview(value) == _NULL):
                value = factory() if factory is not NODEFAULT else default
                msgspec.structs.force_setattr(decoded, name, value)

    return replace_nulls


def _default(field: FieldInfo) -> Any:
    """Return the default of a member as `defstruct` takes it."""
    if field.default_factory is not NODEFAULT:
        return msgspec.field(default_factory=field.default_factory)
    return field.default


def _type(field: FieldInfo) -> Any:
    """Return the type of a member, with null when the member is optional."""
    inside = _rewritten(field.type)
    if field.required or _has_null(field.type) or _is_raw(field.type):
        return inside
    return inside | None


def _rewritten(kind: Any) -> Any:
    """Return a type with the structs inside it replaced by those that accept null."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return accepting_null(kind)
    origin, inside = get_origin(kind), get_args(kind)
    if origin is None or origin is Literal:
        return kind
    if origin is Annotated:
        new = _rewritten(inside[0])
        return kind if new is inside[0] else Annotated[new, *inside[1:]]
    parts = tuple(map(_rewritten, inside))
    if all(new is old for new, old in zip(parts, inside, strict=True)):
        return kind
    return origin[parts] if origin in (list, dict) else reduce(or_, parts)


def _has_null(kind: Any) -> bool:
    """Return whether null is a value of a type."""
    return kind is type(None) or any(map(_has_null, _parts(kind)))


def _parts(kind: Any) -> tuple[Any, ...]:
    """Return the alternatives of a union, and the type inside an annotation."""
    if get_origin(kind) is Annotated:
        return get_args(kind)[:1]
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else ()
