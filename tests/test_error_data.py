"""Tests that what errors tell is what the contract says they tell.

Besides, every error that a method of `Bench`, a scenario or a failed start gives in any test is
compared with its schema; see `described_errors.py`.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

import sidecar
from sidecar import describe, errors
from sidecar.error_data import EXIT_TEXTS, STDERR_LINES, ErrorData, StartFailed, data_of
from sidecar.errors import ExitCode, SidecarError
from tests.described_errors import members

BY_NAME = {error.__name__: error for error in errors.catalogue()}
COMMON = members(ErrorData)
UNPACKED = {
    "InvalidParams": {"did_you_mean"},
    "KdfPolicy": {"memory_kib", "passes", "lanes"},
}
"""Members of errors that are raised with `**`."""


@cache
def raised() -> tuple[tuple[str, str], ...]:
    """Return each error class that the program calls, with each member that it gives."""
    return tuple(_find_raised())


def _find_raised() -> Iterator[tuple[str, str]]:
    for path in sorted(Path(sidecar.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = node.func
                name = getattr(called, "id", getattr(called, "attr", ""))
                if name in BY_NAME:
                    yield from ((name, word.arg) for word in node.keywords if word.arg)
    yield from ((name, member) for name, found in UNPACKED.items() for member in found)


def test_every_member_that_an_error_is_raised_with_is_described() -> None:
    unknown = {(name, arg) for name, arg in raised() if arg not in members(data_of(BY_NAME[name]))}

    assert unknown == set()


@pytest.mark.parametrize("error", errors.catalogue(), ids=lambda error: str(error.slug))
def test_every_member_that_is_described_is_given_somewhere(error: type[SidecarError]) -> None:
    given = {arg for name, arg in raised() if name == error.__name__}

    assert members(data_of(error)) - COMMON <= given


@pytest.mark.parametrize("error", errors.catalogue(), ids=lambda error: str(error.slug))
def test_the_contract_has_a_schema_of_the_data_of_each_error(error: type[SidecarError]) -> None:
    document = describe.contract()
    name = document["x-errors"][error.__name__]["data"]["$ref"].rpartition("/")[2]
    schema = document["components"]["schemas"][name]

    assert set(schema["properties"]) == members(data_of(error))
    assert {"slug", "retryable"} <= set(schema["required"])
    assert all(field.get("description") for field in schema["properties"].values())


def test_a_start_can_fail_with_each_error_that_has_an_exit_code_of_its_own() -> None:
    document = describe.contract()
    own = {error.slug for error in errors.catalogue() if error.exit_code is not ExitCode.INTERNAL}
    told = set(document["components"]["schemas"]["StartFailedSlug"]["enum"])

    assert told == own | {"internal", "already_running", "no_database"}


def test_the_lines_of_stderr_and_the_exit_codes_are_described() -> None:
    document = describe.contract()
    named = [each["schema"]["$ref"].rpartition("/")[2] for each in document["x-stderr"]]

    assert named == [struct.__name__ for struct in STDERR_LINES]
    assert document["x-exit-codes"] == [
        {"code": int(code), "name": code.name.lower(), "text": EXIT_TEXTS[code]}
        for code in ExitCode
    ]


def test_a_line_that_lacks_a_member_is_no_failed_start() -> None:
    """The comparison that the tests of real processes use can fail."""
    line: dict[str, Any] = {"at": 1, "level": "error", "event": "start_failed", "slug": "internal"}

    with pytest.raises(msgspec.ValidationError, match="message"):
        msgspec.convert(line, StartFailed)
