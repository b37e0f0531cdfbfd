"""Tests a parent written in Node, which starts, calls, kills and restarts the process."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.process.child_process import ROOT, environment, product

PROGRAM = Path(__file__).parent / "node" / "parent.mjs"

node = shutil.which("node")


@pytest.mark.skipif(node is None, reason="Node is not installed")
def test_a_node_parent_spawns_talks_kills_and_restarts(half: list[str], database: Path) -> None:
    run = subprocess.run(
        [str(node), str(PROGRAM), *product("--database", database, *half)],
        capture_output=True,
        check=False,
        cwd=ROOT,
        env=environment(),
        timeout=120,
    )

    assert run.returncode == 0, run.stderr.decode()
    report = json.loads(run.stdout)
    assert report == {
        "ready": "1.0",
        "saved": 201,
        "killed": "SIGKILL",
        "seq": 201,
        "missed": 200,
        "code": 0,
        "signal": None,
        "last": "system.closing",
    }
