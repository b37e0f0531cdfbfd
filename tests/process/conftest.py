"""Starting processes that are gone when the test is over."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from schema.clients.python.sidecar_client import Client
from tests.process import wire
from tests.process.wire import Child

Spawn = Callable[..., Child]
Connect = Callable[..., Client]


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Start a command as a raw child; it has said `system.ready` unless `ready` is False."""
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
    """Start a command behind the generated client."""
    clients: list[Client] = []

    def start(argv: list[str]) -> Client:
        client = Client.spawn(argv, env=wire.environment())
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.wire.process.kill()
        client.close()


@pytest.fixture(params=["polled", "threaded"])
def half(request: pytest.FixtureRequest) -> list[str]:
    """Options that choose each half of the channel in turn."""
    return ["--threaded-io"] if request.param == "threaded" else []


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where a database may be made."""
    return tmp_path / "data" / "sim.db"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Windows has neither these signals nor /proc; its half runs here by `--threaded-io`."""
    if sys.platform == "linux":
        return
    skip = pytest.mark.skip(reason="looks into /proc and sends POSIX signals")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(skip)


@pytest.fixture
def noise() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Other processes of a test; killed at its end."""
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
