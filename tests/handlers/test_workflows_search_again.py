"""A search that is asked for again takes the hits that it found, until something has changed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
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


def save(bench: Bench, key: str, name: str, *said: str) -> None:
    bench.call("workflows.save", workflow={"id": key, "name": name, "data": ["body", *said]})


def found(bench: Bench, query: str = "pear", **more: Any) -> list[str]:
    result = bench.call("workflows.search", query=query, **more)
    return [item["id"] for item in result["items"]]


def ranked(bench: Bench, query: str = "pear", **more: Any) -> bool:
    """Search, and return whether hits were ranked."""
    traced: list[str] = []
    bench.store.db.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: traced.append(event["sql"]))
    found(bench, query, **more)
    bench.store.db.trace_v2(0, None)
    return any("bm25" in sql for sql in traced)


def test_the_same_search_again_ranks_nothing_until_something_changes(bench: Bench) -> None:
    save(bench, "a", "a pear")
    found(bench)

    assert not ranked(bench)
    assert ranked(bench, limit=3)
    assert ranked(bench, archived=True)
    assert not ranked(bench, snippets="none")
    save(bench, "b", "an apple")
    assert ranked(bench)


def test_of_many_searches_the_latest_are_remembered(bench: Bench) -> None:
    for number in range(limits.SEARCH_FIRSTS_MAX + 1):
        found(bench, f"word{number}")

    assert not ranked(bench, f"word{limits.SEARCH_FIRSTS_MAX}")
    assert not ranked(bench, "word1")
    assert ranked(bench, "word0")


ACTS = st.sampled_from(["save", "delete", "rename", "archive", "say", "index", "undo", "nothing"])


@settings(max_examples=30)
@given(acts=st.lists(ACTS, min_size=1, max_size=8))
def test_after_any_change_a_search_answers_as_if_it_were_the_first(
    tmp_path_factory: pytest.TempPathFactory, acts: list[str]
) -> None:
    with open_bench(tmp_path_factory.mktemp("again")) as bench:
        for number in range(6):
            save(bench, f"p{number}", f"pear{' x' * number}", "plum" if number % 2 else "")
        for step, act in enumerate(acts):
            key = f"p{step % 6}"
            if act == "save":
                save(bench, f"n{step}", "pear plum")
            elif act == "delete":
                bench.store.begin()
                bench.store.db.execute("DELETE FROM workflows WHERE id = ?", (key,))
                bench.store.commit()
            elif key not in found(bench, ""):
                continue
            elif act == "rename":
                save(bench, key, "apple")
            elif act == "archive":
                bench.call("workflows.archive", id=key)
            elif act == "say":
                save(bench, key, "pear", "plum", "plum")
            elif act == "index":
                indexes.update_step(bench.store)
            elif act == "undo":
                bench.store.begin()
                bench.store.db.execute("DELETE FROM workflows WHERE id = ?", (key,))
                found(bench)
                bench.store.rollback()
            for query in ("pear", "plum", ""):
                # With another limit it is another search, which was not asked for before.
                assert found(bench, query) == found(bench, query, limit=100 + step)


def test_what_another_connection_changes_is_found(bench: Bench) -> None:
    save(bench, "a", "a pear")
    save(bench, "b", "a pear tree")
    bench.call("workflows.archive", id="a")
    assert found(bench) == ["b"]
    assert not ranked(bench)

    with apsw.Connection(str(bench.store.path)) as other:
        other.execute("UPDATE workflows SET archived_at = NULL WHERE id = 'a'")
    other.close()

    assert found(bench) == ["a", "b"]


def test_a_search_within_a_transaction_leaves_nothing_behind_that_is_undone(bench: Bench) -> None:
    save(bench, "a", "a pear")
    found(bench)

    bench.store.begin()
    bench.store.db.execute("UPDATE workflows SET archived_at = 1")
    assert found(bench) == []
    bench.store.rollback()

    assert found(bench) == ["a"]
