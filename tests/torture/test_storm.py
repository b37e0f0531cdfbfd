"""A minute of the storm is part of no suite; a few seconds of it show that it can be run."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.torture.__main__ import Storm

pytestmark = pytest.mark.usefixtures("cheap_keys")

ROOT = Path(__file__).parents[2]


def test_a_short_storm_loses_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture", "--minutes", "0.05", "--seed", "3"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].endswith(" 0 losses")


def test_a_loss_is_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    storm = Storm(tmp_path, seed=4)
    try:
        for _ in range(5):
            storm.step()
        storm.world.theme = "what nobody has saved"
        storm.restart([storm.world])
    finally:
        storm.child.close()

    assert storm.counts["losses"] == 1
    assert "theme: " in capsys.readouterr().out
