"""Compiles what is written in Rust, once, into a folder that git ignores."""

import functools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CRATE = ROOT / "schema" / "clients" / "rust"
TAURI = ROOT / "schema" / "hosts" / "tauri"
TARGET = CRATE / "target"
"""Where everything is compiled into, so that what crates have in common is compiled once."""

CARGO_MIN = (1, 74)
"""The oldest cargo that the crate is written for."""

BUILD_S = 600
"""How long a compilation may take that .ci/run has not done before."""


def cargo(*words: str, folder: Path = CRATE) -> subprocess.CompletedProcess[str]:
    """Run cargo in a folder."""
    return subprocess.run(
        ["cargo", *words],
        cwd=folder,
        env={**os.environ, "CARGO_TARGET_DIR": str(TARGET)},
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILD_S,
    )


@functools.cache
def needed() -> None:
    """Skip the test where cargo is missing or too old, or cannot get the crates."""
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not installed")
    found = re.search(r"(\d+)\.(\d+)", cargo("--version").stdout)
    if found is None or tuple(map(int, found.groups())) < CARGO_MIN:
        pytest.skip("this cargo is too old")
    for folder in (CRATE, TAURI / "host"):
        if (
            cargo("fetch", "--offline", folder=folder).returncode
            and cargo("fetch", folder=folder).returncode
        ):
            pytest.skip("cargo cannot get serde and serde_json")


@functools.cache
def built(folder: Path = CRATE) -> dict[str, Path]:
    """Compile the tests and examples of a crate, and return the programs by name."""
    needed()
    words = ("test", "--no-run", "--offline", "--message-format=json", "--quiet")
    done = cargo(*words, folder=folder)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    artefacts = [json.loads(line) for line in done.stdout.splitlines()]
    return {
        each["target"]["name"]: Path(each["executable"])
        for each in artefacts
        if each.get("executable")
    } | {
        each["target"]["name"]: Path(each["filenames"][0])
        for each in artefacts
        if each["reason"] == "compiler-artifact" and "example" in each["target"]["kind"]
    }
