"""Fixtures that start processes and end them after the test."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from schema.clients.python.sidecar_client import Client
from tests.process import child_process
from tests.process.child_process import Child

Spawn = Callable[..., Child]
Connect = Callable[..., Client]


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Return a function that starts a command; it waits for `system.ready` unless told not to."""
    children: list[Child] = []

    def start(argv: list[str], *, ready: bool = True, **options: Any) -> Child:
        child = Child(argv, **options)
        children.append(child)
        return child.wait_ready() if ready else child

    yield start
    for child in children:
        child.close()


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Return a function that starts a command with the generated client."""
    clients: list[Client] = []

    def start(argv: list[str]) -> Client:
        client = Client.spawn(argv, env=child_process.environment())
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.wire.process.kill()
        client.close()


@pytest.fixture(params=["polled", "threaded"])
def half(request: pytest.FixtureRequest) -> list[str]:
    """Return the options for one of the two channels, each in turn."""
    return ["--threaded-io"] if request.param == "threaded" else []


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return the path for a new database."""
    return tmp_path / "data" / "sim.db"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip these tests on Windows, which has no such signals and no /proc."""
    if sys.platform == "linux":
        return
    skip = pytest.mark.skip(reason="looks into /proc and sends POSIX signals")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(skip)


@pytest.fixture
def noise() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Return a list for other processes of a test, which are killed at its end."""
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
