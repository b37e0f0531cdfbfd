"""Compares errors, and lines of stderr, with what the contract says of them."""

from typing import Any

import msgspec

from sidecar import errors
from sidecar.error_data import StartFailed, data_of

BY_CODE = {error.code: error for error in errors.catalogue()}
BY_SLUG = {error.slug: error for error in errors.catalogue()}


def members(struct: type[msgspec.Struct]) -> set[str]:
    """Return the names of a struct's members."""
    return {field.encode_name for field in msgspec.structs.fields(struct)}


def assert_described(error: dict[str, Any]) -> None:
    """Assert that an error object is of a class of the contract, and its data of its struct."""
    known = BY_CODE[error["code"]]
    struct = data_of(known)
    data = error["data"]

    assert data["slug"] == known.slug
    assert data.keys() <= members(struct), (known.slug, data)
    msgspec.convert(data, struct)


def assert_start_failed(line: dict[str, Any]) -> None:
    """Assert that a line of stderr is one of a start that failed, as the contract has it."""
    known = BY_SLUG.get(line["slug"])
    more = members(data_of(known)) if known else set()

    msgspec.convert(line, StartFailed)
    assert line.keys() <= members(StartFailed) | more
