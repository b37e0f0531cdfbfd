"""Tests of the one normalisation of documents, queries and names."""

import unicodedata

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.folding import fold, sort_key, words
from tests.store.script_pairs import APART, FOUND, Pair

PLANE = 0x10000
SURROGATES = range(0xD800, 0xE000)


def plane(number: int) -> str:
    """Return all characters of a plane of Unicode, each on a line of its own."""
    codes = range(number * PLANE, (number + 1) * PLANE)
    return "\n".join(chr(code) for code in codes if code not in SURROGATES)


@pytest.mark.parametrize(
    "number", [0, 1, *(pytest.param(number, marks=pytest.mark.soak) for number in (2, 3, 14, 16))]
)
def test_every_character_folds_alike_in_both_cases_and_in_all_normal_forms(number: int) -> None:
    text = plane(number)
    folded = fold(text)

    for other in (folded, text.upper(), text.lower(), text.title(), text.casefold()):
        assert fold(other) == folded
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert fold(unicodedata.normalize(form, text)) == folded


@given(st.text())
def test_folding_composes_its_text_and_changes_nothing_the_second_time(text: str) -> None:
    folded = fold(text)

    assert fold(folded) == folded
    assert unicodedata.is_normalized("NFC", folded)
    assert fold(unicodedata.normalize("NFD", text)) == folded


def finds(pair: Pair) -> bool:
    """Return whether FTS5 finds the query in the text, both as words, the last one unfinished."""
    phrase = pair.typed.startswith('"')
    terms = [pair.typed.strip('"')] if phrase else pair.typed.split()
    match = " ".join(f'"{words(fold(term))}"' for term in terms)
    db = apsw.Connection(":memory:")
    db.execute("CREATE VIRTUAL TABLE texts USING fts5 (text, tokenize = 'ascii')")
    db.execute("INSERT INTO texts VALUES (?)", (words(fold(pair.written)),))
    found = db.execute("SELECT count(*) FROM texts WHERE texts MATCH ?", (f"{match}*",)).get
    db.close()
    return bool(found)


def spellings(pair: Pair) -> list[Pair]:
    """Return the pair in both normal forms and cases, of the text and of the query."""
    forms = [
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: unicodedata.normalize("NFC", text),
        str.upper,
        str.lower,
    ]
    return [
        Pair(pair.script, of_text(pair.written), of_query(pair.typed))
        for of_text in forms
        for of_query in forms
    ]


@pytest.mark.parametrize("pair", FOUND, ids=lambda pair: f"{pair.script}:{pair.typed}")
def test_what_a_person_types_finds_what_was_written(pair: Pair) -> None:
    assert [each for each in spellings(pair) if not finds(each)] == []


@pytest.mark.parametrize("pair", APART, ids=lambda pair: f"{pair.script}:{pair.typed}")
def test_another_word_is_not_found(pair: Pair) -> None:
    assert [each for each in spellings(pair) if finds(each)] == []


def test_names_are_ordered_by_their_numbers_without_case_and_accents() -> None:
    ordered = ["1", "2", "10", "\u00c5ngstr\u00f6m", "apple", "Flow", "FL\u00d6W 1", "flow 2"]
    ordered += ["Flow 02b", "flow 10", "flow 99999999999", "flow 100000000000", "Zebra"]

    assert sorted(sorted(ordered), key=sort_key) == ordered


@pytest.mark.parametrize(
    ("written", "indexed"),
    [
        ("10.0.0.1 and 12", "  10\u00b70\u00b70\u00b71  and 12"),
        ("12 3-4", "12  3\u00b74 "),
        ("v1.2 a1.2", "v 1\u00b72  a1.2"),
        ("1. 2 .3", "1. 2 .3"),
        ("123456-7", " 123456\u00b77 "),
    ],
)
def test_numbers_that_belong_together_are_one_word(written: str, indexed: str) -> None:
    assert words(written).split() == indexed.split()


@given(st.text(alphabet="aA\u00e9\u0301\u00df\n\r \u1100\u1161", max_size=40))
def test_each_line_is_folded_as_it_is_alone(text: str) -> None:
    assert fold(text).split("\n") == [fold(line) for line in text.split("\n")]


HOSTILE = ["1.2-" * 16_000, "1." * 32_000 + "x", "e" + "\u0301" * 65_000, "\ufdfa" * 16_000]
HOSTILE += ["1" * 64_000, "\u00e9\n" * 32_000]


@pytest.mark.parametrize(
    "text", HOSTILE, ids=["ranges", "dots", "accents", "expanding", "digits", "lines"]
)
def test_hostile_text_is_folded_in_time_that_grows_with_its_length(text: str) -> None:
    """A pattern that is not linear would take minutes, more than the limit of a test."""
    assert len(words(fold(text))) <= 20 * len(text)
