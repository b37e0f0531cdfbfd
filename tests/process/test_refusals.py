"""Tests of a client that retries while secrets are locked: the audit log counts its refusals."""

from pathlib import Path
from typing import Any

import pytest

from tests.process.child_process import Child, forked, request
from tests.process.conftest import Spawn

pytestmark = pytest.mark.usefixtures("cheap_keys")

PASSPHRASE = "correct horse battery"
ASKED = 2000


def locked(spawn: Spawn, database: Path) -> Child:
    """Start a process whose secrets are set up and locked."""
    child = spawn(forked("--database", database))
    child.call("secrets.initialize", {"passphrase": PASSPHRASE})
    child.call("secrets.lock")
    return child


def refusals(child: Child) -> list[tuple[str, dict[str, Any]]]:
    """Return the resource and the details of every logged refusal, oldest first."""
    items = child.result("audit.list", {"limit": 500})["items"]
    return [
        (item["resource"], item["details"]) for item in items if item["action"] == "access_refused"
    ]


def test_refusals_of_one_kind_within_a_second_are_one_entry_and_a_count(
    spawn: Spawn, database: Path
) -> None:
    child = locked(spawn, database)
    asked = b"".join(request("secrets.get", {"provider": "openai"}) for _ in range(ASKED))
    child.send(asked + request("secrets.get", {"provider": "other"}))
    answers = child.answers(ASKED + 1)
    while "count" not in child.notification("audit.event")["details"]:
        pass

    assert {answer["error"]["data"]["slug"] for answer in answers} == {"locked"}
    entries = refusals(child)
    once = {"method": "secrets.get", "reason": "locked"}
    assert entries[:1] == [("openai", once)]
    assert ("other", once) in entries
    assert sum(entry.get("count", 1) for of, entry in entries if of == "openai") <= ASKED
    assert len(entries) < 10


def test_counted_refusals_are_logged_when_the_process_ends(spawn: Spawn, database: Path) -> None:
    child = locked(spawn, database)
    child.send(b"".join(request("secrets.get", {"provider": "openai"}) for _ in range(ASKED)))
    child.answers(ASKED)
    child.finish()

    child = spawn(forked("--database", database))
    assert sum(entry.get("count", 1) for _of, entry in refusals(child)) == ASKED
    assert child.result("audit.verify")["status"] == "locked"


def test_every_wrong_passphrase_is_an_entry(spawn: Spawn, database: Path) -> None:
    child = locked(spawn, database)
    for _ in range(3):
        child.call("secrets.unlock", {"passphrase": "wrong"})

    items = child.result("audit.list", {"limit": 500})["items"]
    assert [item["action"] for item in items].count("unlock_failed") == 3
