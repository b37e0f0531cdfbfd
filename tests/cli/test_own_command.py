"""Commands start a serving process of themselves, whatever options their own interpreter has."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.child_process import ROOT

HARMFUL = "raise SystemExit('a module of somebody else')\n"
"""What the folder that a foreign PYTHONPATH names has in place of modules of Python."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Make a folder with a copy of the package, whose version tells it from the installed one."""
    folder = tmp_path / "a copy"
    shutil.copytree(ROOT / "sidecar", folder / "sidecar")
    (folder / "sidecar" / "__init__.py").write_text('__version__ = "7.7.7"\n', encoding="utf-8")
    return folder


FOREIGN = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONOPTIMIZE")
"""Variables of the machine that would decide in place of the options."""


def version_served(options: tuple[str, ...], cwd: Path, **variables: str) -> str:
    """Run a command whose child tells its version; return that version."""
    done = subprocess.run(
        [sys.executable, *options, "-m", "sidecar", "call", "system.info", "--ephemeral"],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        env={**{k: v for k, v in os.environ.items() if k not in FOREIGN}, **variables},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return str(json.loads(done.stdout)["version"])


@pytest.mark.parametrize("option", ["-O", "-s"])
def test_a_command_serves_by_the_package_that_it_runs_from(option: str, copy: Path) -> None:
    assert version_served((option,), copy) == "7.7.7"


def test_a_child_ignores_the_variables_that_the_command_was_told_to_ignore(
    tmp_path: Path, copy: Path
) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "json.py").write_text(HARMFUL, encoding="utf-8")

    assert version_served(("-E",), copy, PYTHONPATH=str(foreign)) == "7.7.7"


def test_an_isolated_command_serves_by_the_installed_package(tmp_path: Path, copy: Path) -> None:
    (tmp_path / "json.py").write_text(HARMFUL, encoding="utf-8")

    served = version_served(("-I",), copy, PYTHONPATH=str(tmp_path))

    assert served != "7.7.7"


def test_a_child_writes_no_bytecode_when_the_command_was_told_to_write_none(copy: Path) -> None:
    for folder in list(copy.rglob("__pycache__")):
        shutil.rmtree(folder)
    version_served(("-B",), copy)

    assert list(copy.rglob("*.pyc")) == []


def test_a_child_runs_without_assertions_and_docstrings_as_the_command_does(copy: Path) -> None:
    told = '__version__ = "0" if __doc__ is None else "1"\n'
    source = '"""Tells in its version whether it has a docstring."""\n' + told
    (copy / "sidecar" / "__init__.py").write_text(source, encoding="utf-8")

    assert [version_served(options, copy) for options in ((), ("-OO",))] == ["1", "0"]
