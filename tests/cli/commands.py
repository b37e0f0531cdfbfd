"""Run the command line as a script does: no terminal, output in a pipe."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.process.child_process import ROOT, environment


def run(*words: object, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "sidecar", *map(str, words)],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        env=environment(),
    )


def result_of(*words: object) -> Any:
    """Run a command that must succeed; return the line of JSON that it prints."""
    done = run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)
