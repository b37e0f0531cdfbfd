"""A minute of the storm is part of no suite; a few seconds of it show that it can be run."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_short_storm_loses_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture", "--minutes", "0.1", "--seed", "3"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].endswith(" 0 losses")
