"""Tests of the closed vocabularies: complete, explained, and the only names that are sent."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec import inspect as types

import sidecar.handlers.every
from sidecar import describe
from sidecar.catalog import METHODS
from sidecar.errors import ErrorSlug, catalogue
from sidecar.notifications import NOTIFICATIONS
from sidecar.vocabulary_sentences import VOCABULARIES
from tests.test_catalog import structs, walk

PACKAGE = Path(sidecar.__file__).parent

NAMED = {
    "action", "change", "kind", "mode", "phase", "reason", "slug", "state", "status", "unit",
}  # fmt: skip
"""Members of results and notifications that always have a name out of a vocabulary."""

OF_OTHERS = {
    "WorkflowsDiffStep.kind": "the type of a step is a word of the tool that made the workflow",
}
"""Members of such a name whose values other programs choose."""


def values(kind: Any) -> list[str]:
    """Return the values of a vocabulary in the order in which its type lists them."""
    return list(get_args(get_args(kind)[0]))


def title(kind: Any) -> str:
    """Return the title of a vocabulary."""
    return str(kind.__metadata__[0].title)


EVERY_VOCABULARY = pytest.mark.parametrize(
    ("kind", "sentences"), VOCABULARIES, ids=[title(each) for each, _sentences in VOCABULARIES]
)


@EVERY_VOCABULARY
def test_a_vocabulary_explains_each_of_its_values_in_order(
    kind: Any, sentences: dict[str, str]
) -> None:
    assert list(sentences) == values(kind)


@EVERY_VOCABULARY
def test_a_value_is_explained_by_one_sentence(kind: Any, sentences: dict[str, str]) -> None:
    for value, sentence in sentences.items():
        assert re.fullmatch(r"[a-z][a-z_]*", value)
        assert re.fullmatch(r"[A-Z][^\n]*\.", sentence), (title(kind), value)


def test_no_two_vocabularies_have_one_title() -> None:
    titles = Counter(title(kind) for kind, _sentences in VOCABULARIES)

    assert [name for name, count in titles.items() if count > 1] == []


def is_vocabulary(node: types.Type) -> bool:
    """Return whether a type is an entry of the table of vocabularies."""
    titles = {title(kind) for kind in (ErrorSlug, *(each for each, _ in VOCABULARIES))}
    return (
        isinstance(node, types.Metadata) and (node.extra_json_schema or {}).get("title") in titles
    )


SENT = sorted(
    structs(*(each.result for each in METHODS.values()), *NOTIFICATIONS.values()),
    key=lambda struct: struct.__qualname__,
)


def unnamed(struct: Any) -> Iterator[str]:
    """Yield the members of a struct that should be of a vocabulary and are not."""
    info = types.type_info(struct)
    assert isinstance(info, types.StructType)
    for field in info.fields:
        is_text = any(
            isinstance(node, types.StrType | types.LiteralType) for node in walk(field.type)
        )
        if field.encode_name in NAMED and is_text and not any(map(is_vocabulary, walk(field.type))):
            yield f"{struct.__name__}.{field.encode_name}"


def test_members_with_the_name_of_a_vocabulary_are_typed_by_one() -> None:
    assert [each for struct in SENT for each in unnamed(struct)] == list(OF_OTHERS)


def strings(folder: Path) -> set[str]:
    """Return every string constant of the program outside the table of vocabularies."""
    return {
        node.value
        for path in folder.rglob("*.py")
        if not path.name.startswith("vocabular")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_value_is_used() -> None:
    """The type checker refuses what is not in a vocabulary; this finds what nothing sends."""
    used = strings(PACKAGE)
    unused = {
        title(kind): missing
        for kind, sentences in VOCABULARIES
        if (missing := sorted(sentences.keys() - used))
    }

    assert unused == {}


def test_the_slugs_of_errors_are_those_of_the_classes() -> None:
    assert sorted(values(ErrorSlug)) == sorted(error.slug for error in catalogue())


def test_a_vocabulary_is_a_component_that_its_users_refer_to() -> None:
    schemas = describe.contract()["components"]["schemas"]

    for kind, sentences in VOCABULARIES:
        schema = schemas[title(kind)]
        assert schema["enum"] == values(kind)
        assert schema["x-descriptions"] == sentences
        assert schema["description"].endswith("accept those that you do not know.")
    assert schemas["AuditEntry"]["properties"]["action"] == {
        "description": "The act that an entry of the audit log records.",
        "$ref": "#/components/schemas/AuditAction",
    }
