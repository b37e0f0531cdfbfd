import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from sidecar import limits
from sidecar.errors import (
    DatabaseDamaged,
    InvalidParams,
    NotFound,
)
from sidecar.handlers.workflows import views
from sidecar.store.workflows.list import Filter
from sidecar.values import encode_cursor, query_mark
from tests.harness import Bench, open_bench
from tests.made_workflows import add_runs, get, save


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        yield opened


def test_a_get_returns_every_field(bench: Bench) -> None:
    saved = save(bench, "w", "name", {"a": 1}, description="d", tags=["t"])
    add_runs(bench, "w", 3)
    assert get(bench) == {
        "id": "w",
        "name": "name",
        "description": "d",
        "data": {"a": 1},
        "tags": ["t"],
        "category": "general",
        "revision": 1,
        "created_at": saved["updated_at"],
        "updated_at": saved["updated_at"],
        "archived_at": None,
        "size_bytes": 8,
        "stored_bytes": saved["stored_bytes"],
        "run_count": 3,
        "last_run_at": None,
    }


def test_an_unknown_id_is_not_found(bench: Bench) -> None:
    for name in ("get", "update", "duplicate", "archive", "unarchive", "delete"):
        with pytest.raises(NotFound):
            bench.call(f"workflows.{name}", id="unknown")


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE workflow_bodies SET data = x'1f8b'",
        "DELETE FROM workflow_bodies",
        "UPDATE workflows SET size_bytes = size_bytes + 1",
        "UPDATE workflows SET content_sha256 = zeroblob(32)",
    ],
)
def test_a_damaged_body_is_reported(bench: Bench, damage: str) -> None:
    save(bench)
    bench.store.db.execute(damage)
    with pytest.raises(DatabaseDamaged) as caught:
        bench.call("workflows.get", id="w")
    assert caught.value.data["id"] == "w"
    (item,) = bench.call("workflows.get_many", ids=["w"])["items"]
    assert item["data"] is None
    assert item["damaged"] is True
    with pytest.raises(DatabaseDamaged):
        bench.call("workflows.duplicate", id="w")
    assert len(bench.call("workflows.list")["items"]) == 1


def test_get_many_answers_in_order_and_names_what_is_missing(bench: Bench) -> None:
    for key in "abc":
        save(bench, key)
    result = bench.call("workflows.get_many", ids=["c", "x", "a", "c"])
    assert [item["id"] for item in result["items"]] == ["c", "a"]
    assert result["missing"] == ["x"]
    assert result["not_sent"] == []


def test_get_many_reads_headers_alone_when_bodies_are_not_asked_for(bench: Bench) -> None:
    for key in "ab":
        save(bench, key, data=["x" * (limits.BODY_MAX_BYTES - 4)])
    listed = bench.call("workflows.list", order_by="name")["items"]

    bench.store.db.execute("UPDATE workflow_bodies SET data = x'00'")
    result = bench.call("workflows.get_many", ids=["a", "b"], data=False)

    items = [{**header, "data": None} for header in listed]
    assert result == {"items": items, "missing": [], "not_sent": []}


def test_get_many_stops_before_the_longest_line(bench: Bench) -> None:
    body = ["x" * (limits.BODY_MAX_BYTES - 4)]
    for key in "abc":
        save(bench, key, data=body)
    first = bench.call_raw("workflows.get_many", b'{"ids":["a","b","c","unknown"]}')
    assert len(first) < limits.ANSWER_MAX_BYTES
    result = msgspec.json.decode(first)
    assert [item["id"] for item in result["items"]] == ["a"]
    assert result["not_sent"] == ["b", "c", "unknown"]


def test_a_list_of_the_largest_headers_stops_before_the_longest_line(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "ITEMS_MAX_BYTES", 3 * 120_000)
    text = "\x01" * limits.DESCRIPTION_MAX_CHARS
    for index in range(8):
        save(bench, f"w{index}", description=text)
    listed: list[str] = []
    cursor = None
    while True:
        raw = bench.call_raw("workflows.list", json.dumps({"cursor": cursor}).encode())
        assert len(raw) <= 3 * 120_000
        page = msgspec.json.decode(raw)
        listed += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert listed == [f"w{index}" for index in reversed(range(8))]


def test_one_header_and_one_body_always_fit() -> None:
    assert views.HEADER_MAX_BYTES + limits.BODY_MAX_BYTES < views.ITEMS_MAX_BYTES


def test_lists_default_to_newest_first_and_names_to_a_to_z(bench: Bench) -> None:
    for key, name in (("1", "b"), ("2", "A"), ("3", "a"), ("4", "C")):
        save(bench, key, name)

    def listed(**params: object) -> list[str]:
        return [item["id"] for item in bench.call("workflows.list", **params)["items"]]

    assert listed() == ["4", "3", "2", "1"]
    assert listed(descending=False) == ["1", "2", "3", "4"]
    assert listed(order_by="name") == ["2", "3", "1", "4"]
    assert listed(order_by="name", descending=True) == ["4", "1", "3", "2"]
    assert listed(order_by="created_at", descending=None) == ["4", "3", "2", "1"]


@pytest.mark.parametrize("order_by", ["updated_at", "created_at", "last_run_at", "name"])
@pytest.mark.parametrize(
    "filters", [{}, {"category": "c"}, {"tags": ["t", "u"]}, {"archived": True}]
)
def test_pages_of_a_list_join_to_the_whole_list(
    bench: Bench, order_by: str, filters: dict[str, object]
) -> None:
    for index in range(7):
        save(bench, f"w{index}", f"n{index % 2}", category="c", tags=["t"])
        if "archived" in filters:
            bench.call("workflows.archive", id=f"w{index}")
    listed: list[str] = []
    cursor = None
    while True:
        page = bench.call("workflows.list", order_by=order_by, limit=3, cursor=cursor, **filters)
        listed += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(listed) == [f"w{index}" for index in range(7)]


def test_a_list_is_counted_as_far_as_the_limit_of_totals(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TOTAL_MAX", 3)
    for index in range(4):
        save(bench, f"w{index}", tags=["t"] * (index > 0))
    bench.call("workflows.archive", id=save(bench, "old")["id"])

    def total(**params: object) -> tuple[int | None, bool]:
        page = bench.call("workflows.list", limit=1, **params)
        return page["total"], page["total_capped"]

    assert total() == (None, False)
    assert total(total=False) == (None, False)
    assert total(total=True) == (3, True)
    assert total(total=True, tags=["t", "u"]) == (3, False)
    assert total(total=True, tags=["u"]) == (0, False)
    assert total(total=True, archived=True, order_by="name") == (1, False)
    after = bench.call("workflows.list", limit=1)["next_cursor"]
    assert total(total=True, cursor=after) == (3, True)


def test_workflows_are_listed_by_their_last_run_and_those_without_one_last(bench: Bench) -> None:
    for key in "abcd":
        save(bench, key)
    for key in "cacd":
        bench.call("runs.start", workflow_id=key)

    def listed(**params: object) -> list[str]:
        page = bench.call("workflows.list", order_by="last_run_at", **params)
        return [item["id"] for item in page["items"]]

    assert listed() == ["d", "c", "a", "b"]
    assert listed(descending=False) == ["a", "c", "d", "b"]
    bench.call("runs.delete", id=bench.call("runs.list", workflow_id="d")["items"][0]["id"])
    assert listed() == ["c", "a", "d", "b"]
    assert listed(descending=False) == ["a", "c", "b", "d"]


def test_a_cursor_of_workflows_is_refused_with_other_params(bench: Bench) -> None:
    for index in range(5):
        save(bench, f"w{index}")
    cursor = bench.call("workflows.list", limit=2)["next_cursor"]
    found = bench.call("workflows.search", query="n", limit=2)["next_cursor"]
    assert len(bench.call("workflows.list", limit=100, cursor=cursor)["items"]) == 3
    assert len(bench.call("workflows.search", query="n", cursor=found)["items"]) == 3
    for name, params in (
        ("list", {"cursor": "nonsense"}),
        ("list", {"cursor": "\u00e9"}),
        ("list", {"cursor": found}),
        ("list", {"cursor": cursor, "order_by": "name"}),
        ("list", {"cursor": cursor, "descending": False}),
        ("list", {"cursor": cursor, "category": "c"}),
        ("search", {"query": "n", "cursor": cursor}),
        ("search", {"query": "m", "cursor": found}),
        ("search", {"query": "n", "tags": ["t"], "cursor": found}),
    ):
        with pytest.raises(InvalidParams) as caught:
            bench.call(f"workflows.{name}", **params)
        assert caught.value.data["path"] == "$.params.cursor"


def test_a_forged_cursor_is_refused_or_finds_nothing(bench: Bench) -> None:
    save(bench)
    marks = {query: query_mark(query, *Filter()) for query in ("n", "\u4e2d", "")}
    for query, mark in marks.items():
        cursor = encode_cursor(mark, 1, 0, 2, 1e300, 1)
        with pytest.raises(InvalidParams):
            bench.call("workflows.search", query=query, cursor=cursor)
        for stage in (-1, 9, 2**40):
            cursor = encode_cursor(mark, -1, -1, stage, -1e15, -1)
            bench.call("workflows.search", query=query, cursor=cursor)


def test_a_hit_names_its_fields_and_has_a_snippet(bench: Bench) -> None:
    save(bench, "a", "Send to Slack", description="when an order comes", tags=["chat"])
    save(bench, "b", "Orders", description="tells slack of it")
    result = bench.call("workflows.search", query="slack")
    first, second = result["items"]
    assert (first["id"], first["matched_in"]) == ("a", ["name"])
    assert first["snippet"] == "Send to [Slack]"
    assert (second["id"], second["matched_in"]) == ("b", ["description"])
    assert second["snippet"] == "tells [slack] of it"
    assert first["score"] > second["score"]
    assert (result["next_cursor"], result["did_you_mean"]) == (None, None)
    (item,) = bench.call("workflows.search", query="chat", snippets="none")["items"]
    assert (item["matched_in"], item["snippet"]) == (["tags"], None)
    (item,) = bench.call("workflows.search", query="chat")["items"]
    assert item["snippet"] == "[chat]"


def test_a_search_that_finds_nothing_offers_a_similar_word(bench: Bench) -> None:
    save(bench, "a", "Send to Slack")
    assert bench.call("workflows.search", query="slakc send") == {
        "items": [],
        "next_cursor": None,
        "indexing": False,
        "text_truncated": False,
        "did_you_mean": "slack send",
    }
    assert bench.call("workflows.search", query="zzzz")["did_you_mean"] is None


def test_search_pages_by_cursor_through_all_stages(bench: Bench) -> None:
    for index in range(5):
        save(bench, f"word{index}", "order")
        save(bench, f"part{index}", "reordering")
    listed: list[str] = []
    cursor = None
    while True:
        page = bench.call("workflows.search", query="order", limit=3, cursor=cursor)
        listed += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [key[:4] for key in listed] == ["word"] * 5 + ["part"] * 5
    assert len(set(listed)) == 10
