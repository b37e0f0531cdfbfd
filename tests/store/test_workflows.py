from pathlib import Path
from typing import Any

import pytest

from sidecar.store.workflows import header
from sidecar.store.workflows.delete import (
    Deleted,
    count_runs,
    delete_workflow,
    is_small,
    set_archived,
)
from sidecar.store.workflows.header import Content, find, load
from sidecar.store.workflows.list import (
    Filter,
    Key,
    Order,
    OrderBy,
    count_workflows,
    key_after,
    list_workflows,
)
from sidecar.store.workflows.save import insert_workflow, write_revision
from sidecar.store.workflows.tags import count_categories, count_tags, list_tagged
from tests.harness import Bench, open_bench

ALL: tuple[OrderBy, ...] = ("updated_at", "created_at", "last_run_at", "name")


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    with open_bench(tmp_path) as opened:
        yield opened


def put(bench: Bench, workflow_id: str, now_ms: int, name: str = "n", tags: str = "[]") -> int:
    content = Content(name, None, tags, "general")
    insert_workflow(bench.store.db, workflow_id, content, b"[1]", now_ms)
    found = find(bench.store.db, workflow_id)
    assert found is not None
    return found.rid


def test_columns_fit_the_header() -> None:
    assert header.HEADERS.width == header.COLUMNS.count("w.")


@pytest.mark.parametrize("order_by", ALL)
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("tags", [(), ("t",), ("t", "u", "v")])
def test_pages_join_to_the_whole_list_even_among_equal_keys(
    bench: Bench, order_by: OrderBy, *, descending: bool, tags: tuple[str, ...]
) -> None:
    for index in range(23):
        put(bench, f"w{index:02}", 100 + index // 7, "aAbB"[index % 4], '["t","u"]')
    bench.store.db.execute("UPDATE workflows SET last_run_at = 50 + rid % 3 WHERE rid > 10")
    wanted = Filter("general", tags)
    order = Order(order_by, descending)
    seen: list[header.Header] = []
    after: Key | None = None
    while True:
        page = list_workflows(bench.store.db, wanted, order, after=after, limit=4)
        seen += page
        if len(page) < 4:
            break
        after = key_after(bench.store.db, page[-1], wanted, order)
    keys = [
        (row.name.lower(), row.id)
        if order_by == "name"
        else (row.last_run_at or 0 if order_by == "last_run_at" else row.updated_at, row.rid)
        for row in seen
    ]
    never = [key for key in keys if key[0] == 0]
    ran = [key for key in keys if key[0] != 0]
    assert len(seen) == 23
    assert keys == ran + never
    assert ran == sorted(set(ran), reverse=descending)
    assert never == sorted(set(never), reverse=descending)


def test_a_list_by_several_tags_has_each_workflow_that_has_one_of_them_once(bench: Bench) -> None:
    db = bench.store.db
    rids = {name: put(bench, name, 1, tags=tags) for name, tags in TAGGED.items()}
    set_archived(db, rids["old"], 5)

    for order_by in ALL:
        for tags, ids in ((("a", "b"), "a b ab abc"), (("c", "x"), "c abc"), (("x",), "")):
            wanted, order = Filter(tags=tags), Order(order_by, descending=False)
            found = list_workflows(db, wanted, order, after=None, limit=50)
            assert sorted(row.id for row in found) == sorted(ids.split()), (order_by, tags)
            assert count_workflows(db, wanted, 50) == len(found)


TAGGED = {
    "a": '["a"]',
    "b": '["b"]',
    "ab": '["a","b"]',
    "abc": '["a","b","c"]',
    "c": '["c"]',
    "none": "[]",
    "old": '["a","c"]',
}


@pytest.mark.parametrize(
    "wanted", [Filter(), Filter("general"), Filter(tags=("t",)), Filter(tags=("t", "u"))], ids=str
)
def test_a_count_stops_at_its_limit(bench: Bench, wanted: Filter) -> None:
    for index in range(9):
        put(bench, f"w{index}", 1, tags='["t","u"]')

    counts = [count_workflows(bench.store.db, wanted, most) for most in (1, 8, 9, 10)]

    assert counts == [1, 8, 9, 9]


def test_tag_rows_follow_every_change(bench: Bench) -> None:
    db = bench.store.db
    rid = put(bench, "w", 1, tags='["a","b"]')
    for step, tags in enumerate(('["a","b"]', '["b","c"]', "[]", '["d"]'), 2):
        old = find(db, "w")
        assert old is not None
        write_revision(db, old, Content(f"n{step}", None, tags, "general"), None, step)
        rows = bench.rows("SELECT json_group_array(tag), updated_at FROM workflow_tags")
        assert rows == [(tags, step if tags != "[]" else None)]
    delete_workflow(db, rid)
    assert bench.rows("SELECT * FROM workflow_tags") == []


def test_a_save_keeps_the_row_and_restores_a_missing_body(bench: Bench) -> None:
    db = bench.store.db
    rid = put(bench, "w", 1)
    db.execute("DELETE FROM workflow_bodies")
    old = find(db, "w")
    assert old is not None
    write_revision(db, old, old.content, b"[2]", 2)
    loaded = load(db, "w")
    assert loaded is not None
    assert (loaded.header.rid, loaded.header.revision, loaded.body()) == (rid, 2, b"[2]")


def test_a_save_of_a_body_alone_leaves_the_index_of_names_as_it_is(bench: Bench) -> None:
    for index in range(100):
        put(bench, f"w{index:02}", index, f"name {index}")

    def pages_of_save(workflow_id: str, **changed: str) -> int:
        old = find(bench.store.db, workflow_id)
        assert old is not None
        before = bench.store.wal_pages
        with bench.store.writing() as db:
            new = write_revision(db, old, old.content._replace(**changed), b"[2]", 200)
        assert new == find(bench.store.db, workflow_id)
        return bench.store.wal_pages - before

    assert pages_of_save("w50", name="another") == pages_of_save("w51") + 1


def test_counts_leave_out_archived_ones(bench: Bench) -> None:
    db = bench.store.db
    put(bench, "w1", 1, tags='["a","b"]')
    set_archived(db, put(bench, "w2", 2, tags='["b","c"]'), 9)
    assert count_tags(db) == [("a", 1), ("b", 1)]
    assert count_categories(db) == [("general", 1)]
    assert [row.id for row in list_tagged(db, "c", None)] == ["w2"]


def test_a_delete_deletes_everything_of_the_workflow(bench: Bench) -> None:
    db = bench.store.db
    rid = put(bench, "w", 1, tags='["a"]')
    kept = put(bench, "other", 1)
    for index in range(5):
        for owner in (rid, kept):
            db.execute(
                "INSERT INTO runs (id, workflow, revision, status, started_at, seen_at)"
                " VALUES (?, ?, 1, 'success', ?, 1)",
                (f"{owner}-{index}", owner, index),
            )
    db.execute(
        "INSERT INTO workflow_revisions"
        " (workflow, revision, metadata, form, sha256, size_bytes, created_at)"
        " VALUES (?, 1, '{}', 'same', x'', 1, 1)",
        (rid,),
    )
    assert is_small(db, rid)
    assert delete_workflow(db, rid) == Deleted(5, 1)
    assert count_runs(db, kept) == 5
    assert bench.rows("SELECT rid FROM workflow_bodies") == [(kept,)]
