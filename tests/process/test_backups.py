"""Tests of backups and restores in a real process: progress, cancel, kill, other requests."""

import random
import shutil
import time
from pathlib import Path

import pytest

from schema.clients.python.sidecar_client import Client
from tests.process.child_process import WAIT_S, environment, forked, notice, product, request
from tests.process.conftest import Connect, Spawn
from tests.promptness import assert_at_most, percentile, within

WORKFLOWS = 120


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database of some megabytes that do not compress."""
    path = tmp_path_factory.mktemp("filled") / "sim.db"
    with Client.spawn(forked("--database", path, "--no-events"), env=environment()) as client:
        for start in range(0, WORKFLOWS, 20):
            items = [
                {
                    "workflow": {
                        "id": f"w{number}",
                        "name": f"name {number}",
                        "data": {"noise": random.Random(number).randbytes(100_000).hex()},
                    }
                }
                for number in range(start, start + 20)
            ]
            client.call("workflows.save_many", {"items": items})
    return path


@pytest.fixture
def filled(made: Path, database: Path) -> Path:
    """Copy that database for one test; return the path of the copy."""
    database.parent.mkdir()
    shutil.copyfile(made, database)
    return database


def test_stdio_17_ping_is_answered_while_a_backup_and_a_compaction_run(
    connect: Connect, filled: Path
) -> None:
    client: Client = connect(product("--database", filled, "--no-events"))
    for method in ("backups.create", "system.compact"):
        at_work = client.start(method)
        waited_ms = []
        while not at_work.done:
            began = time.perf_counter()
            client.call("system.ping")
            waited_ms.append((time.perf_counter() - began) * 1000)
        at_work.result(WAIT_S)

        assert len(waited_ms) > 10
        assert_at_most(100, percentile(waited_ms, 99))


@pytest.mark.parametrize("method", ["backups.create", "backups.restore"])
def test_stdio_18_progress_rises_to_one_end(spawn: Spawn, filled: Path, method: str) -> None:
    child = spawn(forked("--database", filled, "--no-events"))
    name = child.result("backups.create")["name"]
    params = {"name": name} if method == "backups.restore" else {}

    child.send(request(method, params, "long"))

    reported = []
    while True:
        message = child.next_message()
        if message.get("method") == "$/progress":
            reported.append(message["params"])
        elif message.get("id") == "long":
            break
    assert "result" in message
    assert [each["id"] for each in reported] == ["long"] * len(reported)
    done = [each["done"] for each in reported]
    assert done == sorted(done)
    assert reported[-1]["done"] == reported[-1]["total"]


@pytest.mark.parametrize("method", ["backups.create", "backups.restore"])
def test_stdio_18_cancelled_it_leaves_the_database_as_it_was(
    spawn: Spawn, filled: Path, method: str
) -> None:
    child = spawn(forked("--database", filled, "--no-events"))
    name = child.result("backups.create")["name"]
    child.result("workflows.delete", {"id": "w1"})
    params = {"name": name} if method == "backups.restore" else {}

    child.send(request(method, params, "long"))
    assert child.notification("$/progress")["id"] == "long"
    with within(0.5):
        child.send(notice("$/cancelRequest", {"id": "long"}))
        answer = child.answer()

    assert answer["error"]["data"]["slug"] == "cancelled"
    assert [item["name"] for item in child.result("backups.list")["items"]] == [name]
    assert child.result("system.stats")["workflows"] == WORKFLOWS - 1
    left = {path.name for path in filled.parent.iterdir() if "incoming" in path.name}
    assert left == set()


def test_stdio_18_killed_amid_a_backup_nothing_half_made_is_listed(
    spawn: Spawn, filled: Path
) -> None:
    child = spawn(forked("--database", filled, "--no-events"))
    name = child.result("backups.create")["name"]
    chance = random.Random(18)
    for _kill in range(5):
        child.send(request("backups.create", {}, "long"))
        assert child.notification("$/progress")["id"] == "long"
        time_to_kill = time.monotonic() + chance.random() * 0.05
        while time.monotonic() < time_to_kill:
            child.send(request("system.ping"))
            child.answer()
        child.process.kill()
        child.wait_exit()
        child = spawn(forked("--database", filled, "--no-events"))
        listed = [item["name"] for item in child.result("backups.list")["items"]]
        assert name in listed
        for each in listed:
            assert child.result("backups.verify", {"name": each})["ok"], each
    child.result("backups.create")
    assert not list((filled.parent / "backups").glob("*.partial"))
