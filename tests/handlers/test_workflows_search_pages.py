"""Pages of a search join to the whole result: when workflows change between two, and at bounds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar import limits
from sidecar.store.search import indexes
from tests.harness import Bench, open_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        yield opened


def save(bench: Bench, key: str, name: str, *said: str, **more: Any) -> None:
    data = ["body", *said]
    bench.call("workflows.save", workflow={"id": key, "name": name, "data": data, **more})


def settle(bench: Bench) -> None:
    """Update the search indexes, as the process does when it is idle."""
    while indexes.update_step(bench.store):
        pass


def pages(bench: Bench, query: str, **more: Any) -> Iterator[list[str]]:
    cursor = None
    while True:
        page = bench.call("workflows.search", query=query, cursor=cursor, **more)
        yield [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def found(bench: Bench, query: str, **more: Any) -> list[str]:
    return [key for page in pages(bench, query, **more) for key in page]


ACTS = st.sampled_from(
    ["save", "delete", "delete seen", "rename seen", "edit unseen", "save seen again", "nothing"]
)


@settings(max_examples=40)
@given(
    acts=st.lists(ACTS, min_size=8, max_size=8),
    query=st.sampled_from(["pear", "ear", "inner", "", "-nothing"]),
    ranked_max=st.sampled_from([3, 20_000]),
)
def test_writes_between_two_pages_lose_no_hit_and_repeat_none(
    tmp_path_factory: pytest.TempPathFactory, acts: list[str], query: str, ranked_max: int
) -> None:
    with (
        open_bench(tmp_path_factory.mktemp("pages")) as bench,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(limits, "SEARCH_RANKED_MAX", ranked_max)
        for number in range(24):
            save(bench, f"p{number}", f"pear{' x' * (number % 5)} {number}", "inner words")
            save(bench, f"o{number}", f"other {number}")
        waiting = iter(acts)
        others = iter(range(24))
        listed: list[str] = []

        for page in pages(bench, query, limit=4):
            listed += page
            act = next(waiting, "nothing")
            if act == "save":
                save(bench, f"n{len(listed)}", "unrelated, of a length that is not the others'")
            elif act == "delete":
                bench.call("workflows.delete", id=f"o{next(others)}")
            elif act == "delete seen":
                for key in page:
                    bench.call("workflows.delete", id=key)
            elif act == "rename seen" and page:
                save(bench, page[-1], "no longer it")
            elif act == "save seen again" and page:
                save(bench, page[0], f"pear pear {len(listed)}", "inner inner words")
            elif act == "edit unseen":
                for key in [f"p{n}" for n in range(24) if f"p{n}" not in listed][:1]:
                    save(bench, key, "a pear among many other words", "words, inner")

        assert len(listed) == len(set(listed))
        assert set(listed) >= {f"p{number}" for number in range(24)}


def test_a_search_goes_on_after_a_restart_and_when_its_order_is_forgotten(tmp_path: Path) -> None:
    def page_after(cursor: str | None) -> dict[str, Any]:
        with open_bench(tmp_path) as bench:
            if cursor is None:
                for number in range(9):
                    save(bench, f"p{number}", f"pear{' x' * number}")
            return bench.call("workflows.search", query="pear", cursor=cursor, limit=2)

    listed: list[str] = []
    cursor: str | None = None
    while True:
        page = page_after(cursor)
        listed += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert sorted(listed) == [f"p{number}" for number in range(9)]


def test_orders_that_are_forgotten_are_made_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SEARCH_ORDERS_MAX", 1)
    for number in range(9):
        save(bench, f"p{number}", f"pear apple{' x' * number}")
    listed: list[str] = []

    for pears, apples in zip(
        pages(bench, "pear", limit=2), pages(bench, "apple", limit=2), strict=True
    ):
        assert pears == apples
        listed += pears

    assert sorted(listed) == [f"p{number}" for number in range(9)]


@pytest.mark.parametrize("query", ["pear", "ear", "inner"])
def test_where_very_many_are_found_the_newest_come_first(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(limits, "SEARCH_RANKED_MAX", 5)
    for number in range(12):
        save(bench, f"p{number:02}", f"pear{' x' * (number % 5)}", "inner words")
    settle(bench)
    newest = [f"p{number:02}" for number in reversed(range(12))]

    result = bench.call("workflows.search", query=query)

    assert [(item["id"], item["score"]) for item in result["items"]] == [(n, 0.0) for n in newest]
    assert found(bench, query, limit=3) == newest


def test_a_hit_that_moves_back_between_two_pages_hides_no_other(bench: Bench) -> None:
    for number in range(12):
        save(bench, f"p{number}", f"pear {number}")
    listed: set[str] = set()

    for page in pages(bench, "pear", limit=3):
        listed.update(page)
        save(bench, page[-1], "a long name in which a pear comes late and counts for little")

    assert listed == {f"p{number}" for number in range(12)}


def test_a_body_with_very_many_values_is_searched(bench: Bench) -> None:
    filler = [True] * 40_000
    data = [filler, "the amount due now"]
    bench.call("workflows.save", workflow={"id": "w", "name": "n", "data": data})

    assert found(bench, "amount due") == ["w"]
    assert found(bench, '"amount due"') == ["w"]
    assert found(bench, "amount-due") == ["w"]


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ('invoice -"amount due"', ["b", "c"]),
        ("invoice -\u6f22\u5b57", ["a", "c"]),
        ("invoice -\u5b57\u6f22", ["a", "b", "c"]),
        ("invoice -http-request", ["a", "c"]),
        ('invoice -"due amount"', ["a", "b", "c"]),
        ('invoice -"amount du"', ["a", "b", "c"]),
        ('invoice -"amount due" -http-request', ["c"]),
        ('nvoic -"amount due"', ["b", "c"]),
        ('"is paid" -"amount due"', ["c"]),
        ('-"amount due"', ["b", "c"]),
        ("-amount", ["c"]),
        ("-invoice", []),
    ],
)
def test_a_minus_excludes_by_words_and_phrases_in_bodies(
    bench: Bench, query: str, left: list[str]
) -> None:
    save(bench, "a", "Invoice one", "the amount due is paid")
    save(bench, "b", "Invoice two", "due the amount; \u6f22\u5b57 here http-request")
    save(bench, "c", "Invoice three", "what is paid is paid")

    assert sorted(found(bench, query)) == left
    assert sorted(found(bench, query, limit=1)) == left


def test_a_page_of_a_query_of_many_short_terms_compares_a_bounded_number(bench: Bench) -> None:
    text = "".join(chr(0x4E00 + number) for number in range(680))
    save(bench, "w", "n", description=text)
    query = " ".join(text[place : place + 2] for place in range(0, 680, 2))

    assert found(bench, query) == ["w"]


def test_a_search_after_a_save_of_many_finds_and_excludes_by_their_bodies(bench: Bench) -> None:
    many = [
        {"id": f"w{n}", "name": f"Gadget {n}", "data": [f"needle{n}x alpha", "secretword"]}
        for n in range(limits.MANY_MAX_ITEMS)
    ]
    bench.call("workflows.save_many", items=[{"workflow": each} for each in many])

    assert found(bench, "gadget -secretword") == []
    assert found(bench, "needle99x") == ["w99"]
    assert len(found(bench, "alpha")) == len(many)


def test_a_search_reports_bodies_that_are_not_indexed_yet(bench: Bench) -> None:
    count = limits.SEARCH_TEXT_STEPS * limits.TEXT_STEP + 1
    for number in range(count):
        save(bench, f"w{number}", "n", f"needle{number}x")

    early = bench.call("workflows.search", query=f"needle{count - 1}x")
    then = bench.call("workflows.search", query=f"needle{count - 1}x")

    assert (early["items"], early["indexing"], early["did_you_mean"]) == ([], True, None)
    assert ([item["id"] for item in then["items"]], then["indexing"]) == ([f"w{count - 1}"], False)
