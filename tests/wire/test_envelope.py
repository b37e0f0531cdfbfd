"""Tests of messages: ids, encoding, and lines that nest deep and may hold a secret."""

import json
from typing import Any

import msgspec
import pytest
from msgspec import UNSET, Raw

from sidecar import limits
from sidecar.errors import Conflict, InvalidRequest, TooLarge
from sidecar.notifications import NAMES, NOTIFICATIONS, SystemClosing
from sidecar.wire import envelope
from sidecar.wire.envelope import Request


@pytest.mark.parametrize("levels", [limits.DEPTH_MAX, limits.DEPTH_MAX + 1])
@pytest.mark.parametrize("method", ["secrets.set", "workflows.save", "secrets\\u002eset"])
def test_a_line_that_may_hold_a_secret_nests_as_deep_as_any_other(method: str, levels: int) -> None:
    line = f'{{"method":"{method}","]{{":{"[" * (levels - 1)}{"]" * (levels - 1)}}}'.encode()

    assert envelope.nests_deeper(line, limits.DEPTH_MAX) == (levels > limits.DEPTH_MAX)


@pytest.mark.parametrize(
    "request_id",
    [None, 0, -1, "", "é", 2**53, 2**64 - 1, -(2**63), "x" * limits.ID_MAX_CHARS],
    ids=lambda value: repr(value)[:20],
)
def test_an_id_that_fits_is_echoed_as_it_came(request_id: str | int | None) -> None:
    line = json.dumps({"jsonrpc": "2.0", "id": request_id, "method": "m"}).encode()
    request = envelope.decode_request(line)

    envelope.check(request)

    assert request.id is not UNSET
    assert json.loads(envelope.encode_result(request.id, 1))["id"] == request_id


@pytest.mark.parametrize(
    "request_id",
    [True, False, 1.5, [], {}, 2**64, -(2**63) - 1, 10**5000, "x" * (limits.ID_MAX_CHARS + 1)],
    ids=lambda value: (
        f"{type(value).__name__}-{str(value)[:8] if value is not None else ''}"
        if not isinstance(value, int) or value < 2**70
        else "5000-digits"
    ),
)
def test_an_id_that_cannot_be_echoed_does_not_fit(request_id: object) -> None:
    assert not envelope.request_id_fits(request_id)


def test_an_absent_id_is_not_a_null_id() -> None:
    absent = envelope.decode_request(b'{"jsonrpc":"2.0","method":"m"}')
    null = envelope.decode_request(b'{"jsonrpc":"2.0","method":"m","id":null}')

    assert (absent.id, null.id) == (UNSET, None)


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (Request("m", "1.0", 1), "$.jsonrpc"),
        (Request("m", "", 1), "$.jsonrpc"),
        (Request("m", "2.0", 2**64), "$.id"),
        (Request("m", "2.0", 1, Raw(b'"text"')), "$.params"),
        (Request("m", "2.0", 1, Raw(b"7")), "$.params"),
        (Request("m", "2.0", 1, Raw(b"true")), "$.params"),
    ],
)
def test_what_decodes_but_is_no_request_is_refused_with_its_path(
    request_: Request, path: str
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        envelope.check(request_)

    assert raised.value.data["path"] == path


@pytest.mark.parametrize("params", [UNSET, Raw(b"null"), Raw(b"{}"), Raw(b"[1]")])
def test_params_may_be_absent_null_an_object_or_an_array(params: Any) -> None:
    envelope.check(Request("m", "2.0", 1, params))


def test_extra_members_are_ignored_and_of_two_the_last_counts() -> None:
    line = b'{"jsonrpc":"2.0","id":1,"method":"a","more":{},"method":"b","id":2}'

    request = envelope.decode_request(line)

    assert (request.id, request.method) == (2, "b")


def test_a_result_longer_than_an_answer_may_be_is_refused() -> None:
    with pytest.raises(TooLarge) as raised:
        envelope.encode_result(1, Raw(b'"%b"' % (b"x" * limits.ANSWER_MAX_BYTES)))

    assert raised.value.data["limit"] == limits.ANSWER_MAX_BYTES


def test_a_batch_longer_than_an_answer_may_be_becomes_one_error() -> None:
    member = b"%b\n" % (b"x" * (limits.ANSWER_MAX_BYTES // 2))

    answer = json.loads(envelope.encode_batch([member, member]))

    assert (answer["id"], answer["error"]["data"]["slug"]) == (None, "too_large")


def test_a_batch_of_answers_is_one_line_in_order() -> None:
    members = [envelope.encode_result(number, {}) for number in range(3)]

    line = envelope.encode_batch(members)

    assert line.count(b"\n") == 1
    assert [answer["id"] for answer in json.loads(line)] == [0, 1, 2]


def test_an_error_line_has_no_result_and_a_result_line_no_error() -> None:
    error = json.loads(envelope.encode_error("a", Conflict(revision=2)))
    result = json.loads(envelope.encode_result("a", None))

    assert set(error) == {"jsonrpc", "id", "error"}
    assert result == {"jsonrpc": "2.0", "id": "a", "result": None}


def test_a_notification_begins_as_the_protocol_says() -> None:
    line = envelope.encode_notification(SystemClosing("eof"))

    assert line.startswith(b'{"jsonrpc":"2.0","method":')
    assert msgspec.json.decode(line) == {
        "jsonrpc": "2.0",
        "method": "system.closing",
        "params": {"reason": "eof"},
    }


def test_every_notification_has_its_name_both_ways() -> None:
    assert {struct: name for name, struct in NOTIFICATIONS.items()} == NAMES


def test_an_answer_is_one_line_though_stored_json_has_line_breaks() -> None:
    data = envelope.encode_result(1, Raw(b'{"a":\r\n 1,\n"b":"x\\n"}'))

    assert data == b'{"jsonrpc":"2.0","id":1,"result":{"a":   1, "b":"x\\n"}}\n'
