"""Commands that only read, beside a process that serves the database and writes to it meanwhile."""

import hashlib
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sidecar.cli.child import CallFailed, run_with_child
from sidecar.cli.child import Child as CommandsChild
from tests.cli.commands import result_of, run
from tests.cli.terminal import at_terminal
from tests.process.child_process import ROOT, Child, environment, forked, request
from tests.store.samples import unpack

READING: dict[str, list[str]] = {
    "search": ["flow"],
    "history": ["w"],
    "diff": ["w"],
    "runs": [],
    "stats": [],
    "audit": ["list"],
}
"""The commands that write no file, with their words."""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "sim.db"


@pytest.fixture
def server(database: Path) -> Iterator[Child]:
    """A process that serves a database with a workflow of two revisions and a run."""
    with closing(Child(forked("--database", database, "--no-events")).wait_ready()) as child:
        for text in ("one", "two"):
            child.result(
                "workflows.save",
                {"workflow": {"id": "w", "name": "flow", "data": {"nodes": [{"text": text}]}}},
            )
        child.result("runs.start", {"workflow_id": "w", "id": "r"})
        yield child


def command(name: str, words: list[str], database: Path) -> Any:
    """Run a command that must succeed; return what it prints."""
    return result_of(name, *words, "--database", database, "--json")


def hashes(folder: Path) -> dict[str, tuple[int, str]]:
    """Return the inode and the hash of every file, but for the shared memory of the readers."""
    return {
        path.name: (path.stat().st_ino, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.name.endswith("-shm")
    }


def without_writing() -> None:
    """Let the process make no file longer than nothing."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def test_commands_that_read_work_beside_the_serving_process_and_copy_and_change_nothing(
    server: Child, database: Path
) -> None:
    server.result("workflows.search", {"query": "flow"})  # which brings the indexes up to date
    server.signal(signal.SIGSTOP)  # so that nothing else changes a file
    before = hashes(database.parent)

    done = {
        name: subprocess.run(
            [sys.executable, "-m", "sidecar", name, *words, "--database", str(database)],
            capture_output=True,
            timeout=120,
            check=False,
            env=environment(PYTHONDONTWRITEBYTECODE="1"),
            cwd=ROOT,
            preexec_fn=without_writing,
        )
        for name, words in READING.items()
    }

    assert {(each.returncode, each.stderr) for each in done.values()} == {(0, b"")}
    results = {name: json.loads(each.stdout) for name, each in done.items()}
    assert [item["id"] for item in results["search"]["items"]] == ["w"]
    assert [item["revision"] for item in results["history"]["items"]] == [2, 1]
    assert results["diff"]["changed"]
    assert [item["id"] for item in results["runs"]["items"]] == ["r"]
    assert results["stats"]["workflows"] == 1
    assert [item["action"] for item in results["audit"]["items"]] == ["workflow_save"] * 2
    assert hashes(database.parent) == before
    server.signal(signal.SIGCONT)
    assert run("call", "system.ping", "--database", database).returncode == 3
    assert server.result("workflows.list")["items"][0]["id"] == "w"


def test_a_search_beside_the_serving_process_that_finds_nothing_suggests_a_word(
    server: Child, database: Path
) -> None:
    server.result("workflows.search", {"query": "flow"})

    found = command("search", ["flwo"], database)

    assert (found["items"], found["did_you_mean"]) == ([], "flow")


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_a_terminal_says_that_a_search_beside_the_serving_process_may_have_missed_something(
    server: Child, database: Path
) -> None:
    for number in range(100):  # until the process is stopped before it has indexed what it saved
        server.result("workflows.save", {"workflow": {"id": "n", "name": "new", "data": number}})
        server.signal(signal.SIGSTOP)
        if command("search", ["new"], database)["indexing"]:
            break
        server.signal(signal.SIGCONT)

    code, text = at_terminal("search", "new", "--database", database, columns=80)

    server.signal(signal.SIGCONT)
    assert code == 0
    assert "Some workflows are not indexed yet; search again in a moment." in text


def test_what_was_saved_last_is_read_and_what_is_saved_later_is_not(
    server: Child, database: Path
) -> None:
    def look(child: CommandsChild) -> tuple[list[str], list[str]]:
        before = [item["id"] for item in child.call("workflows.list")["items"]]
        server.result("workflows.save", {"workflow": {"id": "x", "name": "later", "data": 1}})
        after = [item["id"] for item in child.call("workflows.list")["items"]]
        with pytest.raises(CallFailed) as refused:
            child.call("workflows.archive", {"id": "w"})
        assert refused.value.error["data"]["slug"] == "read_only"
        return before, after

    options = [f"--database={database}", "--no-events", "--reading"]
    assert run_with_child(options, look) == (["w"], ["w"])
    assert run_with_child(options, lambda child: child.ready["head"]["seq"]) == 3


class Writer(threading.Thread):
    """Saves one workflow after the other until it is stopped."""

    def __init__(self, server: Child) -> None:
        """Write through `server`."""
        super().__init__()
        self._server = server
        self._stopped = threading.Event()
        self.acknowledged = 0

    def run(self) -> None:
        """Save, and count what was acknowledged."""
        while not self._stopped.is_set():
            workflow = {"id": f"n{self.acknowledged}", "name": "busy flow", "data": ["x" * 2000]}
            self._server.send(request("workflows.save", {"workflow": workflow}))
            assert "result" in self._server.answer()
            self.acknowledged += 1

    def stop(self) -> int:
        """Stop; return how many saves were acknowledged."""
        self._stopped.set()
        self.join()
        return self.acknowledged


def sound_ids(database: Path) -> set[str]:
    """Check a database with the SQLite of Python; return the ids of its workflows."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        return {row[0] for row in db.execute("SELECT id FROM workflows")}


def test_commands_beside_a_process_that_writes_see_whole_states_and_lose_none_of_its_saves(
    server: Child, database: Path, tmp_path: Path
) -> None:
    identity = database.stat().st_ino
    writer = Writer(server)
    writer.start()
    try:
        for name in ("search", "diff"):
            assert command(name, READING[name], database)
        exported = command("export", [str(tmp_path / "e.json"), "--runs"], database)
        backup = command("backup", [], database)
        doctor = command("doctor", [], database)
    finally:
        acknowledged = writer.stop()

    items = json.loads((tmp_path / "e.json").read_bytes())["items"]
    assert [each["id"] for each in items] == ["w", *(f"n{n}" for n in range(len(items) - 1))]
    assert (exported["workflows"], exported["runs"]) == (len(items), 1)
    assert backup["counts"]["workflows"] <= acknowledged + 1
    assert doctor[-1]["state"] == "ok"
    assert f"served by process {server.pid}; sound" in doctor[-1]["detail"]
    server.process.kill()
    server.wait_exit()
    expected = {"w", *(f"n{n}" for n in range(acknowledged))}
    assert expected <= sound_ids(database)
    assert database.stat().st_ino == identity
    assert result_of("verify", backup["path"], "--json")["ok"]


def test_a_backup_beside_the_serving_process_is_one_of_its_backups(
    server: Child, database: Path
) -> None:
    made = command("backup", ["--label", "mine"], database)

    (listed,) = server.result("backups.list")["items"]
    assert (listed["name"], listed["label"]) == (made["name"], "mine")
    assert server.result("backups.verify", {"name": made["name"]})["ok"]


def test_the_serving_process_compacts_and_ends_while_a_command_reads(
    server: Child, database: Path
) -> None:
    def look(child: CommandsChild) -> list[str]:
        compacted = server.result("system.compact")
        assert compacted["after_bytes"] > 0
        _lines, code = server.finish()
        assert code == 0
        return [item["id"] for item in child.call("workflows.list")["items"]]

    assert run_with_child([f"--database={database}", "--no-events", "--reading"], look) == ["w"]
    assert sound_ids(database) == {"w"}
    assert command("stats", [], database)["workflows"] == 1


def test_a_database_of_an_older_version_is_not_migrated_beside_its_process(
    database: Path,
) -> None:
    unpack("v1", database)
    code = (
        "import sys; from pathlib import Path; from sidecar.store.lockfile import DatabaseLock\n"
        "DatabaseLock(Path(sys.argv[1])).acquire(); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        before = hashes(database.parent)
        done = run("history", "w1", "--database", database)
        after = hashes(database.parent)
        doctor = result_of("doctor", "--json", "--database", database)
    finally:
        holder.communicate()

    assert (done.returncode, str(holder.pid) in done.stderr) == (3, True)
    assert after == before
    assert doctor[-1] == {
        "state": "ok",
        "name": "database",
        "detail": f"served by process {holder.pid}; not checked",
        "cure": "",
    }
    assert not os.path.lexists(f"{database}-wal")


def test_a_database_that_is_served_by_another_name_is_not_read_beside_its_process(
    server: Child, database: Path
) -> None:
    """By that name there is another log, so that the newest saves would be missing."""
    other = database.with_name("other.db")
    os.link(database, other)

    found = [run("stats", "--database", name).returncode for name in (database, other)]
    other.unlink()
    server.signal(signal.SIGSTOP)  # so that it does not make its lock file again
    lock = database.with_name("sim.db.lock")
    lock.rename(database.with_name("aside"))
    found.append(run("stats", "--database", database).returncode)
    database.with_name("aside").rename(lock)
    server.signal(signal.SIGCONT)

    assert found == [3, 3, 3]
    assert sorted(path.name for path in database.parent.glob("other*")) == []
    assert command("stats", [], database)["workflows"] == 1
    assert server.result("system.ping")
