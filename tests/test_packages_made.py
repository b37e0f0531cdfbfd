"""Packages that are really made and tried; the gate does the same, twice, and compares."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_the_packages_are_made_and_pass_the_smoke_test() -> None:
    if not shutil.which("objdump"):
        pytest.skip("making a package needs binutils")
    for words in (["build/dev.py", "package"], ["build/smoke.py"]):
        done = subprocess.run(
            [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
