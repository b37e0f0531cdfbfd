"""Search in scripts that are not Latin: which workflows match, and in which fields."""

from collections.abc import Iterator

import pytest

from tests.harness import Bench, open_bench

ROWS = {
    "hurray": ("one", None, "대한민국 만세"),
    "school": ("two", None, "학교에서 한자와 국어를"),
    "report": ("학교 보고서", "한국 소식", "body"),
    "account": ("Счёт", None, "оплата счёта"),
    "accounts": ("Счета", "все", "Отчет"),
    "kana": ("three", None, "がっこうのしごと"),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with open_bench(tmp_path_factory.mktemp("scripts")) as opened:
        for key, (name, description, said) in ROWS.items():
            workflow = {"id": key, "name": name, "description": description, "data": [said]}
            opened.call("workflows.save", workflow=workflow)
        yield opened


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("счет", ["account", "accounts"]),
        ("Счёт", ["account", "accounts"]),
        ("оплата счета", ["account"]),
        ('"оплата счета"', ["account"]),
        ("отчёт", ["accounts"]),
        ("чет", ["account", "accounts"]),
        ("счет -все", ["account"]),
        ("счета -оплата", ["accounts"]),
        ('счет -"оплата счета"', ["accounts"]),
        ("счет -счёт", ["accounts"]),
        ("\u0435" * 60 + " " + "\u0451" * 60, []),
    ],
)
def test_a_letter_that_is_written_without_its_dots_is_found_with_them(
    bench: Bench, query: str, ids: list[str]
) -> None:
    items = bench.call("workflows.search", query=query)["items"]

    assert sorted(item["id"] for item in items) == ids


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("민국", {"hurray": ["body"]}),
        ("대한민국", {"hurray": ["body"]}),
        ("한국", {"report": ["description"]}),
        ("학교", {"report": ["name"], "school": ["body"]}),
        ("한국 보고", {"report": ["name", "description"]}),
        ("がっこう", {"kana": ["body"]}),
        ("かっこう", {}),
        ("학교 -한자", {"report": ["name"]}),
    ],
)
def test_syllables_and_kana_are_letters_of_their_own(
    bench: Bench, query: str, places: dict[str, list[str]]
) -> None:
    items = bench.call("workflows.search", query=query)["items"]

    assert {item["id"]: item["matched_in"] for item in items} == places
