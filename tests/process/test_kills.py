"""Tests of kill -9 during saves: acknowledged saves are stored, and the audit chain verifies."""

import json
import random
from pathlib import Path

import pytest

from schema.clients.python.sidecar_client import Client
from tests.process.child_process import Child, forked, product, request
from tests.process.conftest import Connect, Spawn

pytestmark = pytest.mark.usefixtures("usual_limits")


class Ledger:
    """The acknowledged saves, and those whose answer was not received."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.made = 0
        self.acknowledged: dict[str, int] = {}
        self.unsure: set[str] = set()
        self.head = 0

    def line(self) -> bytes:
        """Return the line of the next save, of a new workflow or of an existing one."""
        if self.acknowledged and self.rng.random() < 0.4:
            workflow_id = self.rng.choice(sorted(self.acknowledged))
        else:
            workflow_id = f"w{self.made}"
        self.made += 1
        self.unsure.add(workflow_id)
        body = {"made": self.made, "filler": "x" * self.rng.randint(0, 20_000)}
        workflow = {"id": workflow_id, "name": f"name {self.made}", "data": body}
        return request("workflows.save", {"workflow": workflow}, self.made)

    def take(self, answer: dict[str, object]) -> None:
        """Note an acknowledged save."""
        result = answer["result"]
        assert isinstance(result, dict), answer
        self.acknowledged[result["id"]] = result["revision"]


def kill_amid_saves(ledger: Ledger, child: Child) -> None:
    """Send saves, read some answers, kill the process, and read the answers it has written."""
    count = ledger.rng.randint(1, 60)
    child.send(b"".join(ledger.line() for _ in range(count)))
    for _ in range(ledger.rng.randint(0, min(count, 10))):
        ledger.take(child.answer())
    child.process.kill()
    child.wait_exit()
    for line in child.rest():
        try:
            message = json.loads(line)
        except ValueError:
            continue  # the last line may be incomplete
        if "id" in message:
            ledger.take(message)
        elif message["method"] == "audit.event":
            ledger.head = max(ledger.head, message["params"]["seq"])


def check(ledger: Ledger, client: Client) -> None:
    """Assert that the acknowledged saves are stored, no others are, and all is consistent."""
    ids = sorted(ledger.acknowledged)
    lost = []
    for start in range(0, len(ids), 100):
        got = client.workflows.get_many(ids=ids[start : start + 100])
        revisions = {each["id"]: each["revision"] for each in got["items"]}
        lost += [each for each in ids[start : start + 100] if each not in revisions]
        lost += [each for each, found in revisions.items() if found < ledger.acknowledged[each]]
    stats = client.system.stats()
    verdict = client.audit.verify()
    found = client.system.check(full=True)

    assert lost == []
    assert len(ids) <= stats["workflows"] <= len(ids) + len(ledger.unsure - set(ids))
    assert verdict["status"] in {"ok", "unsealed"}
    assert verdict["first_bad_seq"] is None
    assert verdict["head"]["seq"] >= ledger.head
    assert found["findings"] == []


def kill_again_and_again(
    kills: int, seed: int, spawn: Spawn, connect: Connect, database: Path
) -> None:
    """Kill the process many times, and check its database after each."""
    ledger = Ledger(seed)
    for _ in range(kills):
        child = spawn(forked("--database", database))
        kill_amid_saves(ledger, child)
        child.close()
    assert len(ledger.acknowledged) > kills
    check(ledger, connect(product("--database", database)))


def test_acknowledged_saves_survive_kill_9(spawn: Spawn, connect: Connect, database: Path) -> None:
    kill_again_and_again(50, 1, spawn, connect, database)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [2, 3, 4, 5, 6, 7, 8, 9])
def test_acknowledged_saves_survive_four_hundred_kills(
    seed: int, spawn: Spawn, connect: Connect, database: Path
) -> None:
    kill_again_and_again(50, seed, spawn, connect, database)
