"""Tests that every method follows the rules which the contract and its clients depend on."""

import inspect
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect as types

import sidecar.handlers.every
from sidecar import describe, limits
from sidecar.catalog import CHORES, METHODS, MayBeDamaged, Method, Params
from sidecar.context import Context, LongContext
from sidecar.methods import CHORE_MODULES, METHOD_MODULES
from sidecar.notifications import NOTIFICATIONS

EVERY_METHOD = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())


def within(node: types.Type) -> Iterable[types.Type]:
    """Return the types that a type is made of."""
    if isinstance(node, types.Metadata):
        return [node.type]
    if isinstance(node, types.UnionType):
        return node.types
    if isinstance(node, types.DictType):
        return [node.key_type, node.value_type]
    if isinstance(node, types.StructType):
        return [field.type for field in node.fields]
    item = getattr(node, "item_type", None)
    return [item] if isinstance(item, types.Type) else []


def walk(node: types.Type) -> Iterator[types.Type]:
    """Yield every type inside a type, the type itself included."""
    yield node
    for child in within(node):
        yield from walk(child)


def structs(*roots: Any) -> set[type[msgspec.Struct]]:
    """Return every struct inside these types."""
    found = (node for root in roots for node in walk(types.type_info(root)))
    return {node.cls for node in found if isinstance(node, types.StructType)}


def described(field: types.Field) -> bool:
    """Return whether a field, or the type of it, has a description."""
    return any(
        isinstance(node, types.Metadata) and "description" in (node.extra_json_schema or {})
        for node in _outer(field.type)
    )


def _outer(node: types.Type) -> Iterator[types.Type]:
    """Yield a type and the alternatives of its union, all of which can have its description."""
    yield node
    if isinstance(node, types.Metadata):
        yield from _outer(node.type)
    elif isinstance(node, types.UnionType):
        for each in node.types:
            yield from _outer(each)


ALL_STRUCTS = sorted(
    structs(
        *(method.params for method in METHODS.values()),
        *(method.result for method in METHODS.values()),
        *NOTIFICATIONS.values(),
    ),
    key=lambda struct: struct.__qualname__,
)


def test_each_method_is_declared_in_the_module_that_the_table_of_names_says() -> None:
    """The table loads the handler modules."""
    assert {
        name: each.function.__module__.removeprefix("sidecar.handlers.")
        for name, each in METHODS.items()
        if not name.startswith(("test.", "trial."))
    } == METHOD_MODULES


def test_each_chore_is_declared_in_a_module_that_the_table_of_names_says() -> None:
    folder = Path(sidecar.handlers.__file__).parent
    declarations = Counter(
        ".".join(path.relative_to(folder).with_suffix("").parts)
        for path in folder.rglob("*.py")
        for _ in re.finditer(r"^@?chore\(", path.read_text("utf-8"), re.MULTILINE)
    )

    assert set(CHORES) == set(CHORE_MODULES)
    assert declarations == Counter(CHORE_MODULES.values())


def test_the_contract_lists_methods_by_noun_in_the_order_of_the_table_of_names() -> None:
    listed = [each["name"] for each in describe.contract()["methods"]]
    nouns = [noun for noun, _ in itertools.groupby(name.partition(".")[0] for name in listed)]

    assert listed == list(METHOD_MODULES)
    assert " ".join(nouns) == "system workflows runs settings secrets audit backups remotes rpc"


@pytest.mark.parametrize(
    "method", [each for each in METHODS.values() if each.decoded is not each.params]
)
def test_params_that_are_decoded_late_have_the_members_that_are_published(method: Method) -> None:
    assert [(field.name, field.default) for field in msgspec.structs.fields(method.decoded)] == [
        (field.name, field.default) for field in msgspec.structs.fields(method.params)
    ]


def test_no_two_structs_share_a_name() -> None:
    """The names are those of types in the generated client."""
    names = [struct.__name__ for struct in ALL_STRUCTS]

    assert sorted(set(names)) == sorted(names)


@EVERY_METHOD
def test_a_method_has_params_of_its_own_named_after_it(method: Method) -> None:
    pascal = "".join(word.capitalize() for word in method.name.replace(".", "_").split("_"))

    assert method.params.__name__ == f"{pascal}Params"


@EVERY_METHOD
def test_a_method_says_what_it_does_in_one_sentence(method: Method) -> None:
    summary = inspect.cleandoc(method.function.__doc__ or "").partition("\n\n")[0]

    assert summary.endswith(".")


@EVERY_METHOD
def test_params_list_the_required_ones_first(method: Method) -> None:
    """Params by position are read in that order."""
    required = [field.required for field in msgspec.structs.fields(method.params)]

    assert required == sorted(required, reverse=True)


@EVERY_METHOD
def test_integers_in_params_are_bounded_where_they_are_decoded(method: Method) -> None:
    for node in walk(types.type_info(method.params)):
        if isinstance(node, types.IntType):
            assert node.ge is not None
            assert node.le is not None
            assert -limits.SAFE_INTEGER_MAX <= node.ge <= node.le <= limits.SAFE_INTEGER_MAX


@EVERY_METHOD
def test_params_refuse_unknown_members_at_every_depth(method: Method) -> None:
    for struct in structs(method.params):
        assert struct.__struct_config__.forbid_unknown_fields


@EVERY_METHOD
def test_only_an_item_of_a_list_omits_a_field_that_few_have(method: Method) -> None:
    for struct in structs(method.result):
        fields = msgspec.structs.fields(struct)
        optional = {field.name for field in fields if not field.required}
        assert not optional or issubclass(struct, MayBeDamaged), struct


@EVERY_METHOD
def test_a_long_method_takes_the_long_context_and_others_do_not(method: Method) -> None:
    contexts = [
        value
        for name, value in inspect.get_annotations(method.function).items()
        if name not in {"params", "return"}
    ]

    assert contexts == [LongContext if method.long else Context]


@pytest.mark.parametrize("struct", ALL_STRUCTS, ids=lambda struct: str(struct.__name__))
def test_a_struct_and_each_of_its_fields_say_what_they_mean(struct: type[msgspec.Struct]) -> None:
    info = types.type_info(struct)
    assert isinstance(info, types.StructType)

    assert struct.__doc__
    assert [field.name for field in info.fields if not described(field)] == []


@pytest.mark.parametrize("fault", ["twice", "access", "params", "docstring"])
def test_a_fault_in_a_declaration_is_found_at_import(fault: str) -> None:
    from sidecar.catalog import method

    class FaultyParams(Params, frozen=True):
        """Params."""

    def faulty(_ctx: Context, params: Any) -> Any:
        """Do nothing."""

    faulty.__annotations__.update({"params": FaultyParams, "return": FaultyParams})
    name, access = "tests.faulty", "none"
    if fault == "twice":
        name = "rpc.discover"
    elif fault == "access":
        access = "admin"
    elif fault == "params":
        faulty.__annotations__["params"] = dict
    else:
        faulty.__doc__ = None

    with pytest.raises(TypeError, match=name):
        method(name, access=access)(faulty)  # type: ignore[arg-type]
    assert "tests.faulty" not in METHODS
