"""Where a bundle looks for the extra `remote`; build/smoke_remote.py tries real ones."""

import sys
from pathlib import Path

import pytest

from sidecar.own_command import courier_environment, remote_folders


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
