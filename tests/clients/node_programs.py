"""Programs that run in Node, and the compiler that makes them of TypeScript."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

from tests.process.child_process import ROOT, environment

CLIENT = ROOT / "schema" / "clients" / "typescript"
TSC = CLIENT / "node_modules" / "typescript" / "bin" / "tsc"
NODE = shutil.which("node")
NO_TYPESCRIPT = NODE is None or not TSC.exists()
NO_TYPESCRIPT_REASON = "needs Node, and `npm ci` in schema/clients/typescript"


def compile_typescript(project: Path) -> None:
    """Compile a project and those that it uses, if anything has changed; checks all their types."""
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    with (cache / "typescript.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other processes of this run do the same
        run_node(TSC, "--build", project)


def run_node(
    *words: object, folder: Path = ROOT, node: str | Path | None = NODE, **variables: str
) -> str:
    """Run a program in Node and return what it prints."""
    done = subprocess.run(
        [str(node), *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment(**variables),
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def program(folder: Path) -> str:
    """Write a program `sim-sidecar` of this checkout into a folder and return its path."""
    path = folder / "sim-sidecar"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sidecar "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return str(path)
