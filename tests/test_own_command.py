"""What a bundle is started with, and looks for; build/smoke.py tries real ones."""

import os
import sys
from pathlib import Path

import pytest

from sidecar.own_command import courier_environment, others_environment, remote_folders


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a bundle that this process says to run from."""
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "sim-sidecar"))
    monkeypatch.delenv("SIM_SIDECAR_REMOTE", raising=False)
    return tmp_path


def test_a_bundle_looks_for_the_extra_beside_itself_and_where_the_environment_says(
    bundled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, elsewhere = str(bundled / "remote"), str(bundled / "elsewhere")

    assert remote_folders() == [beside]
    monkeypatch.setenv("SIM_SIDECAR_REMOTE", elsewhere)
    assert remote_folders() == [beside, elsewhere]
    assert courier_environment()["SIM_SIDECAR_REMOTE"] == elsewhere
    monkeypatch.setenv("SIM_SIDECAR_REMOTE", "relative")
    assert remote_folders() == [beside]


def test_an_environment_of_python_looks_for_the_extra_among_its_packages_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SIM_SIDECAR_REMOTE", str(tmp_path))

    assert remote_folders() == []


@pytest.mark.parametrize(("of_user", "kept"), [("", None), (":/opt/their/lib", "/opt/their/lib")])
def test_another_program_gets_no_libraries_of_the_bundle(
    bundled: Path, monkeypatch: pytest.MonkeyPatch, of_user: str, kept: str | None
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{bundled / '_internal'}{of_user}")
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", of_user.removeprefix(":"))
    monkeypatch.setenv("_PYI_ARCHIVE_FILE", str(bundled / "sim-sidecar"))

    given = others_environment()

    assert given.get("LD_LIBRARY_PATH") == kept
    assert not {name for name in given if name.startswith("_PYI_") or name.endswith("_ORIG")}
    assert given["PATH"] == os.environ["PATH"]


def test_another_program_of_an_environment_of_python_gets_all_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/their/lib")

    assert others_environment() == dict(os.environ)
