"""Tests of a process that the system gives too little memory, too few threads or open files."""

import resource
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sidecar.errors import ExitCode
from tests.process.child_process import Child, product
from tests.process.conftest import Spawn

MIB = 1 << 20
BODY_CHARS = 4_000_000
CALLS: tuple[tuple[str, dict[str, object]], ...] = (
    ("workflows.get", {"id": "w1"}),
    ("secrets.initialize", {"passphrase": "correct horse"}),
    ("backups.create", {}),
    ("system.check", {}),
    ("workflows.search", {"query": "yy"}),
    ("system.compact", {}),
)


def limited(kind: int, most: int) -> Callable[[], None]:
    """Return what limits a child before its program starts."""
    return lambda: resource.setrlimit(kind, (most, most))


def outcome(child: Child, method: str, params: object) -> str:
    """Return `ok` or the slug of the error that a request is answered with."""
    answer = child.call(method, params)
    return str(answer["error"]["data"]["slug"]) if "error" in answer else "ok"


def workflow(data: str) -> dict[str, object]:
    """Return the params that save a workflow."""
    return {"workflow": {"id": "w1", "name": "n", "data": data}}


def saved(database: Path) -> list[str]:
    """Return the ids of the workflows as another program reads them."""
    with closing(sqlite3.connect(database)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [row[0] for row in db.execute("SELECT id FROM workflows ORDER BY id")]


def try_all(child: Child, database: Path) -> None:
    """Start and call each method; assert typed answers, an end in order and a sound file."""
    try:
        child.wait_ready()
    except (AssertionError, EOFError):
        assert child.wait_exit() == ExitCode.STORAGE, child.stderr_text()
        assert '"out_of_resources"' in child.stderr_text()
        return
    acknowledged = outcome(child, "workflows.save", workflow("y" * BODY_CHARS)) == "ok"
    calls = CALLS if acknowledged else CALLS[1:]
    outcomes = {method: outcome(child, method, params) for method, params in calls}
    assert set(outcomes.values()) <= {"ok", "out_of_resources"}, outcomes
    assert outcome(child, "system.ping", {}) == "ok"

    _lines, code = child.finish()

    assert code == 0, child.stderr_text()
    assert saved(database) == ["w1"] * acknowledged


@pytest.mark.parametrize("mib", [70, 80, 90, 100, 115, 130, 160, 200])
def test_too_little_memory_is_a_typed_error_of_each_request_that_needs_more(
    mib: int, spawn: Spawn, database: Path
) -> None:
    before = limited(resource.RLIMIT_AS, mib * MIB)

    try_all(spawn(product("--database", database), ready=False, before=before), database)


@pytest.mark.parametrize("most", [8, 10, 12, 14, 15, 16, 17, 18])
def test_too_few_open_files_are_a_typed_error_of_each_request_that_needs_more(
    most: int, spawn: Spawn, database: Path
) -> None:
    before = limited(resource.RLIMIT_NOFILE, most)

    try_all(spawn(product("--database", database), ready=False, before=before), database)


def test_without_a_further_thread_long_requests_are_refused_until_there_is_one(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(product("--database", database))
    assert outcome(child, "workflows.save", workflow("y")) == "ok"
    unlimited = resource.prlimit(child.pid, resource.RLIMIT_AS)
    pages = int(Path(f"/proc/{child.pid}/statm").read_text().split()[0])
    # Less than the stack of a thread, and more than short requests need.
    most = pages * resource.getpagesize() + 2 * MIB
    resource.prlimit(child.pid, resource.RLIMIT_AS, (most, unlimited[1]))

    assert outcome(child, "system.check", {}) == "out_of_resources"
    assert outcome(child, "workflows.get", {"id": "w1"}) == "ok"

    resource.prlimit(child.pid, resource.RLIMIT_AS, unlimited)
    assert outcome(child, "system.check", {}) == "ok"
    assert child.finish()[1] == 0
