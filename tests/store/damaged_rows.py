"""What the tests of `system.check` share: a filled database, harm done to it, and the check."""

import apsw

from sidecar.store.search import indexes
from tests.harness import Bench
from tests.made_workflows import save


def fill(bench: Bench) -> None:
    """Add rows of everything that is checked, indexed and with an empty log."""
    save(bench, "w1", name="mail", tags=["a", "b"], data={"nodes": [1]})
    save(bench, "w2", name="post", description="letters")
    save(bench, "w3", name="old")
    bench.call("workflows.archive", id="w3")
    for run in ("r1", "r2"):
        bench.call("runs.start", id=run, workflow_id="w1")
    bench.call("runs.finish", id="r1", status="success", summary={"rows": 3})
    while indexes.update_step(bench.store):
        pass
    bench.store.checkpoint()
    bench.told.clear()


def meddle(bench: Bench, *statements: str) -> None:
    """Change the file as another program would, without foreign keys and with shadow tables."""
    db = apsw.Connection(str(bench.store.path))
    for statement in statements:
        list(db.execute(statement))
    db.close()


def check(bench: Bench, *, full: bool = False) -> list[tuple[str, str]]:
    """Run `system.check`; return the kind and the place of each finding."""
    result = bench.call("system.check", full=full)
    assert result["ok"] == (not result["findings"])
    return [(finding["kind"], finding["where"]) for finding in result["findings"]]
