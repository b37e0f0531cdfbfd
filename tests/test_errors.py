"""Tests of the errors: their codes and slugs are those that the protocol has published."""

import pytest

from sidecar import errors
from sidecar.errors import ExitCode, SidecarError

PUBLISHED = {
    -32700: "parse_error", -32600: "invalid_request", -32601: "method_not_found",
    -32602: "invalid_params", -32603: "internal",
    -32000: "overloaded", -32001: "cancelled", -32002: "shutting_down", -32003: "maintenance",
    -32004: "out_of_resources",
    -32010: "not_initialized", -32011: "locked", -32012: "wrong_passphrase", -32013: "throttled",
    -32014: "tampered", -32015: "slot_damaged", -32016: "keychain_unavailable",
    -32017: "kdf_policy", -32018: "audit_unavailable", -32019: "backup_rejected",
    -32030: "database_busy", -32031: "database_full", -32032: "read_only",
    -32033: "newer_schema", -32034: "not_ours", -32035: "database_damaged",
    -32036: "recovery_required", -32037: "storage_failed", -32038: "purge_blocked",
    -32050: "not_found", -32051: "conflict", -32052: "too_large", -32053: "archived",
    -32054: "empty_body", -32060: "remote_unavailable", -32061: "remote_refused",
    -32062: "remote_untrusted", -32063: "recovery_code_needed",
}  # fmt: skip
"""The errors of the protocol; a published code or slug never changes."""

EVERY_ERROR = pytest.mark.parametrize(
    "error", errors.catalogue(), ids=lambda error: str(error.slug)
)


def test_codes_and_slugs_are_those_of_the_protocol() -> None:
    assert {error.code: error.slug for error in errors.catalogue()} == PUBLISHED


def test_codes_and_slugs_are_unique() -> None:
    catalogue = errors.catalogue()

    assert len({error.code for error in catalogue}) == len(catalogue)
    assert len({error.slug for error in catalogue}) == len(catalogue)


@EVERY_ERROR
def test_a_code_is_one_of_json_rpc_or_lies_in_its_range_for_servers(
    error: type[SidecarError],
) -> None:
    """JSON-RPC 2.0, section 5.1: -32000 to -32099 are left to servers."""
    assert error.code in {-32700, -32600, -32601, -32602, -32603} or -32099 <= error.code <= -32000


@EVERY_ERROR
def test_an_error_says_when_it_is_raised_and_what_a_person_can_do(
    error: type[SidecarError],
) -> None:
    assert error.__doc__
    assert error.text.endswith(".")
    assert error.exit_code in ExitCode


def test_the_wire_form_carries_slug_retryable_and_what_was_given() -> None:
    error = errors.Conflict(
        path="$.params.id", hint="Read it again.", outcome="not_applied", revision=3
    )

    assert error.as_wire() == {
        "code": -32051,
        "message": errors.Conflict.text,
        "data": {
            "slug": "conflict",
            "retryable": False,
            "path": "$.params.id",
            "hint": "Read it again.",
            "outcome": "not_applied",
            "revision": 3,
        },
    }


def test_members_that_were_not_given_are_absent() -> None:
    assert errors.Overloaded("Wait.").as_wire() == {
        "code": -32000,
        "message": "Wait.",
        "data": {"slug": "overloaded", "retryable": True},
    }
