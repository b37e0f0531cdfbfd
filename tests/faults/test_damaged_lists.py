"""Lists of workflows in which the cell that they are ordered by is damaged in one row."""

from itertools import product
from pathlib import Path

import pytest

from tests.faults.damaged_cells import Damage, do_damage
from tests.harness import Bench, open_bench
from tests.made_workflows import save

TIMES = {
    "negative": "-5",
    "too_large": "9223372036854775807",
    "text": "'text'",
    "bytes": "x'00ff'",
    "bad_utf8": "CAST(x'ff' AS TEXT)",
    "fraction": "1.5",
}
NAMES = {"bytes": "x'00ff'", "bad_utf8": "CAST(x'51ff' AS TEXT)"}
CASES = [
    *product(("updated_at", "created_at", "last_run_at"), TIMES.items()),
    *product(("name",), NAMES.items()),
]


@pytest.mark.parametrize(("column", "damage"), CASES, ids=str)
def test_pages_of_a_list_lose_and_repeat_nothing_although_a_key_is_damaged(
    column: str, damage: tuple[str, str], tmp_path: Path
) -> None:
    with open_bench(tmp_path) as bench:
        for key in "abc":
            save(bench, key)
            bench.call("runs.start", workflow_id=key)
    do_damage(tmp_path / "test.db", Damage("workflows", column, *damage, "id = 'b'"))

    with open_bench(tmp_path) as bench:
        for descending in (True, False):
            listed = in_pages(bench, order_by=column, descending=descending)
            assert sorted(listed) == [("a", False), ("b", True), ("c", False)]


@pytest.mark.parametrize("damage", [("bad_utf8", "CAST(x'fe' AS TEXT)")], ids=str)
def test_pages_by_name_go_on_after_a_workflow_with_a_damaged_id(
    damage: tuple[str, str], tmp_path: Path
) -> None:
    with open_bench(tmp_path) as bench:
        for key in "abc":
            save(bench, key)
    do_damage(tmp_path / "test.db", Damage("workflows", "id", *damage, "id = 'b'"))

    with open_bench(tmp_path) as bench:
        for descending in (True, False):
            listed = in_pages(bench, order_by="name", descending=descending)
            assert sorted(listed) == [("a", False), ("c", False), ("damaged.2", True)]


@pytest.mark.parametrize("damage", TIMES.items(), ids=str)
def test_pages_of_several_tags_go_on_after_a_workflow_with_a_damaged_time(
    damage: tuple[str, str], tmp_path: Path
) -> None:
    with open_bench(tmp_path) as bench:
        for key in "abc":
            save(bench, key, tags=["t", key])
    do_damage(tmp_path / "test.db", Damage("workflows", "updated_at", *damage, "id = 'b'"))

    with open_bench(tmp_path) as bench:
        for descending in (True, False):
            listed = in_pages(bench, tags=["t", "a"], descending=descending)
            assert sorted(listed) == [("a", False), ("b", True), ("c", False)]


@pytest.mark.parametrize("damage", TIMES.items(), ids=str)
def test_pages_of_runs_go_on_after_a_run_with_a_damaged_start(
    damage: tuple[str, str], tmp_path: Path
) -> None:
    with open_bench(tmp_path) as bench:
        save(bench, "w")
        for key in "abc":
            bench.call("runs.start", workflow_id="w", id=key)
            bench.call("runs.finish", id=key, status="success")
    do_damage(tmp_path / "test.db", Damage("runs", "started_at", *damage, "id = 'b'"))

    with open_bench(tmp_path) as bench:
        for params in ({}, {"workflow_id": "w"}, {"statuses": ["error", "success"]}):
            listed = in_pages(bench, "runs.list", **params)
            assert sorted(listed) == [("a", False), ("b", True), ("c", False)]


def in_pages(
    bench: Bench, method: str = "workflows.list", **params: object
) -> list[tuple[str, bool]]:
    """Return the id of each item of a list, read one a page, and whether it is marked."""
    listed: list[tuple[str, bool]] = []
    cursor = None
    while len(listed) < 9:
        page = bench.call(method, limit=1, cursor=cursor, **params)
        listed += [(item["id"], item.get("damaged", False)) for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    return listed
