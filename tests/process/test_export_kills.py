"""A process that is killed while it exports leaves the file that was there, or none."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from tests.process.child_process import Child, forked, request

BODY = ["x" * 1000] * 500


def export_line(path: Path, form: str) -> bytes:
    """Return the request of an export that may replace a file."""
    return request("workflows.export", {"path": str(path), "format": form, "overwrite": True})


@pytest.mark.parametrize("form", ["envelope", "original"])
def test_a_killed_export_leaves_the_file_that_was_there(tmp_path: Path, form: str) -> None:
    database, path = tmp_path / "sim.db", tmp_path / "out" / "e"
    path.parent.mkdir()
    path.write_text("mine")
    with closing(Child(forked("--database", database, "--no-events")).wait_ready()) as child:
        for first in range(0, 100, 10):
            items = [
                {"workflow": {"id": f"w{first + n}", "name": "n", "data": BODY}} for n in range(10)
            ]
            child.result("workflows.save_many", {"items": items})
        child.send(export_line(path, form))
        told = child.notification("$/progress")
        assert told["done"] < told["total"] == 100
        child.process.kill()
        child.wait_exit()

    assert path.read_text() == "mine"
    assert {
        each.name == "e" or each.name.endswith(".partial") for each in path.parent.iterdir()
    } == {True}
    with closing(Child(forked("--database", database, "--no-events")).wait_ready()) as child:
        child.send(export_line(path, form))
        assert child.answer()["result"]["workflows"] == 100
        child.finish()
    if form == "envelope":
        assert len(json.loads(path.read_bytes())["items"]) == 100
