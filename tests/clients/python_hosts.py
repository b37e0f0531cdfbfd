"""What the tests of the Python client start: the real process, or a small program in its place."""

import sys
from pathlib import Path
from typing import Any

from schema.clients.python.sidecar_client import Supervisor
from tests.process.child_process import environment

SIDECAR = [sys.executable, "-m", "sidecar"]

PEER = """
import json, os, sys, time
def say(**message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\\n")
    sys.stdout.flush()
def hear():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)
def event(seq):
    say(method="audit.event", params={"seq": seq})
head = {"seq": 7, "mac": ""}
ready = {"protocol_version": "1.0", "head": head, "secrets": "", "runs_interrupted_ids": []}
say(method="system.ready", params=ready)
"""


def peer(text: str) -> list[str]:
    """Return a command that sends system.ready and then runs `text`."""
    return [sys.executable, "-I", "-S", "-c", PEER + text]


def served(folder: Path, **options: Any) -> Supervisor:
    """Return a supervisor of the real process."""
    return Supervisor(folder / "sim.db", command=SIDECAR, env=environment(), **options)


def flow(name: str) -> Any:
    """Return a workflow of that id."""
    return {"id": name, "name": "Flow", "data": [name]}
