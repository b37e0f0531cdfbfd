"""Fixtures: a loop on a new store, with methods for tests."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from tests.wire.loop_in_process import FaultyVFS, Served, declare_trials, serving


@pytest.fixture
def faults(tmp_path: Path) -> Iterator[FaultyVFS]:
    vfs = FaultyVFS(f"faulty-{tmp_path.name}")
    yield vfs
    vfs.unregister()
    assert f"faulty-{tmp_path.name}" not in apsw.vfs_names()


@pytest.fixture
def served(tmp_path: Path, faults: FaultyVFS, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    declare_trials(monkeypatch)
    with serving(tmp_path / "sim.db", vfs=f"faulty-{tmp_path.name}") as served:
        assert faults.opened
        yield served
