"""Hosts that follow a database over kills show what an independent reader finds in its file."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.process.child_process import ROOT, environment, product
from tests.process.conftest import Connect
from tests.promptness import assert_at_most


def in_the_file(database: Path) -> dict[str, dict[str, Any]]:
    """Read with sqlite3 what a host shows."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        workflows = db.execute("SELECT id, name, revision, archived_at, tags FROM workflows")
        settings = db.execute("SELECT key, value FROM settings")
        runs = db.execute("SELECT id, status FROM runs")
        return {
            "workflows": {row[0]: [*row[1:4], json.loads(row[4])] for row in workflows},
            "settings": {key: json.loads(value) for key, value in settings},
            "runs": dict(runs.fetchall()),
        }


def follow_with_kills(database: Path, kept: Path, changes: int, kills: int, seed: int) -> None:
    """Run hosts until they have made so many changes; kill them or their processes meanwhile."""
    chance = Random(seed)
    moments = sorted(chance.sample(range(1, changes), kills))
    done, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        arguments = (database, kept, max(0, changes - done), seed + done)
        with subprocess.Popen(
            [sys.executable, "-m", "tests.process.following_host", *map(str, arguments)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=environment(),
            text=True,
        ) as host:
            assert host.stdout is not None
            served_by = 0
            for line in host.stdout:
                word, _, number = line.strip().partition(" ")
                served_by = int(number or served_by)
                done += word == "changed"
                if word == "changed" and moments and done >= moments[0]:
                    moments.pop(0)
                    with suppress(ProcessLookupError):
                        os.kill(chance.choice([host.pid, served_by]), signal.SIGKILL)
            code = host.wait()
    assert code == 0


def assert_shown_is_stored(folder: Path, changes: int, kills: int, seed: int) -> None:
    """Follow a new database, and compare what the last host showed with the file."""
    database, kept = folder / "sim.db", folder / "shown.json"

    follow_with_kills(database, kept, changes, kills, seed)

    shown = json.loads(kept.read_text())["shown"]
    assert shown == in_the_file(database)
    assert shown["workflows"]
    assert shown["runs"]


def test_hosts_that_are_killed_and_started_again_show_what_the_file_holds(tmp_path: Path) -> None:
    assert_shown_is_stored(tmp_path, changes=100, kills=3, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(3))
def test_hosts_follow_a_thousand_changes_over_thirty_kills(tmp_path: Path, seed: int) -> None:
    assert_shown_is_stored(tmp_path, changes=1000, kills=30, seed=seed)


def test_the_idle_lock_is_told_within_a_second_of_its_time(
    connect: Connect, database: Path
) -> None:
    client = connect(product("--database", database))
    client.call("settings.set", {"key": "secrets_idle_lock_ms", "value": 1500})
    asked_at = time.time_ns() // 1_000_000
    client.call("secrets.initialize", {"passphrase": "open sesame"})

    told = [client.events.get()]
    while told[-1].params.get("reason") != "idle_lock":
        told.append(client.events.get())

    entries = [each.params for each in told if each.method == "audit.event"]
    at = {entry["action"]: entry["at"] for entry in entries}
    assert at["vault_lock"] - asked_at >= 1499  # two clocks, each in whole milliseconds
    assert_at_most(2500, at["vault_lock"] - at["vault_initialize"])
    assert told[-1].params == {
        "state": "locked",
        "reason": "idle_lock",
        "seq": entries[-1]["seq"],
    }
