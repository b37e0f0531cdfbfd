"""What the tests of the methods of workflows share: short ways to save, read and add runs."""

from typing import Any

from tests.harness import Bench


def flow(workflow_id: str = "w", name: str = "n", data: object = (1,), **more: object) -> Any:
    """A workflow as a save takes it."""
    return {"id": workflow_id, "name": name, "data": data, **more}


def save(bench: Bench, *args: Any, **more: Any) -> dict[str, Any]:
    """Save one whole workflow."""
    return bench.call("workflows.save", workflow=flow(*args, **more))


def get(bench: Bench, workflow_id: str = "w") -> dict[str, Any]:
    """Read one whole."""
    found: dict[str, Any] = bench.call("workflows.get", id=workflow_id)["workflow"]
    return found


def add_runs(bench: Bench, workflow_id: str, count: int) -> None:
    """Give a workflow `count` ended runs, oldest first."""
    with bench.store.writing() as db:
        db.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO runs (id, workflow, revision, status, started_at, seen_at)"
            " SELECT w.id || '-' || i, w.rid, 1, 'success', i, 1 FROM n, workflows w"
            " WHERE w.id = ?",
            (count, workflow_id),
        )
        db.execute("UPDATE workflows SET run_count = ? WHERE id = ?", (count, workflow_id))
