"""Tests of a program whose folder is replaced while it runs, as an app that updates itself does."""

import ast
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import sidecar
from sidecar.handlers.system.modules import MODULES
from sidecar.methods import METHOD_MODULES
from tests.process.child_process import Child, request, saving, until
from tests.process.conftest import Spawn

pytestmark = pytest.mark.usefixtures("usual_limits")

PACKAGE = Path(sidecar.__file__).parent


def slug(answer: dict[str, Any]) -> str:
    """Return the slug of an answer's error, or "ok"."""
    return str(answer["error"]["data"]["slug"]) if "error" in answer else "ok"


def saved(database: Path) -> int:
    """Return how many workflows another program finds in the file."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT count(*) FROM workflows").fetchone()[0])


def install(folder: Path) -> list[str]:
    """Install the program into a folder of its own; return the start of a command."""
    folder.mkdir()
    for site in map(Path, sys.path):
        if site.name == "site-packages":
            for each in site.iterdir():
                if not each.name.startswith(("_sim", "sim_", "__", "sidecar")):
                    (folder / each.name).symlink_to(each)
    shutil.copytree(PACKAGE, folder / "sidecar", ignore=shutil.ignore_patterns("__pycache__"))
    return [sys.executable, "-S", "-P", "-m", "sidecar", "serve", "--log-level", "debug"]


def environment(folder: Path) -> dict[str, str]:
    """Return the variables of a process that runs the program in a folder."""
    return {**os.environ, "PYTHONPATH": str(folder)}


def replaced(spawn: Spawn, tmp_path: Path, database: Path) -> tuple[Child, Path]:
    """Start a program of a folder of its own."""
    folder = tmp_path / "program"
    argv = [*install(folder), "--database", str(database)]
    return spawn(argv, env=environment(folder)), folder


def test_after_its_modules_are_loaded_every_method_answers_without_the_program_on_disk(
    spawn: Spawn, tmp_path: Path, database: Path
) -> None:
    child, folder = replaced(spawn, tmp_path, database)
    child.result("secrets.initialize", {"passphrase": "a long passphrase"})
    assert until(lambda: "modules_loaded" in child.stderr_text())
    shutil.rmtree(folder)

    found = {}
    for name in METHOD_MODULES:
        if name not in ("system.shutdown", "secrets.add_keychain"):
            found[name] = slug(child.call(name, {}))
    child.send(b"[" + request("system.ping").strip() + b",5]\n")
    assert [slug(each) for each in child.answer()] == ["ok", "invalid_request"]
    child.send(b'{"jsonrpc": "2.0", "id": 9, "method": 5}\n')
    assert slug(child.answer()) == "invalid_request"
    assert slug(child.call("system.pong")) == "method_not_found"
    bad = {name for name, answer in found.items() if answer in ("internal", "out_of_resources")}
    assert bad == set()
    for name in (
        "backups.create",
        "rpc.discover",
        "system.check",
        "audit.verify",
        "secrets.unlock",
    ):
        assert found[name] in ("ok", "invalid_params"), name
    assert "cannot be loaded" not in child.stderr_text()


def test_what_cannot_be_loaded_is_refused_and_the_process_goes_on(
    spawn: Spawn, tmp_path: Path, database: Path
) -> None:
    """As when the program is replaced before its modules are loaded."""
    argv, folder = install(tmp_path / "program"), tmp_path / "program"
    shutil.rmtree(folder / "sidecar" / "handlers" / "runs")
    (folder / "jsonrpcserver").unlink()
    child = spawn([*argv, "--database", str(database)], env=environment(folder))

    child.send(saving("a") + b"[" + saving("b").strip() + b"]\n" + saving("c", request_id=3))
    assert slug(child.answer()) == "ok"
    (refused,) = child.answer()
    assert slug(refused) == "out_of_resources"
    assert slug(child.answer()) == "ok"
    for name in ("runs.list", "runs.list", "runs.start"):
        assert slug(child.call(name, {"workflow_id": "a", "id": "r"})) == "out_of_resources"
    assert saved(database) == 2


# --- the list of modules ----------------------------------------------------------------------

NOT_LATER = {
    "sidecar.serve_parser": "at the start",
    "sidecar.docstrings": "only `python -OO` needs it",
    "sidecar.wire.stdio_posix": "at the start",
    "sidecar.wire.stdio_threads": "at the start",
    "sidecar.secrets.unlock_at_start": "at the start",
    "sidecar.store.legacy.migrate": "at the start",
    "sidecar.store.legacy.recognise": "at the start",
    "mmap": "with cryptography",
    "isal": "at the start",
    "socket": "at the start",
    "traceback": "at the start, which fails",
    "pwd": "at the start",
    "resource": "built into Python where it exists, and loaded by hardening",
    "fcntl": "loaded by the lock",
    "warnings": "loaded by Python",
    "msvcrt": "Windows: built into Python",
}
"""Modules that functions import, and why the chore need not load them."""


def imported_in_functions(file: Path) -> set[str]:
    """Return the modules that the functions of a file import."""
    found = set()
    for function in ast.walk(ast.parse(file.read_text())):
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module == "sidecar":
                found |= {f"sidecar.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module == "msgspec":
                found |= {f"msgspec.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module == "sidecar.bodies":
                found |= {f"sidecar.bodies.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
    return found


AT_START = ("__main__.py", "app.py")
ELSEWHERE = {"cli", "courier", "inspector"}
"""Packages that only other processes load."""

SERVING = sorted(
    path.relative_to(PACKAGE).as_posix()
    for path in PACKAGE.rglob("*.py")
    if path.relative_to(PACKAGE).parts[0] not in ELSEWHERE and path.name not in AT_START
)


LOADED = subprocess.run(
    [
        sys.executable,
        "-c",
        "import sys, sidecar.app, sidecar.handlers.every\n"
        f"for name in {MODULES}: __import__(name)\n"
        "print(*sys.modules)",
    ],
    check=True,
    stdout=subprocess.PIPE,
    text=True,
    timeout=120,
).stdout.split()
"""What a process has loaded when the chore has run."""


@pytest.mark.parametrize("name", SERVING)
def test_every_module_that_a_function_imports_is_loaded_before_it_is_needed(name: str) -> None:
    unknown = {
        module
        for module in imported_in_functions(PACKAGE / name).difference(LOADED, NOT_LATER)
        if not module.startswith("cryptography.")
    }

    assert unknown == set()
