"""How single values of a legacy file are converted."""

import gzip
import json

import pytest

from sidecar.errors import DatabaseDamaged
from sidecar.store import codec
from sidecar.store.legacy import values
from tests.store.legacy_files import SECONDS, packed

MS = SECONDS * 1000


@pytest.mark.parametrize(
    "blob", [gzip.compress(b"", mtime=0), gzip.compress(b"text", mtime=0), b"", b"\x1f\x8b"]
)
def test_damage_of_any_kind_reads_as_damaged(blob: bytes) -> None:
    stored = values.body(blob, "w")

    assert stored == (blob, bytes(32), 0, len(blob), False)
    with pytest.raises(DatabaseDamaged):
        codec.unpack(stored.data, stored.sha256, stored.size_bytes)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (SECONDS, MS),
        (float(SECONDS) + 0.5, MS + 500),
        (str(SECONDS), MS),
        (MS, MS),
        ("2023-07-22 04:26:40", MS),
        ("2023-07-22T06:26:40+02:00", MS),
        (0, 0),
        (-5, 0),
        (10**300 * 1.0, 2**53 - 1),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        (None, None),
        (b"\xff", None),
    ],
)
def test_times_of_every_kind_become_milliseconds(value: values.Value, expected: int | None) -> None:
    assert values.millis(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, []),
        ("", []),
        ("[]", []),
        ('["a","b","a",""]', ["a", "b"]),
        ('["a",1,null,{"x":1}]', ["a", "1", '{"x":1}']),
        ("one, two", ["one, two"]),
        ('{"a":1}', ['{"a":1}']),
        ("x" * 100, ["x" * 64, "x" * 36]),
        (b'["\xff"]', ["\ufffd"]),
        ("[" * 100_000, ["[" * 64, "[" * 32]),
    ],
)
def test_tags_of_every_kind_are_read_as_far_as_possible(
    value: values.Value, expected: list[str]
) -> None:
    assert values.tags(value) == expected


@pytest.mark.parametrize(
    ("value", "value_type", "expected"),
    [
        ("1.50", "number", ("1.50", "number")),
        ("true", "number", ('"true"', "string")),
        ("yes", "boolean", ('"yes"', "string")),
        ('{"a": [1]}', "json", ('{"a": [1]}', "json")),
        ("{", "json", ('"{"', "string")),
        ("30", "string", ('"30"', "string")),
        (None, None, ('""', "string")),
    ],
)
def test_a_setting_keeps_its_type_or_becomes_a_string(
    value: values.Value, value_type: str | None, expected: tuple[str, str]
) -> None:
    assert values.setting(value, value_type) == expected


@pytest.mark.parametrize("body", ['{"a":"\u2028"}', '{\r\n"a":1e999}', "9" * 5000])
def test_a_body_is_moved_byte_for_byte(body: str) -> None:
    stored = values.body(packed(body.encode()), "w")

    assert codec.unpack(stored.data, stored.sha256) == body.encode()


def test_stores_11_a_large_summary_is_kept_to_its_limit_with_its_true_size() -> None:
    whole = b'"' + b"x" * 2_000_000 + b'"'

    stored = values.summary(packed(whole))

    kept = whole[: 1024 * 1024].decode()
    assert json.loads(codec.unpack(stored.data, stored.sha256)) == kept
    assert stored.size_bytes == len(whole)
