import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from sidecar import limits
from sidecar.catalog import METHODS
from sidecar.errors import (
    Archived,
    Conflict,
    EmptyBody,
    InvalidParams,
    TooLarge,
)
from sidecar.handlers.workflows.checks import is_empty_body
from sidecar.store.workflows.header import load
from sidecar.wire.envelope import encode_result
from sidecar.wire.params import decode_params
from tests.harness import Bench, open_bench
from tests.made_workflows import flow, get, save

NOT_TOUCHED = [
    '{ "b":1.10,  "a" : 1e400, "u":"\\u00e9\u00e9", "z":{"k":[ ]} }',
    "[-0,\t1E+2, 0.10000000000000000001, 1e-999]",
    "9" * 5000,
    '{"a":1,"a":2,"\\/":"\\u2028\\r\u2027\u0085\x7f"}',
]


def save_body(bench: Bench, body: str, workflow_id: str = "w") -> dict[str, Any]:
    """Save a workflow whose body is this text."""
    text = f'{{"workflow":{{"name":"n","id":"{workflow_id}","data":{body}}}}}'
    return bench.call_json("workflows.save", text.encode())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        yield opened


def test_a_save_creates_then_changes_then_writes_nothing(bench: Bench) -> None:
    first = save(bench)
    assert first == {
        "id": "w",
        "revision": 1,
        "created": True,
        "changed": True,
        "updated_at": first["updated_at"],
        "size_bytes": 3,
        "stored_bytes": first["stored_bytes"],
    }
    assert bench.changes() == [("w", 1, "created")]
    assert bench.audited() == [("workflow_save", "w", {"created": True, "revision": 1})]
    second = save(bench, data=[2])
    assert (second["revision"], second["created"], second["changed"]) == (2, False, True)
    assert bench.changes() == [("w", 2, "saved")]
    assert bench.audited() == [("workflow_save", "w", {"created": False, "revision": 2})]
    third = save(bench, data=[2])
    assert third == {**second, "changed": False}
    assert (bench.changes(), bench.audited()) == ([], [])


def test_a_save_without_an_id_makes_one(bench: Bench) -> None:
    result = bench.call("workflows.save", workflow={"name": "n", "data": [1]})
    assert result["id"] == "made-1"
    assert get(bench, "made-1")["name"] == "n"


def test_an_absent_member_gets_its_default(bench: Bench) -> None:
    save(bench, description="d", tags=["b", "a", "b"], category="c")
    workflow = get(bench)
    assert (workflow["description"], workflow["tags"], workflow["category"]) == (
        "d",
        ["b", "a"],
        "c",
    )
    save(bench)
    workflow = get(bench)
    assert (workflow["description"], workflow["tags"], workflow["category"]) == (
        None,
        [],
        "general",
    )


@pytest.mark.parametrize(
    ("member", "value"),
    [("name", "m"), ("description", "d"), ("tags", ["t"]), ("category", "c"), ("data", [9])],
)
def test_each_member_alone_is_a_change(bench: Bench, member: str, value: object) -> None:
    save(bench)
    saved = bench.call("workflows.save", workflow={**flow(), member: value})
    assert (saved["revision"], saved["changed"]) == (2, True)
    assert get(bench)[member] == value


@pytest.mark.parametrize("body", NOT_TOUCHED)
def test_a_body_comes_back_byte_for_byte(bench: Bench, body: str) -> None:
    saved = save_body(bench, body)

    raw = bench.call_raw("workflows.get", b'{"id":"w"}')
    assert saved["size_bytes"] == len(body.encode())
    assert f'"data":{body}}}'.encode() in raw


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ('["\u2028 \u2029\u2027"]', '["\\u2028 \\u2029\u2027"]'),
        ('{"a"\r:\r\r[1 ,\r2]}', '{"a" :  [1 , 2]}'),
    ],
)
def test_characters_that_split_lines_are_stored_as_sent_and_answered_escaped(
    bench: Bench, body: str, sent: str
) -> None:
    saved = save_body(bench, body)

    raw = encode_result(1, Raw(bench.call_raw("workflows.get", b'{"id":"w"}')))
    stored = load(bench.store.db, "w")
    assert stored is not None
    assert stored.body() == body.encode()
    assert stored.header.content_sha256 == hashlib.sha256(body.encode()).digest()
    assert saved["size_bytes"] == len(body.encode())
    assert f'"data":{sent}}}'.encode() in raw
    assert json.loads(sent) == json.loads(body)


def test_a_body_counts_with_the_escapes_that_an_answer_needs(bench: Bench) -> None:
    fitting = limits.BODY_MAX_BYTES // len(r"\u2028") - 1

    save_body(bench, '"' + "\u2028" * fitting + '"')
    with pytest.raises(TooLarge):
        save_body(bench, '"' + "\u2028" * (fitting + 2) + '"')

    raw = bench.call_raw("workflows.get", b'{"id":"w"}')
    assert len(encode_result(1, Raw(raw))) > limits.BODY_MAX_BYTES - 20


def test_get_many_ends_before_escapes_make_its_answer_too_large(bench: Bench) -> None:
    body = '"' + "\u2029" * (limits.BODY_MAX_BYTES // 7) + '"'
    for workflow_id in "abc":
        save_body(bench, body, workflow_id)

    told = bench.call("workflows.get_many", ids=["a", "b", "c"])

    assert ([each["id"] for each in told["items"]], told["not_sent"]) == (["a", "b"], ["c"])


def test_expected_revision_is_compare_and_set(bench: Bench) -> None:
    def attempt(expected: int, data: object) -> dict[str, Any]:
        return bench.call("workflows.save", workflow=flow(data=data), expected_revision=expected)

    with pytest.raises(Conflict) as missing:
        attempt(3, [1])
    assert missing.value.data["revision"] == 0
    assert missing.value.data["updated_at"] is None
    first = attempt(0, [1])
    for expected in (0, 2):
        with pytest.raises(Conflict) as caught:
            attempt(expected, [2])
        assert caught.value.data["revision"] == 1
        assert caught.value.data["updated_at"] == first["updated_at"]
        assert caught.value.data["path"] == "$.params.expected_revision"
    assert attempt(1, [2])["revision"] == 2


def test_an_empty_body_needs_force_over_a_full_one(bench: Bench) -> None:
    save(bench, data={"nodes": []})
    save(bench, data={"nodes": [1]})
    with pytest.raises(EmptyBody):
        save(bench, data={"nodes": [], "edges": []})
    assert get(bench)["data"] == {"nodes": [1]}
    bench.call("workflows.save", workflow=flow(data={}), force=True)
    assert get(bench)["data"] == {}
    save(bench, data=[])
    bench.call("workflows.update", id="w", name="an update leaves an empty body alone")


@pytest.mark.parametrize(
    "body",
    [
        "{}", "[]", " { } ", "[[],{}]", '{"a":[],"b":{"c\\"":[{}]}}', "null", '{"\\u007b":[]}',
        '""', "0", "false",
    ],
)  # fmt: skip
def test_bodies_without_a_value_are_empty(body: str) -> None:
    assert is_empty_body(body.encode())


@pytest.mark.parametrize(
    "body",
    ['[""]', "7", '" "', "true", '{"a":null}', '{"a":[],"b":false}', '["a:"]', '{"a":{"b":0}}'],
)
def test_bodies_with_a_value_are_not_empty(body: str) -> None:
    assert not is_empty_body(body.encode())


def test_the_test_for_an_empty_body_takes_linear_time() -> None:
    body = b'{"a":[' + b"[" * 100_000 + b"]" * 100_000 + b'],"b' + b"x" * 1_000_000 + b'":1}'
    assert not is_empty_body(body)


def test_an_archived_workflow_refuses_content(bench: Bench) -> None:
    save(bench)
    at = bench.call("workflows.archive", id="w")["archived_at"]
    with pytest.raises(Archived) as caught:
        save(bench, data=[2])
    assert caught.value.data["archived_at"] == at
    with pytest.raises(Archived):
        bench.call("workflows.update", id="w", name="x")


def test_a_body_has_a_greatest_size(bench: Bench) -> None:
    body = b'"' + b"x" * (limits.BODY_MAX_BYTES - 2) + b'"'
    params = b'{"workflow":{"name":"n","id":"w","data":%b}}'
    assert bench.call_json("workflows.save", params % body)["size_bytes"] == limits.BODY_MAX_BYTES
    with pytest.raises(TooLarge) as caught:
        bench.call_json("workflows.save", params % b'"x%b' % body[1:])
    assert caught.value.data["limit"] == limits.BODY_MAX_BYTES
    assert caught.value.data["path"] == "$.params.workflow.data"


@pytest.mark.parametrize(
    ("member", "value", "path"),
    [
        ("id", "a\0", "$.params.workflow.id"),
        ("name", "\0", "$.params.workflow.name"),
        ("description", "a\0b", "$.params.workflow.description"),
        ("category", "\0", "$.params.workflow.category"),
        ("tags", ["a", "\0"], "$.params.workflow.tags[1]"),
    ],
)
def test_a_nul_character_is_refused_where_it_stands(
    bench: Bench, member: str, value: object, path: str
) -> None:
    with pytest.raises(InvalidParams) as caught:
        bench.call("workflows.save", workflow={**flow(), member: value})
    assert caught.value.data["path"] == path
    assert bench.call("workflows.list")["items"] == []


@pytest.mark.parametrize(
    "workflow",
    [
        {"data": [1]},
        {"name": "n"},
        {"name": "", "data": [1]},
        {"name": "n" * 513, "data": [1]},
        {"name": "n", "data": [1], "id": ""},
        {"name": "n", "data": [1], "id": "i" * 129},
        {"name": "n", "data": [1], "tags": [""]},
        {"name": "n", "data": [1], "tags": ["t" * 65]},
        {"name": "n", "data": [1], "tags": ["t"] * 65},
        {"name": "n", "data": [1], "category": ""},
        {"name": "n", "data": [1], "description": "d" * 16_385},
        {"name": "n", "data": [1], "surplus": 1},
    ],
)
def test_params_beyond_their_limits_are_refused(bench: Bench, workflow: object) -> None:
    with pytest.raises(InvalidParams):
        bench.call("workflows.save", workflow=workflow)


@pytest.mark.parametrize("on_error", [None, "skip"])
def test_null_members_of_items_are_as_if_they_were_left_out(
    bench: Bench, on_error: str | None
) -> None:
    workflow = {"name": "n", "data": [1], "tags": None, "category": None, "description": None}
    items = [{"workflow": {**workflow, "id": "w1"}, "force": None, "expected_revision": None}]

    bench.call("workflows.save_many", items=items, on_error=on_error)

    stored = bench.call("workflows.get", id="w1")["workflow"]
    assert (stored["tags"], stored["category"], stored["description"]) == ([], "general", None)


def test_save_many_takes_an_id_twice_in_order(bench: Bench) -> None:
    items = [{"workflow": flow(data=[1])}, {"workflow": flow(data=[2]), "expected_revision": 1}]
    result = bench.call("workflows.save_many", items=items)["items"]
    assert [item["saved"]["revision"] for item in result] == [1, 2]
    assert [item["error"] for item in result] == [None, None]
    assert get(bench)["data"] == [2]


def test_save_many_saves_none_when_one_fails(bench: Bench) -> None:
    items = [{"workflow": flow("a")}, {"workflow": flow("b"), "expected_revision": 7}]
    with pytest.raises(Conflict) as caught:
        bench.call("workflows.save_many", items=items)
    assert caught.value.data["index"] == 1
    assert caught.value.data["path"] == "$.params.items[1].expected_revision"
    assert bench.call("workflows.list")["items"] == []
    assert bench.told == []


def test_save_many_with_skip_saves_the_others_when_one_fails(bench: Bench) -> None:
    items = [
        {"workflow": flow("a")},
        {"workflow": flow("b"), "expected_revision": 7},
        {"workflow": {"name": "bad\0", "data": [1]}},
        {"workflow": flow("c")},
    ]
    result = bench.call("workflows.save_many", items=items, on_error="skip")["items"]
    assert [item["id"] for item in result] == ["a", "b", None, "c"]
    assert [item["error"] and item["error"]["slug"] for item in result] == [
        None,
        "conflict",
        "invalid_params",
        None,
    ]
    assert bench.changes() == [("a", 1, "created"), ("c", 1, "created")]
    assert bench.rows("SELECT seq, resource FROM access_log ORDER BY seq DESC LIMIT 2") == [
        (row[0], resource)
        for row, resource in zip(
            bench.rows("SELECT seq FROM access_log ORDER BY seq DESC LIMIT 2"),
            ("c", "a"),
            strict=True,
        )
    ]


def test_save_many_with_skip_reports_invalid_items_with_their_path(bench: Bench) -> None:
    items = [
        {"workflow": flow("a")},
        {"workflow": {"id": "b", "name": "", "data": 1}},
        "none",
        {"workflow": flow("c"), "surplus": 1},
        {"workflow": flow("d")},
    ]
    method = METHODS["workflows.save_many"]
    text = json.dumps({"items": items, "on_error": "skip"}).encode()
    with bench.request(method) as context:
        answer = method.function(context, decode_params(method, Raw(text)))
    result = msgspec.to_builtins(answer)["items"]

    assert [each["saved"] and each["saved"]["id"] for each in result] == [
        "a",
        None,
        None,
        None,
        "d",
    ]
    errors = [(each["error"]["slug"], each["error"]["path"]) for each in result if each["error"]]
    assert errors == [
        ("invalid_params", "$.params.items[1].workflow.name"),
        ("invalid_params", "$.params.items[2]"),
        ("invalid_params", "$.params.items[3].surplus"),
    ]
    result = bench.refused(InvalidParams, "workflows.save_many", items=items)
    assert result == {"path": "$.params.items[1].workflow.name", "index": 1}
    for params in ({"items": items, "on_error": "skip", "surplus": 1}, {"items": items * 50}):
        assert "index" not in bench.refused(InvalidParams, "workflows.save_many", **params)


def test_save_many_limits_the_size_of_all_bodies_together(bench: Bench) -> None:
    body = "x" * (limits.SAVE_MANY_MAX_BYTES // 2)
    items = [{"workflow": flow("a", data=[body])}, {"workflow": flow("b", data=[body])}]
    with pytest.raises(TooLarge) as caught:
        bench.call("workflows.save_many", items=items, on_error="skip")
    assert caught.value.data["limit"] == limits.SAVE_MANY_MAX_BYTES


def test_saving_the_same_again_over_a_damaged_body_mends_it(bench: Bench) -> None:
    workflow = {"id": "w", "name": "n", "data": {"nodes": [1]}}
    bench.call("workflows.save", workflow=workflow)
    with bench.store.writing() as db:
        db.execute("UPDATE workflow_bodies SET data = X'00'")

    saved = bench.call("workflows.save", workflow=workflow)

    assert (saved["changed"], saved["revision"]) == (True, 2)
    assert bench.call("workflows.get", id="w")["workflow"]["data"] == {"nodes": [1]}


def test_an_empty_body_may_replace_a_damaged_one(bench: Bench) -> None:
    bench.call("workflows.save", workflow={"id": "w", "name": "n", "data": {"nodes": [1]}})
    with bench.store.writing() as db:
        db.execute("UPDATE workflow_bodies SET data = X'00'")

    assert bench.call("workflows.save", workflow={"id": "w", "name": "n", "data": {}})["changed"]
