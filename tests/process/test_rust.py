"""Tests a parent written in Rust, which starts, calls, kills and restarts the process."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.process.child_process import ROOT, environment, product

PROGRAM = Path(__file__).parent / "rust" / "parent.rs"

rustc = shutil.which("rustc")


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of the compiled parent."""
    binary = tmp_path_factory.mktemp("rust") / "parent"
    command = [str(rustc), "--edition", "2021", "-D", "warnings", "-o", str(binary), str(PROGRAM)]
    build = subprocess.run(command, capture_output=True, check=False, timeout=120)
    assert build.returncode == 0, build.stderr.decode()
    return binary


@pytest.mark.skipif(rustc is None, reason="rustc is not installed")
def test_a_rust_parent_spawns_talks_kills_and_restarts(
    half: list[str], parent: Path, database: Path
) -> None:
    run = subprocess.run(
        [str(parent), *product("--database", database, *half)],
        capture_output=True,
        check=False,
        cwd=ROOT,
        env=environment(),
        timeout=120,
    )

    assert run.returncode == 0, run.stderr.decode()
    assert run.stdout == b"301 saved, killed, restarted, ended\n"
