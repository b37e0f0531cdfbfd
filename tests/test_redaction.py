"""Redaction: which texts are replaced, and which stay as they are."""

import json

import pytest

from sidecar import redaction
from sidecar.errors import WrongPassphrase
from sidecar.redaction import MARK, redact, redact_all
from sidecar.secrets.raw_params import as_json
from sidecar.wire.envelope import encode_error

SHAPES = [
    "sk-proj-0123456789abcdefghij",
    "sk-ant-api03-0123456789_abcdefghij",
    "ghp_0123456789abcdefghij0123456789abcdef",
    "github_pat_11ABCDEFG0123456789_abcdefghij",
    "glpat-0123456789abcdefghij",
    "xoxb-0123456789-abcdefghij",
    "AKIA0123456789ABCDEF",
    "AIza" + "a1B2c" * 7,
    "sk_live_0123456789abcdefgh",
    "hf_0123456789abcdefghijkl",
    "gsk_0123456789abcdefghijkl",
    "SG.0123456789abcdefgh.0123456789abcdefgh",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "Bearer 0123456789abcdefghij",
    "glrt-0123456789abcdefghij",
    "xapp-1-A0123456789-abcdefghij",
    "ABIA0123456789ABCDEF",
    "GOCSPX-" + "a1B2" * 7,
    "whsec_" + "a1B2" * 8,
    "pplx-" + "a1B2" * 12,
    "xai-" + "a1B2" * 20,
    "r8_" + "a1B2" * 9,
    "xkeysib-" + "a1b2" * 16,
    "key-" + "a1b2" * 8,
    "a1b2" * 8 + "-us12",
    "123456789:AA" + "a1B" * 11,
    "npm_" + "a1B2" * 9,
    "pypi-AgEIcHlwaS5vcmc" + "a1B2" * 14,
    "rubygems_" + "a1b2" * 12,
    "dop_v1_" + "a1b2" * 16,
    "dp.pt." + "a1B2" * 11,
    "dapi" + "a1b2" * 8,
    "PMAK-" + "a1b2" * 6 + "-" + "a1" * 17,
    "lin_api_" + "a1B2" * 10,
    "ntn_" + "a1B2" * 12,
    "pat" + "a1" * 7 + "." + "a1b2" * 16,
    "ATATT3" + "a1B2" * 20,
    "hvs." + "a1B2" * 8,
    "glsa_" + "a1B2" * 8 + "_a1b2c3d4",
    "NRAK-" + "A1B2" * 7,
    "sntrys_" + "a1B2" * 12,
    "sq0atp-" + "a1B2" * 6,
    "shpat_" + "a1b2" * 8,
    "pscale_tkn_" + "a1B2" * 8,
    "pul-" + "a1b2" * 10,
    "pnu_" + "a1B2" * 9,
    "sbp_" + "a1b2" * 10,
    "LTAI" + "a1B2" * 5,
    "AGE-SECRET-KEY-1" + "Q8" * 29,
    "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----\ncut off",
]


@pytest.mark.parametrize("shape", SHAPES)
def test_security_18_known_shapes_and_the_secrets_of_a_request_are_redacted(shape: str) -> None:
    assert redact(f"refused: {shape}") == f"refused: {MARK}"
    assert redact_all({"a": [f"x {shape}"], "b": 7, "c": None}) == {
        "a": [f"x {MARK}"],
        "b": 7,
        "c": None,
    }
    secret = bytearray(b"no shape that anybody knows")
    redaction.add_secret(secret)
    assert redact(f"the text {secret.decode()} came back") == f"the text {MARK} came back"
    redaction.wipe_secrets()
    assert secret == bytes(len(secret))
    assert redact("no shape that anybody knows") == "no shape that anybody knows"


def test_names_that_programs_rely_on_are_not_redacted() -> None:
    redaction.add_secret(bytearray(b"wrong"))
    error = WrongPassphrase(found="wrong")
    wire_error = json.loads(encode_error(7, error))["error"]
    redaction.wipe_secrets()

    assert wire_error == {
        "code": -32012,
        "message": error.text,
        "data": {"slug": "wrong_passphrase", "retryable": False, "found": MARK},
    }


@pytest.mark.parametrize(
    "text",
    [
        "There is no such workflow.",
        "$.params.workflow.data.nodes[3].id",
        "revision 7 of sk-7",
        "task-0123456789abcdefghij",
        "0190b3a2-7f1c-7c3e-9f6b-1f2e3d4c5b6a",
        "bearer of news",
    ],
)
def test_text_without_a_secret_is_unchanged(text: str) -> None:
    assert redact(text) == text


def test_the_text_of_an_answered_value_is_wiped_with_its_request() -> None:
    text = as_json(bytearray(b"sk-live-0123"))
    assert bytes(text) == b'"sk-live-0123"'

    redaction.wipe_secrets()

    assert bytes(text) == bytes(14)
