"""A passphrase that is being tried is counted, whoever cancels the request that tries it."""

import sqlite3
from pathlib import Path

import pytest

from tests.process.child_process import (
    MIB,
    Child,
    Message,
    forked,
    notice,
    request,
    resident_bytes,
    until,
)
from tests.process.conftest import Spawn

PASSPHRASE = "correct horse battery"

TRIES = {
    "secrets.unlock": {"passphrase": "letmein"},
    "secrets.change_passphrase": {"old_passphrase": "letmein", "new_passphrase": "another one"},
    "secrets.rekey": {"passphrase": "letmein"},
}


def set_up(spawn: Spawn, database: Path) -> Child:
    """Start a process whose secrets are set up and unlocked."""
    child = spawn(forked("--database", database))
    child.result("secrets.initialize", {"passphrase": PASSPHRASE})
    return child


def cancelled_while_tried(child: Child, method: str, params: object) -> Message:
    """Send a request, cancel it once a key is being derived, and return its answer.

    Deriving takes 64 MiB, which the memory of the process shows.
    """
    before = resident_bytes(child.pid)
    child.send(request(method, params, "try"))
    assert until(lambda: resident_bytes(child.pid) > before + 16 * MIB)
    child.send(notice("$/cancelRequest", {"id": "try"}))
    answer: Message = child.answer()
    assert answer["id"] == "try"
    return answer


def failures(database: Path) -> int:
    """Return how many failures the file counts, read by another program."""
    db = sqlite3.connect(database)
    try:
        return int(db.execute("SELECT failures FROM vault_state").fetchone()[0])
    finally:
        db.close()


@pytest.mark.parametrize("method", TRIES)
def test_a_wrong_passphrase_is_counted_throttled_and_logged_although_its_request_is_cancelled(
    spawn: Spawn, database: Path, method: str
) -> None:
    child = set_up(spawn, database)
    slugs = [
        cancelled_while_tried(child, method, TRIES[method])["error"]["data"]["slug"]
        for _ in range(3)
    ]

    assert slugs == ["wrong_passphrase"] * 3
    assert failures(database) == 3
    throttled = child.call(method, TRIES[method])["error"]["data"]
    assert throttled["slug"] == "throttled"
    entries = child.result("audit.list", {"action": "unlock_failed"})["items"]
    wrong = [entry for entry in entries if entry["details"]["reason"] == "wrong_passphrase"]
    assert [entry["details"]["method"] for entry in wrong] == [method] * 3


@pytest.mark.parametrize("method", TRIES)
def test_a_right_passphrase_does_what_was_asked_although_its_request_is_cancelled(
    spawn: Spawn, database: Path, method: str
) -> None:
    child = set_up(spawn, database)
    right = {
        name: PASSPHRASE if value == "letmein" else value for name, value in TRIES[method].items()
    }

    assert "result" in cancelled_while_tried(child, method, right)


def test_the_end_of_the_process_does_not_save_a_try(spawn: Spawn, database: Path) -> None:
    child = set_up(spawn, database)
    before = resident_bytes(child.pid)
    child.send(request("secrets.unlock", {"passphrase": "letmein"}))
    assert until(lambda: resident_bytes(child.pid) > before + 16 * MIB)
    child.finish()

    assert failures(database) == 1
