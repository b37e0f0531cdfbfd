"""Variables that a host, its launcher or its package has set for another Python.

Hosts in an AppImage or a snap, development containers and build servers leak them into every child.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.child_process import ROOT, environment, product
from tests.process.conftest import Spawn

pytestmark = pytest.mark.usefixtures("usual_limits")

HARMLESS = {
    "PYTHONOPTIMIZE": "2",
    "PYTHONINSPECT": "1",
    "PYTHONWARNINGS": "error",
    "PYTHONUNBUFFERED": "1",
    "PYTHONDEVMODE": "1",
    "PYTHONIOENCODING": "utf-16",
    "PYTHONUTF8": "0",
    "PYTHONHASHSEED": "0",
    "PYTHONSAFEPATH": "1",
    # Of a path of which nothing exists Python makes the folders in the working folder.
    "PYTHONPYCACHEPREFIX": "/dev/null/none",
    "PYTHONBREAKPOINT": "nothing.there",
    "LC_ALL": "xx_YY.unknown",
    "PATH": "",
}


@pytest.mark.parametrize("variable", HARMLESS)
def test_the_same_is_answered_whatever_the_environment_says_to_python(
    variable: str, spawn: Spawn, database: Path
) -> None:
    env = environment(**{variable: HARMLESS[variable]})
    child = spawn(product("--database", database), env=env)
    child.result("workflows.save", {"workflow": {"id": "w", "name": "n", "data": ["mail \u00fc"]}})
    assert len(child.result("workflows.search", {"query": "mail"})["items"]) == 1

    described = child.result("rpc.discover")
    lines, code = child.finish()

    assert described == json.loads((ROOT / "schema/openrpc.json").read_bytes())
    assert json.loads(lines[-1])["params"] == {"reason": "eof"}
    assert (code, child.stderr_text()) == (0, "")


@pytest.mark.parametrize("options", [["--unknown"], ["--version"], ["openrpc"]])
def test_no_statements_are_read_from_stdin_where_python_is_told_to_inspect(
    options: list[str], tmp_path: Path
) -> None:
    statement = f"open({str(tmp_path / 'made')!r}, 'w')\n".encode()
    runs = [
        subprocess.run(
            [sys.executable, "-m", "sidecar", *options],
            input=statement,
            capture_output=True,
            check=False,
            timeout=120,
            cwd=ROOT,
            env=environment(**variables),
        )
        for variables in ({}, {"PYTHONINSPECT": "1"})
    ]

    assert runs[0].returncode == runs[1].returncode
    assert runs[0].stdout == runs[1].stdout
    assert runs[0].stderr == runs[1].stderr
    assert list(tmp_path.iterdir()) == []


FATAL = {
    "PYTHONHOME": "/nonexistent",
    "PYTHONPLATLIBDIR": "nothing",
    "PYTHONVERBOSE": "1",
    "PYTHONOPTIMIZE": "2",
    "PYTHONINSPECT": "1",
}


@pytest.mark.parametrize("variable", [*FATAL, "PYTHONPATH"])
def test_started_as_an_isolated_program_it_serves_whatever_the_variables_are(
    variable: str, spawn: Spawn, database: Path, tmp_path: Path
) -> None:
    """PYTHONHOME ends Python before any program runs; `python -I` ignores all such variables."""
    for name in ("msgspec", "apsw", "sidecar", "select"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(77)\n")
    env = {**os.environ, variable: FATAL.get(variable, str(tmp_path))}
    isolated = [sys.executable, "-I", "-m", "sidecar", "serve", "--database", str(database)]
    child = spawn(isolated, env=env)

    assert "result" in child.call("system.ping")
    assert child.finish()[1] == 0
    assert child.stderr_text() == ""
