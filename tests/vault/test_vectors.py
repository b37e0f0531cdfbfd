"""The test vectors, verified by a program in another language that was written from the notes."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_another_language_verifies_every_vector() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed here; continuous integration has it")

    done = subprocess.run(
        [node, Path(__file__).with_name("vectors.mjs"), ROOT / "schema" / "vectors.json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("ok ") == 25
