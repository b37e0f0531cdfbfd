"""The rows of the vault put back by a second program: found at the next start and while serving."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.process.child_process import forked
from tests.process.conftest import Spawn

pytestmark = pytest.mark.usefixtures("cheap_keys")

PASSPHRASE = "correct horse battery"
VAULT = ("secrets", "key_slots", "data_keys", "vault_state")


def copied(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of the vault, read by another program."""
    db = sqlite3.connect(database)
    try:
        return {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in VAULT}  # noqa: S608 - our tables
    finally:
        db.close()


def put_back(database: Path, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    """Replace the rows of the vault by earlier ones, in one transaction of another program."""
    db = sqlite3.connect(database)
    try:
        with db:
            for table, found in rows.items():
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - our tables
                marks = ", ".join("?" * len(found[0]))
                db.executemany(f"INSERT INTO {table} VALUES ({marks})", found)  # noqa: S608 - our tables
    finally:
        db.close()


def test_a_vault_put_back_by_a_second_program_is_tampered_for_unlock_and_verify(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(forked("--database", database))
    child.result("secrets.initialize", {"passphrase": PASSPHRASE})
    child.result("secrets.set", {"provider": "openai", "value": "sk-revoked-0123456789"})
    earlier = copied(database)
    child.result("secrets.set", {"provider": "openai", "value": "sk-current-0123456789"})
    assert child.result("audit.verify")["status"] == "ok"
    put_back(database, earlier)
    assert child.result("audit.verify")["status"] == "tampered"
    child.finish()

    child = spawn(forked("--database", database))
    refused = child.call("secrets.unlock", {"passphrase": PASSPHRASE})
    assert refused["error"]["data"]["slug"] == "tampered"
    assert child.result("secrets.status")["state"] == "locked"
