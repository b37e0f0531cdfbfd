"""Mistakes of the design document about workflows, each shown not to be made here."""

from pathlib import Path

from sidecar.store.search import indexes
from tests.harness import ManualClock, index_all, open_bench


def save(name: str, workflow_id: str, **more: object) -> dict[str, object]:
    return {"id": workflow_id, "name": name, "data": {"n": [name]}, **more}


def test_design_mistake_01_a_save_keeps_runs_and_created_at_and_the_index(tmp_path: Path) -> None:
    with open_bench(tmp_path, ManualClock(step_ms=10)) as bench:
        first = bench.call("workflows.save", workflow=save("alpha", "w"))
        rid = bench.rows("SELECT rid FROM workflows")[0][0]
        bench.store.db.execute(
            "INSERT INTO runs (id, workflow, revision, status, started_at, seen_at)"
            " VALUES ('r', ?, 1, 'success', 1, 1)",
            (rid,),
        )
        bench.call("workflows.save", workflow=save("beta", "w"))
        workflow = bench.call("workflows.get", id="w")["workflow"]
        assert workflow["created_at"] == first["updated_at"]
        assert bench.rows("SELECT id, workflow FROM runs") == [("r", rid)]
        assert bench.call("workflows.search", query="alpha")["items"] == []
        found = bench.call("workflows.search", query="beta")["items"]
        assert [item["id"] for item in found] == ["w"]


def test_design_mistake_02_search_is_right_after_a_rebuild_and_a_vacuum(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        names = ["apple", "banana", "cherry", "damson", "elder"]
        for name in names:
            bench.call("workflows.save", workflow=save(name, f"id-{name}"))
        for name in ("apple", "cherry"):
            bench.call("workflows.delete", id=f"id-{name}")
        db = bench.store.db
        db.execute("VACUUM").fetchall()
        indexes.mark_all_pending(db)
        index_all(db)
        for name in ("banana", "damson", "elder"):
            for query in (name, name[1:]):
                found = bench.call("workflows.search", query=query)["items"]
                assert [item["id"] for item in found] == [f"id-{name}"]


def test_design_mistake_04_all_that_is_indexed_is_searched(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        workflow = save("plain", "w", description="mentions zebras", tags=["okapi"])
        bench.call("workflows.save", workflow=workflow)
        for query, field in (("plain", "name"), ("zebras", "description"), ("okapi", "tags")):
            (item,) = bench.call("workflows.search", query=query)["items"]
            assert item["matched_in"] == [field]
        stored = {row[1] for row in bench.rows("PRAGMA table_xinfo(workflows)")}
        assert "search_text" not in stored
