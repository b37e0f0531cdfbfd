"""Query plans of lists and searches: no scans and no sorting, with and without statistics.

Statements are taken from a trace of the real calls, so a changed statement is a tested one.
"""

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest

from sidecar import limits
from sidecar.store.connection import Connection
from sidecar.store.runs import rows
from sidecar.store.runs.rows import RunFilter
from sidecar.store.search.hits import Asked, find_hits
from sidecar.store.search.query import parse
from sidecar.store.workflows.delete import count_runs, delete_part, delete_workflow, is_small
from sidecar.store.workflows.header import Content, find, load
from sidecar.store.workflows.list import Filter, Order, OrderBy, count_workflows, list_workflows
from sidecar.store.workflows.save import insert_workflow
from sidecar.store.workflows.tags import (
    count_categories,
    count_tagged,
    count_tags,
    list_tagged,
    replace_tag,
)
from tests.harness import Bench, open_bench

WORKFLOWS = 2000
RUNS = 5000


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with open_bench(tmp_path_factory.mktemp("plans")) as opened:
        with opened.store.writing() as db:
            fill(db)
        opened.store.db.execute("ANALYZE").fetchall()
        yield opened


def fill(db: Connection) -> None:
    for index in range(WORKFLOWS):
        tags = f'["t{index % 50}","all"]' if index % 3 else "[]"
        content = Content(f"flow {index % 700}", f"about {index}", tags, f"c{index % 4}")
        insert_workflow(db, f"w{index}", content, b"[1]", 1000 + index // 2)
    db.execute("UPDATE workflows SET archived_at = 1 WHERE rid % 20 = 0")
    db.execute("UPDATE workflows SET source = 's' || (rid % 5) WHERE rid % 2 = 0")
    for index in range(RUNS):
        db.execute(
            "INSERT INTO runs (id, workflow, revision, status, started_at, seen_at)"
            " VALUES (?, ?, 1, 'success', ?, 1)",
            (f"r{index}", 1 + index % WORKFLOWS, index),
        )


def plan_of(bench: Bench, call: Any) -> list[str]:
    """Return the steps of the query plan of every statement that `call` runs."""
    db = bench.store.db
    seen: list[str] = []

    def watch(_cursor: object, sql: str, _values: object) -> bool:
        seen.append(sql)
        return True

    db.exec_trace = watch
    try:
        call(db)
    finally:
        db.exec_trace = None
    assert seen
    return [
        str(row[3])
        for sql in seen
        for row in db.execute(
            f"EXPLAIN QUERY PLAN {sql}", tuple("1" for _ in range(sql.count("?")))
        )
    ]


MAY_SCAN = re.compile(r"SCAN (?:[fs]\b|k$|json_each VIRTUAL\b|\(subquery-\d\)$|search_\w+)")


def faults(steps: list[str], *, sorts: bool = False) -> list[str]:
    """Return the steps that read a whole table or sort, except those of virtual tables.

    What a search has found, a subquery, may be read in whole: to count it, or as a page.
    """
    return [
        step
        for step in steps
        if (step.startswith("SCAN ") and not MAY_SCAN.match(step))
        or ("TEMP B-TREE" in step and not sorts)
    ]


SHAPES = list(
    itertools.product(
        ("updated_at", "created_at", "last_run_at", "name"),
        (True, False),
        (None, "c1"),
        ((), ("t1",), ("t1", "t2")),
        (None, "s1"),
    )
)


@pytest.fixture
def _all_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every tag and category be one of too many workflows to sort them."""
    monkeypatch.setattr(limits, "LIST_SORT_MAX", 0)


@pytest.mark.parametrize("order_by", ["updated_at", "created_at", "last_run_at", "name"])
@pytest.mark.parametrize(
    ("wanted", "found_by"),
    [
        (Filter(tags=("t1", "t2")), "PRIMARY KEY (tag=?)"),
        (Filter("c1", ("all",)), "workflows_category (category=?)"),
        (Filter("c1"), "workflows_category (category=?)"),
        (Filter(source="s1"), "workflows_source (source=?)"),
        (Filter("c1", ("all",), source_id="i7"), "workflows_source_id (source_id=?)"),
    ],
    ids=str,
)
def test_the_workflows_of_a_rare_tag_or_category_are_found_by_it_and_sorted(
    bench: Bench, order_by: OrderBy, wanted: Filter, found_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LIST_SORT_MAX", 1000)
    order = Order(order_by, descending=True)

    steps = plan_of(bench, lambda db: list_workflows(db, wanted, order, after=None, limit=5))

    if order_by == "updated_at" and not (wanted.category and wanted.tags):
        assert faults(steps) == []
    else:
        assert "USE TEMP B-TREE FOR ORDER BY" in steps
        assert "SEARCH w USING INTEGER PRIMARY KEY (rowid=?)" in steps
        assert any(found_by in step for step in steps)


@pytest.mark.usefixtures("_all_are_many")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_live_list_is_a_search_without_sorting(
    bench: Bench, shape: tuple[OrderBy, bool, str | None, tuple[str, ...], str | None]
) -> None:
    order_by, descending, category, tags, source = shape
    wanted = Filter(category, tags, source=source)
    for after in (None, ("a", "b") if order_by == "name" else (1, 1)):
        steps = plan_of(
            bench,
            lambda db, after=after: list_workflows(
                db, wanted, Order(order_by, descending), after=after, limit=50
            ),
        )
        if order_by == "updated_at" and len(tags) > 1:
            assert "MERGE (UNION)" in steps
        assert faults(steps) == []


def test_the_main_lists_use_their_own_indexes(bench: Bench) -> None:
    wanted: list[tuple[Filter, OrderBy, str]] = [
        (Filter(), "updated_at", "workflows_updated (updated_at<?"),
        (Filter(), "created_at", "workflows_created (created_at<?"),
        (Filter(), "last_run_at", "workflows_last_run (last_run_at<?"),
        (Filter(), "name", "workflows_name ((name_key,id)<(?,?))"),
        (Filter("c1"), "updated_at", "workflows_category (category=? AND updated_at<?"),
        (Filter(source="s1"), "updated_at", "workflows_source (source=? AND updated_at<?"),
        (Filter(tags=("t1",)), "updated_at", "PRIMARY KEY (tag=? AND (updated_at,workflow)<(?,?))"),
    ]
    for which, order_by, index in wanted:
        steps = plan_of(
            bench,
            lambda db, which=which, order_by=order_by: list_workflows(
                db, which, Order(order_by, descending=True), after=None, limit=50
            ),
        )
        assert index in steps[0]


def test_archived_lists_read_archived_rows_only(bench: Bench) -> None:
    for order_by, tags in itertools.product(
        ("updated_at", "created_at", "last_run_at", "name"), ((), ("t1",))
    ):
        steps = plan_of(
            bench,
            lambda db, order_by=order_by, tags=tags: list_workflows(
                db,
                Filter(None, tags, archived=True),
                Order(order_by, descending=True),
                after=None,
                limit=50,
            ),
        )
        assert faults(steps, sorts=True) == []


BOUNDED = ("SCAN w", "SCAN CONSTANT ROW")


@pytest.mark.parametrize("query", ["flow", "flow abo", "low", "\u4e2d", 'flow -"about 1"', "-flow"])
def test_searches_look_workflows_up_one_by_one(bench: Bench, query: str) -> None:
    for wanted in (Filter(), Filter("c1", ("t1", "t2")), Filter(archived=True)):
        steps = plan_of(
            bench,
            lambda db, wanted=wanted: find_hits(Asked(db, parse(query), wanted), 21),
        )
        # A search by rank must sort its hits, and one stage is a limited scan.
        scanned = [step for step in faults(steps, sorts=True) if step not in BOUNDED]
        assert [step for step in scanned if "USING INDEX" not in step] == []


def test_single_rows_are_found_by_key(bench: Bench) -> None:
    for call in (
        lambda db: find(db, "w1"),
        lambda db: load(db, "w1"),
        lambda db: list_tagged(db, "t1", 10),
        lambda db: count_tagged(db, "t1"),
        lambda db: count_runs(db, 1),
        lambda db: is_small(db, 1),
        lambda db: delete_part(db, WORKFLOWS + 1),
        lambda db: delete_workflow(db, WORKFLOWS + 1),
        lambda db: replace_tag(db, "t1", "t2", 1, 1),
    ):
        assert faults(plan_of(bench, call)) == []


@pytest.mark.usefixtures("_all_are_many")
@pytest.mark.parametrize("category", [None, "c1"])
@pytest.mark.parametrize("tags", [(), ("t1",), ("t1", "t2")])
def test_the_total_of_a_list_is_counted_by_index(
    bench: Bench, category: str | None, tags: tuple[str, ...]
) -> None:
    steps = plan_of(bench, lambda db: count_workflows(db, Filter(category, tags), 10))

    assert faults(steps) == []


def test_counts_walk_narrow_indexes_without_sorting(bench: Bench) -> None:
    steps = plan_of(bench, count_categories)
    assert steps == ["SCAN workflows USING INDEX workflows_category"]
    steps = plan_of(bench, count_tags)
    assert "SCAN workflow_tags" in steps
    assert any("workflows_archived" in step for step in steps)


@pytest.mark.parametrize("workflow", [None, "w4"])
@pytest.mark.parametrize("statuses", [None, ("error",), ("cancelled", "error", "success")])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"from_at": 1},
        {"from_at": 1, "to_at": 9},
        {"interrupted": True},
        {"interrupted": False, "waiting": True},
        {"trigger": "cron", "waiting": False},
    ],
)
def test_stores_10_every_page_of_runs_is_a_search_without_sorting(
    bench: Bench, workflow: str | None, statuses: tuple[str, ...] | None, more: dict[str, Any]
) -> None:
    wanted = RunFilter(workflow_id=workflow, statuses=statuses, **more)
    for before in (None, (5, 5)):
        steps = plan_of(
            bench,
            lambda db, before=before: rows.read_page(db, before, 50, wanted),
        )
        assert faults(steps) == []
