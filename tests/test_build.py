"""Tests of the build scripts, and of limits for all files."""

import ast
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
STANDALONE = [ROOT / "build" / name for name in ("dev.py", "environment.py")]
GENERATED = {
    ROOT / "schema" / "clients" / "python" / "sidecar_client" / f"{name}.py"
    for name in ("contract", "methods", "asyncio_methods")
}
LINES_MAX = 400
FUNCTION_LINES_MAX = 50


def hand_written() -> Iterator[Path]:
    for top in ("sidecar", "build", "tests", "schema/clients/python"):
        for path in (ROOT / top).rglob("*.py"):
            if path not in GENERATED:
                yield path


def tracked_texts() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if name and path.is_file():
            yield name, path.read_bytes().decode("utf-8", "replace")


@pytest.mark.parametrize("path", STANDALONE, ids=lambda path: path.name)
def test_an_old_python_can_read_what_tells_it_that_it_is_old(path: Path) -> None:
    """Python 3.6 must not show a SyntaxError; it also has no newer __future__."""
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 6))

    assert [] == [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]


@pytest.mark.parametrize("path", STANDALONE, ids=lambda path: path.name)
def test_a_fresh_machine_needs_nothing_but_python(path: Path) -> None:
    """Both scripts run before anything is installed."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])

    assert set() == imported - sys.stdlib_module_names - {"environment"}


def test_the_script_explains_itself_without_an_environment() -> None:
    """Without a command it prints help; with a wrong one the list of commands, as an error."""
    script = str(STANDALONE[0])
    plain = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=False, cwd="/"
    )
    wrong = subprocess.run(
        [sys.executable, script, "tset"], capture_output=True, text=True, check=False, cwd="/"
    )

    assert (0, "") == (plain.returncode, plain.stderr)
    assert all(f"  {name}" in plain.stdout for name in ("demo", "test", "check", "lock", "clean"))
    assert (2, "", 1) == (wrong.returncode, wrong.stdout, wrong.stderr.count("\n"))


def test_a_folder_that_is_no_environment_of_ours_is_left_alone(tmp_path: Path) -> None:
    """SIM_SIDECAR_VENV may name a home folder by mistake; nothing in it may be removed."""
    kept = tmp_path / "letter.txt"
    kept.write_text("dear", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(STANDALONE[0]), "demo"],
        capture_output=True,
        text=True,
        check=False,
        env={"SIM_SIDECAR_VENV": str(tmp_path)},
    )

    assert (3, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert [kept] == list(tmp_path.iterdir())


ENVIRONMENT = f"import sys; sys.path.insert(0, {str(ROOT / 'build')!r}); import environment"
MAKING = f"""{ENVIRONMENT}

def pip(folder, words):  # all that needs a network
    print("pip", words[-1])

environment.pip = pip
print("has", environment.ensure("run"))
"""
HOLDING = f"""{ENVIRONMENT}

with environment.only_one(environment.venv_folder()):
    print("alone", flush=True)
    input()
"""


def begin(code: str, venv: Path) -> "subprocess.Popen[str]":
    """Start a script that uses build/environment.py for this folder."""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "SIM_SIDECAR_VENV": str(venv)},
    )


def test_two_runs_at_once_make_one_environment(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "venv"

    runs = [begin(MAKING, folder) for _ in range(2)]
    told = [run.communicate(timeout=120) for run in runs]

    assert [run.returncode for run in runs] == [0, 0], told
    words = sorted([line.split()[0] for line in out.splitlines()] for out, _ in told)
    assert words == [["has"], ["pip", "pip", "pip", "has"]]
    assert sorted(path.name for path in folder.parent.iterdir()) == ["venv", "venv.lock"]


def test_a_run_that_waits_says_so_and_goes_on_when_the_other_dies(tmp_path: Path) -> None:
    with begin(HOLDING, tmp_path / "venv") as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "alone\n"
        other = begin(HOLDING, tmp_path / "venv")
        assert other.stderr is not None
        assert "waiting for it" in other.stderr.readline()
        holder.kill()
        out, _ = other.communicate("go on\n", timeout=120)

    assert (out, other.returncode) == ("alone\n", 0)


def test_imports_point_one_way_and_each_library_has_one_door() -> None:
    """The contracts are in pyproject.toml."""
    if importlib.util.find_spec("importlinter") is None:
        pytest.skip("import-linter comes with the check extra: python3 build/dev.py check")
    run = "from importlinter.cli import lint_imports as run; raise SystemExit(run(no_cache=True))"
    done = subprocess.run(
        [sys.executable, "-c", run], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_names_a_registry() -> None:
    """A lock that names its index cannot be used with a mirror."""
    hosts = [
        "pypi" + ".org",
        "pythonhosted" + ".org",
        "registry.npmjs" + ".org",
        "--index" + "-url",
    ]

    assert [] == [name for name, text in tracked_texts() if any(host in text for host in hosts)]


def test_every_locked_package_is_pinned_by_hash() -> None:
    """With one line without a hash pip refuses the whole lock."""
    for path in sorted((ROOT / "build" / "locks").glob("*.txt")):
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]

        assert [] == [line for line in lines if "==" not in line or "--hash=sha256:" not in line]


def test_no_file_is_too_long_to_keep_in_mind() -> None:
    """A longer file is split, for instance by verb; there are no exceptions."""
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in hand_written()}

    assert {} == {str(path): lines for path, lines in lengths.items() if lines > LINES_MAX}


def test_no_function_is_too_long_for_a_screen() -> None:
    """A longer function does more than one thing."""
    too_long = []
    for path in hand_written():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    too_long.append((f"{path}:{node.lineno} {node.name}", lines))

    assert [] == too_long
