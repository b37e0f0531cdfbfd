"""Imports that are killed at every step and called again: nothing is there twice, nothing lost."""

import json
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.bodies.made_documents import N8N, OF_NO_TOOL, OF_TOOLS
from tests.harness import open_bench
from tests.process.child_process import ROOT
from tests.scenarios.talk import Talk, talk

posix = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 of POSIX")

KILLED_AT_STATEMENT = """
import os, signal, sys
from pathlib import Path
from sidecar import limits
from sidecar.clock import SystemClock
from tests.harness import open_bench
limits.IMPORT_STEP_MS = 0  # a transaction for each document
folder, path, left = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
with open_bench(folder, SystemClock()) as bench:
    def count(*_statement):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return True
    bench.store.db.exec_trace = count
    bench.call("workflows.import", path=path)
    bench.store.db.exec_trace = None
"""


def made_archive(path: Path) -> int:
    """Write an archive of documents of every tool and of none, and two lists; return how many."""
    documents = [each for of_tool in OF_TOOLS.values() for each in of_tool] + OF_NO_TOOL
    listed = [{**N8N, "name": f"listed {number}"} for number in range(5)]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, document in enumerate(documents):
            archive.writestr(f"{number:02}.json", json.dumps(document))
        archive.writestr("list.json", json.dumps(listed))
        archive.writestr("same id.json", json.dumps({**N8N, "id": "own", "name": "one"}))
        archive.writestr("same id 2.json", json.dumps({**N8N, "id": "own", "name": "two"}))
    return len(documents) + len(listed) + 2


def state(folder: Path) -> tuple[list[tuple[Any, ...]], list[str]]:
    """Return every workflow with its body's fingerprint, and the workflows that the log names."""
    with open_bench(folder) as bench:
        assert bench.call("system.check", full=True)["findings"] == []
        assert bench.call("audit.verify")["first_bad_seq"] is None
        workflows = bench.rows(
            "SELECT w.id, w.name, w.revision, hex(w.content_sha256), w.source, w.source_id,"
            " length(b.data) FROM workflows w JOIN workflow_bodies b USING (rid) ORDER BY w.id"
        )
        logged = bench.rows("SELECT resource FROM access_log WHERE action = 'workflow_import'")
        return workflows, sorted(resource for (resource,) in logged)


@posix
def test_an_import_killed_at_its_statements_and_called_again_is_as_if_never_killed(
    tmp_path: Path,
) -> None:
    archive = tmp_path / "flows.zip"
    documents = made_archive(archive)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    with open_bench(whole) as bench:
        bench.call("workflows.import", path=str(archive))

    left, kills, code = 1, 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        words = [sys.executable, "-c", KILLED_AT_STATEMENT, str(killed), str(archive), str(left)]
        code = subprocess.run(words, cwd=ROOT, check=False, timeout=120).returncode
        left, kills = left + 13, kills + 1

    assert (code, kills > 10) == (0, True)
    workflows, logged = state(killed)
    assert (workflows, logged) == state(whole)
    assert len(workflows) == len(logged) == len(set(logged)) == documents


def kill_after(conversation: Talk, path: Path, changes: int) -> bool:
    """Begin an import, kill the process after so many changes; return whether it was answered."""
    params = {"path": str(path)}
    request = {"jsonrpc": "2.0", "id": 1, "method": "workflows.import", "params": params}
    conversation.send(json.dumps(request).encode())
    while changes:
        message = conversation.receive()
        if message.get("id") == 1:
            return True
        changes -= message["method"] == "workflows.changed"
    conversation.process.kill()
    return False


def test_a_served_import_that_is_killed_again_and_again_is_finished_by_the_same_call(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "flows"
    folder.mkdir()
    for number in range(600):
        document = {**N8N, "name": f"flow {number}", "notes": "n" * 5000}
        (folder / f"{number:03}.json").write_text(json.dumps(document))

    kills, answered = -1, False
    while not answered:
        with talk(tmp_path / "test.db") as conversation:
            answered = kill_after(conversation, folder, 60 + kills * 40)
        kills += 1

    workflows, logged = state(tmp_path)
    assert kills >= 2
    assert len(workflows) == len(logged) == len(set(logged)) == 600
    assert {name for _, name, *_ in workflows} == {f"flow {number}" for number in range(600)}
