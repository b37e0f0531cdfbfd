"""Tests of a program whose folder is replaced while it runs, as an app that updates itself does."""

import ast
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

import sidecar
from sidecar.handlers.system.modules import MODULES
from tests.process.child_process import saving, until
from tests.process.conftest import Spawn
from tests.scenarios.talk import LOST, Talk
from tests.scenarios.test_scenarios import SCENARIOS, lines, replay

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


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the program, compiled, into a folder for the tests that move it."""
    folder = tmp_path_factory.mktemp("installed") / "program"
    install(folder)
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", "-o", "0", "-o", "2", folder / "sidecar"],
        check=True,
    )
    return folder


class Replaced(Talk):
    """A process whose program is away from the disk as soon as it has loaded its modules."""

    def __init__(self, program: Path, level: str, database: Path, *options: str) -> None:
        """Start the program of this folder with this option for the optimisation of Python."""
        self._program, self._level = program, level
        self._aside = program.with_name("aside")
        self._log = database.with_name("stderr")
        super().__init__(database, *options)

    def _start(self, options: Sequence[str]) -> subprocess.Popen[bytes]:
        self.bring_back()
        if LOST in options:
            self._database.with_name(f"{self._database.name}.known").touch()
        given = ["--database", str(self._database), *(each for each in options if each != LOST)]
        words = [sys.executable, *self._level.split(), "-S", "-P", "-m", "sidecar", "serve"]
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                [*words, "--log-level", "debug", *given],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(self._program),
            )
        assert until(lambda: "modules_loaded" in self._stderr() or process.poll() is not None)
        self._program.rename(self._aside)
        return process

    def bring_back(self) -> None:
        """Put the program where it was."""
        if self._aside.exists():
            self._aside.rename(self._program)

    def _stderr(self) -> str:
        return self._log.read_text(encoding="utf-8")


OF_SCENARIOS = [
    pytest.param(scenario, level, id=f"{scenario.stem}{level}")
    for scenario in SCENARIOS
    for level in ("", "-OO")
    if scenario.stem not in ("keychain", "remotes")
    and (not level or "rpc.discover" in scenario.read_text(encoding="utf-8"))
]
"""Every scenario but that of a keychain of its own, and that of couriers, which are processes of
their own; without docstrings those that describe the methods."""


@pytest.mark.parametrize(("scenario", "level"), OF_SCENARIOS)
def test_after_its_modules_are_loaded_it_answers_as_ever_without_the_program_on_disk(
    program: Path, scenario: Path, level: str, tmp_path: Path
) -> None:
    @contextmanager
    def talk(database: Path, *options: str) -> Iterator[Replaced]:
        conversation = Replaced(program, level, database, *options)
        try:
            yield conversation
        finally:
            conversation.close()
            conversation.bring_back()

    replay(lines(scenario), tmp_path, talk)


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


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements within a statement or module: only statements import."""
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        for each in getattr(node, part, ()):
            yield each
            yield from statements(each)


def imported_in_functions(file: Path) -> set[str]:
    """Return the modules that the functions of a file import."""
    found = set()
    for function in statements(ast.parse(file.read_text())):
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in statements(function):
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


@pytest.fixture(scope="module")
def loaded() -> list[str]:
    """Return what a process has loaded when the chore has run."""
    program = (
        "import sys, sidecar.app, sidecar.handlers.every\n"
        f"for name in {MODULES}: __import__(name)\n"
        "print(*sys.modules)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=120)
    return done.stdout.split()


@pytest.mark.parametrize("name", SERVING)
def test_every_module_that_a_function_imports_is_loaded_before_it_is_needed(
    name: str, loaded: list[str]
) -> None:
    unknown = {
        module
        for module in imported_in_functions(PACKAGE / name).difference(loaded, NOT_LATER)
        if not module.startswith("cryptography.")
    }

    assert unknown == set()
