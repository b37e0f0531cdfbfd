"""Tests of turning YAML into JSON: types that JSON has not, and texts made to do harm."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar import limits
from sidecar.documents.refused import Refused
from sidecar.documents.yaml_text import as_json


def value(text: str) -> Any:
    """Return the value of the only document of a YAML text."""
    (found,) = as_json(text.encode())
    return json.loads(found)


def reason(text: str) -> str:
    """Return why a YAML text is refused."""
    with pytest.raises(Refused) as refused:
        as_json(text.encode())
    return refused.value.reason


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("yes", True), ("Off", False), ("~", None), ("", None), ("'yes'", "yes"),
        ("0o17", "0o17"), ("017", 15), ("0x1F", 31), ("0b101", 5), ("1_000", 1000), ("+7", 7),
        ("1.5e+3", 1500.0), ("1.", 1.0), (".5", 0.5), ("-0x10", -16), ("1e3", "1e3"),
        ("12:30", "12:30"), ("190:20:30.15", "190:20:30.15"),
        (".nan", ".nan"), ("-.inf", "-.inf"), ("1.5e+999", 1.5e999),
        ("2024-05-01", "2024-05-01"), ("2024-05-01 10:00:00Z", "2024-05-01 10:00:00Z"),
        ("!!binary aGk= ", "aGk="), ("!!str 5", "5"), ("!!int '5'", 5), ("!!float 5", 5),
        ("!!timestamp 2024-05-01", "2024-05-01"), ("! 5", "5"), ("=", "="), ("<<", "<<"),
    ],
)  # fmt: skip
def test_a_value_has_the_type_that_json_has_or_is_text_as_it_is_written(
    written: str, read: Any
) -> None:
    assert value(f"- {written}") == [read]


@pytest.mark.parametrize(
    "number", ["123456789012345678901234567890", "-0.10000000000000000001", "1.5e+999"]
)
def test_a_number_keeps_its_digits(number: str) -> None:
    assert as_json(f"- {number}".encode()) == [f"[{number}]".encode()]


def test_keys_of_any_type_are_text_as_it_is_written() -> None:
    assert value("1: a\ntrue: b\n~: c\n2024-05-01: d\n0x1F: e\n") == {
        "1": "a", "true": "b", "~": "c", "2024-05-01": "d", "0x1F": "e",
    }  # fmt: skip


def test_order_and_nesting_are_those_of_the_text() -> None:
    text = "b:\n- {x: [1, {y: 2}], z: }\n- - - deep\na: |\n  two\n  lines\n"

    assert as_json(text.encode()) == [
        b'{"b":[{"x":[1,{"y":2}],"z":null},[["deep"]]],"a":"two\\nlines\\n"}'
    ]


def test_each_document_of_a_text_is_one() -> None:
    assert as_json(b"---\na: 1\n---\n- 2\n...\n") == [b'{"a":1}', b"[2]"]


def test_nothing_between_or_after_the_marks_of_documents_is_no_document() -> None:
    assert as_json(b"---\n---\na: 1\n---\n# the end\n---\n") == [b'{"a":1}']


LAUGHS = "a: &a [x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (LAUGHS, "yaml_alias"), ("a: &a [*a]", "yaml_alias"), ("a: &a {b: 1}\nc: {<<: *a}",
                                                                "yaml_alias"),
        ("a: 1\na: 2", "yaml_key"), ("1: a\n'1': b", "yaml_key"), ("? [a]\n: b", "yaml_key"),
        ("? {a: b}\n: c", "yaml_key"),
        ("!!python/object/apply:os.system ['true']", "yaml_tag"), ("a: !secret x", "yaml_tag"),
        ("a: !!set {b, c}", "yaml_tag"), ("a: !!int x", "yaml_tag"), ("!secret a: 1", "yaml_tag"),
        ("a: !!bool 1", "yaml_tag"), ("a: !!null 7", "yaml_tag"), ("a: !!int 1.5", "yaml_tag"),
        ("[" * 600 + "]" * 600, "too_deep"), ("- " * 600 + "x", "too_deep"),
        ("a: [", "not_yaml"), ("a: b: c", "not_yaml"), ("just text", "not_yaml"), ("", "not_yaml"),
        ("a: \x01", "not_yaml"), ("%YAML 9.9\n---\na: 1", "not_yaml"), ("\ta: 1", "not_yaml"),
    ],
)  # fmt: skip
def test_a_text_that_could_grow_or_that_json_has_no_place_for_is_refused(
    text: str, why: str
) -> None:
    assert reason(text) == why


def test_a_text_that_is_too_large_is_refused_unread() -> None:
    assert reason("- x\n" * (limits.YAML_MAX_BYTES // 4 + 1)) == "too_large"


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\x85", "\u2028", "\u2029"])
def test_a_text_that_defines_very_many_tags_is_refused_unread(line_break: str) -> None:
    lines = (f"%TAG !t{number}! x" for number in range(limits.YAML_TAG_DIRECTIVES_MAX + 1))

    assert reason(line_break.join([*lines, "---", "a: 1"])) == "yaml_tag"


def test_a_text_that_only_speaks_of_tags_is_read() -> None:
    text = "say %TAG " * 1000

    assert value(f"%TAG !t! x\n---\na: {text}\n") == {"a": text.strip()}


def test_a_number_with_too_many_digits_to_convert_is_text() -> None:
    digits = "0x" + "F" * 5000

    assert value(f"- {digits}") == [digits]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc \n:#'\"-", max_size=5), inner),
)  # fmt: skip


@settings(max_examples=25)
@given(st.lists(JSON, min_size=1), st.booleans())
def test_what_another_program_wrote_is_read_as_it_reads_it_itself(
    document: Any,
    flow: bool,  # noqa: FBT001 - hypothesis gives it by position
) -> None:
    written = yaml.safe_dump(document, default_flow_style=flow, allow_unicode=True)

    if "*id" not in written:  # equal objects are written once
        assert value(written) == yaml.safe_load(written) == document
