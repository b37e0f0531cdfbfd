"""What replaces the database file runs alone, and the new file serves at once."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from schema.clients.python.sidecar_client import Client
from tests.process.child_process import WAIT_S, Child, forked, forked_misbehaving, product, request
from tests.process.conftest import Connect, Spawn
from tests.process.test_long import begin, cancel
from tests.promptness import assert_at_most, percentile

WORKFLOWS = 400


def slug(answer: Any) -> str:
    """Return the slug of an error, and `ok` for a result."""
    return "ok" if "result" in answer else str(answer["error"]["data"]["slug"])


def fill(child: Child) -> str:
    """Save some workflows and make a backup; return its name."""
    for start in range(0, WORKFLOWS, 100):
        items = [
            {"workflow": {"id": f"w{number}", "name": f"n{number}", "data": {"k": "x" * 500}}}
            for number in range(start, start + 100)
        ]
        child.result("workflows.save_many", {"items": items})
    return str(child.result("backups.create")["name"])


def test_a_compaction_waits_for_a_long_request_and_others_are_refused_meanwhile(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(forked_misbehaving("--database", database, "--no-events"))
    child.result("workflows.save", {"workflow": {"id": "w", "name": "n", "data": 1}})
    begin(child, "holder", "reading")

    child.send(request("system.compact", {}, "first"))
    waiting = child.notification("$/progress")
    child.send(request("audit.verify", {}, "later"))
    later = child.answer()
    ping = child.call("system.ping")
    save = child.call("workflows.save", {"workflow": {"id": "w", "name": "m", "data": 2}})
    child.send(cancel("first"))
    first = child.answer()
    child.send(request("system.compact", {}, "second") + cancel("holder"))
    ended = {answer["id"]: slug(answer) for answer in child.answers(2)}

    assert (waiting["id"], waiting["phase"]) == ("first", "waiting")
    assert (later["id"], slug(later)) == ("later", "maintenance")
    assert (slug(ping), slug(save)) == ("ok", "ok")
    assert (first["id"], slug(first)) == ("first", "cancelled")
    assert ended == {"holder": "cancelled", "second": "ok"}


def test_a_compaction_that_waits_is_answered_at_the_end_of_input(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(forked_misbehaving("--database", database, "--no-events"))
    begin(child, "holder", "reading")
    child.send(request("system.compact", {}, "compact"))
    assert child.notification("$/progress")["phase"] == "waiting"

    lines, code = child.finish()

    answers = {each["id"]: slug(each) for each in map(json.loads, lines) if "id" in each}
    assert answers == {"holder": "cancelled", "compact": "cancelled"}
    assert code == 0


@pytest.mark.parametrize("act", ["system.compact", "backups.restore", "system.recover"])
def test_a_save_right_after_the_file_was_replaced_is_done_beside_a_long_read(
    spawn: Spawn, database: Path, act: str
) -> None:
    child = spawn(forked("--database", database, "--no-events"))
    backup = fill(child)
    found = []
    for number, reader in enumerate(
        ("audit.export", "system.check", "backups.create", "audit.verify")
    ):
        params = {"path": str(database.with_name(f"log{number}"))} if "export" in reader else {}
        child.result(act, {"name": backup} if act == "backups.restore" else {})
        saving = {"workflow": {"id": "live", "name": "n", "data": number}}
        child.send(
            request(reader, params, "read")
            + request("workflows.save", saving, "save")
            + request("system.ping", {}, "ping")
        )
        found.append({answer["id"]: slug(answer) for answer in child.answers(3)})

    assert found == [{"read": "ok", "save": "ok", "ping": "ok"}] * 4


def test_two_verifications_at_once_find_sound_backups_sound(spawn: Spawn, database: Path) -> None:
    child = spawn(forked("--database", database, "--no-events"))
    first = fill(child)
    child.result("workflows.delete_many", {"ids": [f"w{number}" for number in range(100)]})
    second = child.result("backups.create")["name"]

    for _round in range(10):
        child.send(
            request("backups.verify", {"name": first}, 1)
            + request("backups.verify", {"name": second}, 2)
        )
        assert [answer["result"]["ok"] for answer in child.answers(2)] == [True, True]
    entries = child.result("audit.list", {"action": "backup_rejected"})["items"]
    assert entries == []


def test_two_backups_at_once_are_two_backups(spawn: Spawn, database: Path) -> None:
    child = spawn(forked("--database", database, "--no-events"))
    fill(child)

    child.send(request("backups.create", {}, 1) + request("backups.create", {}, 2))
    names = {answer["result"]["name"] for answer in child.answers(2)}

    assert len(names) == 2
    for name in names:
        assert child.result("backups.verify", {"name": name})["ok"]
    assert list(database.parent.glob("*.scratch")) == []


@pytest.mark.parametrize("act", ["system.compact", "backups.restore", "system.recover"])
def test_ping_is_answered_while_the_file_is_replaced(
    connect: Connect, database: Path, act: str
) -> None:
    client: Client = connect(product("--database", database, "--no-events"))
    for start in range(0, 2000, 100):
        items = [
            {"workflow": {"id": f"w{number}", "name": f"n{number}", "data": {"k": "x" * 3000}}}
            for number in range(start, start + 100)
        ]
        client.call("workflows.save_many", {"items": items})
    backup = client.call("backups.create")["name"]
    waited_ms: list[float] = []
    for _round in range(3):
        at_work = client.start(act, {"name": backup} if act == "backups.restore" else {})
        while not at_work.done:
            began = time.perf_counter()
            client.call("system.ping")
            waited_ms.append((time.perf_counter() - began) * 1000)
        at_work.result(WAIT_S)

    assert len(waited_ms) > 100
    assert_at_most(100, percentile(waited_ms, 99))
