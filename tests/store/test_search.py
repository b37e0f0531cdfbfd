"""Tests of the search in the store: what is found, in which order, and what is shown of it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.store.search import excerpts, indexes, spelling
from sidecar.store.search.hits import NEED_BODY, Asked, Hit, find_hits, read_headers
from sidecar.store.search.query import parse
from sidecar.store.workflows import header
from sidecar.store.workflows.delete import set_archived
from sidecar.store.workflows.header import Content, find
from sidecar.store.workflows.list import Filter
from sidecar.store.workflows.save import insert_workflow
from tests.harness import Bench, index_all, open_bench

ROWS = [
    ("slack", "Send to Slack", "posts a message when an order arrives", ["chat"], "general"),
    ("mail", "Email digest", "sends mail every morning", ["mail", "daily"], "general"),
    ("mention", "Order intake", "tells slack about it", ["shop"], "sales"),
    ("cafe", "Caf\u00e9 orders", "na\u00efve r\u00e9sum\u00e9 parser", [], "sales"),
    ("cjk", "\u5de5\u4f5c\u6d41\u7a0b \u5ba1\u6279", "\u6bcf\u65e5\u62a5\u544a", [], "general"),
    ("old", "Slack archive", "kept for later", ["chat"], "general"),
    ("odd", 'A "quoted" 100%_sure\\name', None, ["a:b", "-x"], "general"),
    ("rocket", "Launch \U0001f680", "go", [], "general"),
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with open_bench(tmp_path_factory.mktemp("search")) as opened:
        db = opened.store.db
        for index, (key, name, description, tags, category) in enumerate(ROWS):
            content = Content(name, description, header.tags_text(tags), category)
            insert_workflow(db, key, content, b"[1]", 100 + index)
        old = find(db, "old")
        assert old is not None
        set_archived(db, old.rid, 5)
        indexes.update_for_search(opened.store)
        yield opened


def ids(bench: Bench, query: str, wanted: Filter = Filter()) -> list[str]:  # noqa: B008
    asked = Asked(bench.store.db, parse(query), wanted)
    hits, _ = find_hits(asked, 50)
    return [header.id for _, header in read_headers(asked, hits)]


def test_a_hit_in_the_name_comes_before_one_in_the_description(bench: Bench) -> None:
    assert ids(bench, "slack") == ["slack", "mention"]


def test_whole_words_come_before_the_beginnings_of_words(tmp_path: Path) -> None:
    """The name in which a word begins with it would rank higher by itself, since it is short."""
    rows = {
        "whole": ("How to set what a nightly report takes from the last week", None, "1"),
        "begun": ("Settings", None, "1"),
        "inside": ("Unset", None, "1"),
        "in body": ("Other", None, '"set"'),
        "begun in body": ("Another", None, '"settings"'),
    }
    with open_bench(tmp_path) as bench:
        for key, (name, description, body) in rows.items():
            content = Content(name, description, "[]", "general")
            insert_workflow(bench.store.db, key, content, body.encode(), 100)
        index_all(bench.store.db)

        assert ids(bench, "set") == [*rows]
        hits, _ = find_hits(Asked(bench.store.db, parse("set"), Filter()), 50)
        assert [hit.stage in NEED_BODY for hit in hits] == [False, False, False, True, True]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("ord", ["cafe", "mention", "slack"]),  # the last word may be unfinished
        ("slack order", ["mention", "slack"]),  # all words, in any field
        ("slack absent", []),
        ("CAFE", ["cafe"]),
        ("caf\u00e9", ["cafe"]),
        ("resume", ["cafe"]),
        ("orning", ["mail"]),  # inside a word
        ("est mai", ["mail"]),
        ("\u4f5c\u6d41\u7a0b", ["cjk"]),  # three characters: by trigrams
        ("\u6d41\u7a0b", ["cjk"]),  # two, and one: by looking
        ("\u62a5", ["cjk"]),
        ("\u5de5\u4f5c \u62a5\u544a", ["cjk"]),
        ("\U0001f680", ["rocket"]),
        ("launch \U0001f680", ["rocket"]),
        ("mai dig", ["mail"]),
        ('"quoted"', ["odd"]),
        ("a:b", ["odd"]),
        ("%_sure", ["odd"]),
        ("\\name", ["odd"]),
        ("name:slack", []),
        ("slack OR mail", []),
        ("zz*", []),
    ],
)
def test_queries(bench: Bench, query: str, found: list[str]) -> None:
    assert sorted(ids(bench, query)) == sorted(found)


@pytest.mark.parametrize("query", ["", "   ", "\0", "-- * ()", '"', "\u3000"])
def test_a_query_without_a_term_lists_the_newest(bench: Bench, query: str) -> None:
    assert ids(bench, query) == [row[0] for row in reversed(ROWS) if row[0] != "old"]


def test_filters(bench: Bench) -> None:
    assert ids(bench, "slack", Filter(archived=True)) == ["old"]
    assert ids(bench, "slack", Filter(category="sales")) == ["mention"]
    assert ids(bench, "slack", Filter(tags=("chat",))) == ["slack"]
    assert ids(bench, "lack", Filter("general", ("chat",))) == ["slack"]
    assert ids(bench, "\u6d41\u7a0b", Filter(category="sales")) == []
    assert ids(bench, "\u6d41\u7a0b", Filter(tags=("chat",))) == []
    assert ids(bench, "", Filter(category="sales")) == ["cafe", "mention"]


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("query", ["ord", "a", "", "sla", "\u62a5", "ail"])
def test_pages_join_to_the_whole_answer(bench: Bench, query: str, size: int) -> None:
    asked = Asked(bench.store.db, parse(query), Filter())
    whole, _ = find_hits(asked, 50)
    seen: list[Hit] = []
    after: Hit | None = None
    while page := find_hits(asked, size, after)[0][:size]:
        seen += page
        after = page[-1]
    assert seen == whole


def test_no_hit_comes_twice_when_words_and_trigrams_both_find_it(bench: Bench) -> None:
    found = ids(bench, "slack")
    assert len(found) == len(set(found))


@given(st.text(max_size=60))
def test_any_text_is_a_valid_query(bench: Bench, query: str) -> None:
    current = {key for key, *_ in ROWS} - {"old"}
    for wanted, allowed in (
        (Filter(), current),
        (Filter("general", ("chat",), archived=True), {"old"}),
    ):
        asked = Asked(bench.store.db, parse(query), wanted)
        found = [each for _, each in read_headers(asked, find_hits(asked, 10)[0])]
        assert {each.id for each in found} <= allowed
        for each in found:
            fields, excerpt = excerpts.find_words(each, asked.terms.shown, excerpt=True)
            assert (excerpt is None) is (fields == [])
    assert spelling.correct_query(bench.store.db, query) != query


@pytest.mark.parametrize(
    "query",
    [
        " ".join(f"w{index}" for index in range(300)),
        " ".join("abcdefghijklmnopqrstuvwxyz" * 20),
        "a" * 1024,
        '"' * 1023 + "z",
        "\u4e2d " * 512,
        " ".join(chr(0x4E00 + index) for index in range(512)),
        "NEAR(a b) {name}: ^a + b AND NOT",
    ],
)
def test_long_and_hostile_queries(bench: Bench, query: str) -> None:
    assert ids(bench, query) == []


def test_an_excerpt_marks_every_word_and_shows_its_cuts() -> None:
    text = "x" * 50 + " the caf\u00e9 and the CAFE " + "y" * 200
    found = excerpts.cut(text, ("cafe",))
    assert found.startswith("\u2026the [caf\u00e9] and the [CAFE] yyy")
    assert found.endswith("y\u2026")
    assert excerpts.cut("short", ("none",)) == "short"
    assert excerpts.cut("abcabc", ("ab", "bc")) == "[abcabc]"


@given(st.text(max_size=300), st.lists(st.text(min_size=1, max_size=4), max_size=3))
def test_an_excerpt_without_its_marks_is_a_piece_of_the_text(text: str, terms: list[str]) -> None:
    plain = text.replace("[", "").replace("]", "").replace("\u2026", "")
    found = excerpts.cut(plain, parse(" ".join(terms)).shown)
    assert found.replace("[", "").replace("]", "").replace("\u2026", "") in plain


@pytest.mark.parametrize(
    ("text", "word", "shown"),
    [
        ("Stra\u00dfenliste", "ss", "Stra[\u00df]enliste"),
        ("e\u0301tude du soir", "etude", "[e\u0301tude] du soir"),
        ("\ufb01nance \ufb02ow", "flow", "\ufb01nance [\ufb02ow]"),
        ("\u1106\u1162\u110e\u116e\u11af b", "\ub9e4\ucd9c", "[\u1106\u1162\u110e\u116e\u11af] b"),
        ("\u00df" * 100 + " word", "word", "\u2026[word]"),
        (
            "\u00df" * 3000 + " word" + " more" * 40,
            "word",
            "\u2026[word]" + " more" * 23 + " \u2026",
        ),
    ],
)
def test_a_snippet_marks_whole_letters_where_folding_changes_lengths(
    text: str, word: str, shown: str
) -> None:
    assert excerpts.cut(text, (word,)) == shown


@pytest.mark.parametrize(
    ("query", "corrected"),
    [
        ("slakc", "slack"),
        ("slck, Order", "slack, Order"),
        ("mesage", "message"),
        ("slack", None),
        ("xq", None),
        ("qqqqqqq", None),
        ("\u5de5\u4f5c\u6d41\u7a0f", None),
        ("", None),
    ],
)
def test_the_nearest_indexed_word(bench: Bench, query: str, corrected: str | None) -> None:
    assert spelling.correct_query(bench.store.db, query) == corrected


def test_spelling_leaves_nothing_in_the_file(bench: Bench) -> None:
    before = bench.rows("SELECT count(*) FROM main.sqlite_schema")
    spelling.correct_query(bench.store.db, "slakc")
    assert bench.rows("SELECT count(*) FROM main.sqlite_schema") == before


@pytest.mark.parametrize(
    ("left", "right", "distance"),
    [("abc", "abc", 0), ("abc", "acb", 1), ("abc", "ab", 1), ("abc", "xbc", 1), ("ab", "ba", 1)],
)
def test_edits(left: str, right: str, distance: int) -> None:
    assert spelling.count_edits(left, right, 2) == distance
    assert spelling.count_edits(right, left, 2) == distance
    assert spelling.count_edits("aaaaaa", "bbbbbb", 2) > 2


def test_what_another_connection_writes_is_seen_after_a_snapshot(tmp_path: Path) -> None:
    with open_bench(tmp_path) as own, closing(apsw.Connection(str(own.store.path))) as other:
        with own.store.snapshot():
            seen = [indexes.has_pending_headers(own.store.db)]
            other.execute("INSERT INTO header_pending (rid) VALUES (1)")
            seen.append(indexes.has_pending_headers(own.store.db))
        seen.append(indexes.has_pending_headers(own.store.db))
    assert seen == [False, False, True]


def test_a_snapshot_leaves_an_open_transaction_open(tmp_path: Path) -> None:
    with open_bench(tmp_path) as own, own.store.writing() as db:
        with own.store.snapshot():
            assert db.in_transaction
        assert db.in_transaction
