"""`workflows.search`: headers first, then bodies; phrases, exclusions and snippets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar import limits
from tests.harness import Bench, open_bench


def node(name: str, prompt: str = "") -> dict[str, Any]:
    return {"id": name, "name": name, "type": "base.httpRequest", "parameters": {"prompt": prompt}}


ROWS: list[dict[str, Any]] = [
    {"id": "title", "name": "Invoice intake", "data": {"nodes": [node("Fetch")]}},
    {
        "id": "inside",
        "name": "Office",
        "data": {"nodes": [node("Ask", "Read the invoice and tell the total amount due.")]},
    },
    {
        "id": "both",
        "name": "Ledger",
        "tags": ["finance"],
        "category": "money",
        "data": {"nodes": [node("Ask", "An amount of an invoice, caf\u00e9 included.")]},
    },
    {
        "id": "cjk",
        "name": "Notes",
        "data": {"nodes": [node("Ask", "\u4f1a\u8b70\u306e\u8981\u7d04\u3092\u66f8\u304f")]},
    },
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with open_bench(tmp_path_factory.mktemp("search")) as opened:
        for row in ROWS:
            opened.call("workflows.save", workflow=row)
        yield opened


def found(bench: Bench, query: str, **more: Any) -> list[str]:
    items = bench.call("workflows.search", query=query, **more)["items"]
    return [item["id"] for item in items]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (
            "invoice",
            ["title", "both", "inside"],
        ),  # A match in the title comes before one in the body.
        ("office invoice", ["inside"]),  # One word is in the title, one in the body.
        ("finance amount", ["both"]),  # One word is a tag, one in the body.
        ("total amo", ["inside"]),  # The last word is the beginning of one.
        ("CAFE", ["both"]),
        ("http request", ["both", "cjk", "inside", "title"]),  # These words are a node's kind.
        ("httprequest", ["both", "cjk", "inside", "title"]),
        ("\u8981\u7d04", ["cjk"]),  # This script has no spaces.
        ('"the invoice"', ["inside"]),
        ('"invoice the"', []),
        ('"\u306e\u8981\u7d04"', ["cjk"]),
        ('"invoice intake"', ["title"]),
        ("invoice -amount", ["title"]),
        ("invoice -office", ["title", "both"]),
        ("invoice -finance -total", ["title"]),
        ("-invoice", ["cjk"]),  # The newest workflows without the word.
        ('-"the invoice" -notes', ["both", "title"]),
        ('invoice -"invoice intake"', ["both", "inside"]),
        ("amount -\u8981\u7d04", ["both", "inside"]),
    ],
)
def test_queries_find_words_in_bodies(bench: Bench, query: str, ids: list[str]) -> None:
    got = found(bench, query)

    assert sorted(got) == sorted(ids)
    if ids and ids[0] == "title":
        assert got[0] == "title"


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("invoize", "invoice"),
        ("amont", "amount"),
        ("qqqqqq", None),
        ('"total amont" -paid', '"total amount" -paid'),
        ("amont, -(Invoice)", "amount, -(Invoice)"),
        (" ".join(f"qqqq{n}" for n in range(limits.SEARCH_SPELLED_MAX)) + " amont", None),
    ],
)
def test_an_unknown_word_is_answered_with_the_most_similar_one(
    bench: Bench, query: str, meant: str | None
) -> None:
    result = bench.call("workflows.search", query=query)

    assert (result["items"], result["did_you_mean"]) == ([], meant)


def test_filters_apply_to_matches_in_bodies_too(bench: Bench) -> None:
    assert found(bench, "amount", tags=["finance"]) == ["both"]
    assert found(bench, "amount", category="general") == ["inside"]
    assert found(bench, "amount", archived=True) == []


def test_a_match_in_a_body_says_so_and_shows_the_line(bench: Bench) -> None:
    (item,) = bench.call("workflows.search", query="total due", snippets="body")["items"]

    assert item["matched_in"] == ["body"]
    assert item["snippet"] == "Read the invoice and tell the [total] amount [due]."


def test_a_match_in_the_header_shows_the_header_when_the_body_has_no_word(bench: Bench) -> None:
    (item,) = bench.call("workflows.search", query="intake", snippets="body")["items"]

    assert item["matched_in"] == ["name"]
    assert item["snippet"] == "Invoice [intake]"


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("query", ["invoice", "amount", '"an amount"', "http request"])
def test_pages_join_over_all_stages(bench: Bench, query: str, size: int) -> None:
    whole = found(bench, query)
    joined: list[str] = []
    cursor = None
    while True:
        page = bench.call("workflows.search", query=query, limit=size, cursor=cursor)
        joined += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert joined == whole


def test_replaced_text_is_no_longer_found(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        for text in ("alpha inside", "beta inside"):
            workflow = {"id": "w", "name": "n", "data": {"nodes": [node("A", text)]}}
            bench.call("workflows.save", workflow=workflow)
            bench.call("workflows.search", query="x")

        assert found(bench, "alpha") == []
        assert found(bench, "beta") == ["w"]
        bench.call("workflows.delete", id="w")
        assert found(bench, "beta") == []


def test_a_damaged_body_is_found_by_its_header(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        bench.call("workflows.save", workflow={"id": "w", "name": "Alpha", "data": {"a": "beta"}})
        with bench.store.writing() as db:
            db.execute("UPDATE workflow_bodies SET data = X'00'")

        assert found(bench, "alpha") == ["w"]
        assert found(bench, "beta") == []


def test_a_body_too_large_to_search_is_found_by_its_header(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        data = ["beta", "x " * (limits.BODY_INDEXED_MAX_BYTES // 2)]
        bench.call("workflows.save", workflow={"id": "w", "name": "Alpha", "data": data})

        assert found(bench, "alpha") == ["w"]
        assert found(bench, "beta") == []


def test_snippets_of_bodies_are_cut_from_a_bounded_part_of_the_page(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        filler = "x " * (limits.SEARCH_SNIPPETS_BYTES // 4)
        for number in range(4):
            workflow = {"id": f"w{number}", "name": "Alpha", "data": ["an alpha inside", filler]}
            bench.call("workflows.save", workflow=workflow)

        items = bench.call("workflows.search", query="alpha", snippets="body")["items"]

        assert [item["snippet"] for item in items] == [
            "an [alpha] inside",
            *["[Alpha]"] * 3,
        ]


def test_a_symbol_beside_a_word_is_found_in_bodies(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        rows = {"in": ("one", "a party \U0001f389 tonight"), "no": ("two", "a party tonight")}
        rows["head"] = ("Party \U0001f389", "body")
        for key, (name, said) in rows.items():
            bench.call("workflows.save", workflow={"id": key, "name": name, "data": [said]})

        assert found(bench, "party \U0001f389") == ["head", "in"]
        assert found(bench, "\U0001f389 -tonight") == ["head"]
