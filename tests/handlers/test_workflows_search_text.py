"""What text a search finds: in every script, in older files, and where there is too much of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import sidecar.handlers.every  # noqa: F401 - importing it fills the catalog
from sidecar import folding, limits
from sidecar.store import meta
from sidecar.store.open_close import close_store, open_store
from sidecar.store.search import indexes
from tests.harness import Bench, open_bench
from tests.made_workflows import save
from tests.store import samples
from tests.store.script_pairs import APART, FOUND
from tests.store.still_clock import SteadyClock


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        yield opened


def settle(bench: Bench) -> None:
    while indexes.update_step(bench.store):
        pass


def found(bench: Bench, query: str) -> set[str]:
    items: list[str] = []
    cursor = None
    while True:
        page = bench.call("workflows.search", query=query, cursor=cursor, limit=500)
        items += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return set(items)


@pytest.fixture(scope="module")
def in_all_scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Have each written text as a name, and as a text inside a body."""
    with open_bench(tmp_path_factory.mktemp("scripts")) as opened:
        for number, pair in enumerate([*FOUND, *APART]):
            save(opened, f"name{number}", pair.written)
            save(opened, f"body{number}", "n", {"nodes": [{"text": pair.written}]})
        settle(opened)
        yield opened


def test_what_a_person_types_finds_names_and_bodies_in_every_script(in_all_scripts: Bench) -> None:
    missed = [
        (pair, place)
        for number, pair in enumerate(FOUND)
        for place in ("name", "body")
        if f"{place}{number}" not in found(in_all_scripts, pair.typed)
    ]

    assert missed == []


def test_another_word_of_the_script_finds_neither_name_nor_body(in_all_scripts: Bench) -> None:
    wrong = [
        (pair, place)
        for number, pair in enumerate(APART, len(FOUND))
        for place in ("name", "body")
        if f"{place}{number}" in found(in_all_scripts, pair.typed)
    ]

    assert wrong == []


@pytest.mark.parametrize("version", [version for version in samples.versions() if version < 3])
def test_a_file_of_an_earlier_version_is_indexed_while_it_is_served(
    version: int, tmp_path: Path
) -> None:
    path = samples.unpack(f"v{version}", tmp_path / "test.db")
    opened = open_store(path, SteadyClock())
    bench = Bench(opened.store, SteadyClock())

    before = indexes.progress(bench.store.db)
    names = [item["name"] for item in bench.call("workflows.list", order_by="name")["items"]]
    settle(bench)

    assert before == (0, 3)
    assert names == ["flow 1", "flow 2"]
    assert indexes.progress(bench.store.db) is None
    assert found(bench, "uberall") == {"w1", "w2"}
    close_store(opened.store)


def test_text_that_another_version_has_folded_is_folded_again(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    with open_bench(tmp_path) as bench:
        path = bench.store.path
        save(bench, "w", "Flow 2")
        settle(bench)
        with bench.store.writing() as db:
            meta.write(db, meta.FOLDING, b"0/1.0")
            db.execute("UPDATE workflows SET name_key = 'old'")
            db.execute("DELETE FROM search_heads")

    opened = open_store(path, SteadyClock())
    bench = Bench(opened.store, SteadyClock())
    assert indexes.progress(bench.store.db) == (0, 1)
    settle(bench)

    assert found(bench, "flow") == {"w"}
    assert bench.rows("SELECT name_key FROM workflows") == [("flow 12",)]
    assert meta.read(bench.store.db, meta.FOLDING) == folding.VERSION.encode()
    close_store(opened.store)


def test_a_body_with_more_text_than_is_searched_is_marked_and_told(bench: Bench) -> None:
    save(bench, "w", "n", {"nodes": ["start " + "x " * limits.BODY_TEXT_MAX_CHARS + "end"]})
    save(bench, "huge", "n", {"nodes": ["y" * limits.BODY_INDEXED_MAX_BYTES]})
    save(bench, "small", "n", {"nodes": ["start"]})
    settle(bench)

    result = bench.call("workflows.search", query="start")
    marked = {
        item["id"]: item.get("text_truncated") for item in bench.call("workflows.list")["items"]
    }

    assert ({item["id"] for item in result["items"]}, result["text_truncated"]) == (
        {"w", "small"},
        True,
    )
    assert marked == {"w": True, "huge": True, "small": None}
    assert bench.call("workflows.get", id="w")["workflow"]["text_truncated"] is True


def test_a_body_that_became_shorter_is_marked_no_more(bench: Bench) -> None:
    save(bench, "w", "n", {"nodes": ["x " * limits.BODY_TEXT_MAX_CHARS]})
    settle(bench)
    save(bench, "w", "n", {"nodes": ["short"]})
    settle(bench)

    assert "text_truncated" not in bench.call("workflows.get", id="w")["workflow"]
    assert bench.call("workflows.search", query="short")["text_truncated"] is False
