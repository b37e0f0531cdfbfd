"""Tests of batches whose answers do not all fit: what is not answered is not done."""

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.process.child_process import MIB, Child, forked, peak_bytes, request, until
from tests.process.conftest import Spawn

pytestmark = pytest.mark.usefixtures("usual_limits")


def batch(*members: bytes) -> bytes:
    """Return the line of a batch."""
    return b"[" + b",".join(member.strip() for member in members) + b"]\n"


def save_large(child: Child, size_bytes: int) -> bytes:
    """Save a workflow of this size; return a request that reads it."""
    data = {"b": "x" * size_bytes}
    child.result("workflows.save", {"workflow": {"id": "large", "name": "large", "data": data}})
    return request("workflows.get", {"id": "large"}, "get")


def slugs(answers: list[dict[str, Any]]) -> list[tuple[object, str]]:
    """Return the id of each answer, and the slug of its error or "ok"."""
    return [
        (each["id"], each["error"]["data"]["slug"] if "error" in each else "ok") for each in answers
    ]


def rows(database: Path, sql: str) -> list[Any]:
    """Return the first column of what another program reads from the file."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        return [value for (value,) in db.execute(sql)]


def test_a_member_whose_answer_does_not_fit_is_undone_and_has_its_own_error(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(forked("--database", database))
    get = save_large(child, 14_000_000)
    settings = [{"key": f"k{number}", "value": "y" * 60_000} for number in range(100)]
    child.send(
        batch(
            request("settings.set", {"key": "before", "value": 1}, "before"),
            get,
            get,
            request("settings.set_many", {"items": settings}, "many"),
            get,
            request("settings.set", {"key": "after", "value": 1}, "after"),
            request("workflows.get", {"id": "nowhere"}, "none"),
        )
    )

    assert slugs(child.answer()) == [
        ("before", "ok"),
        ("get", "ok"),
        ("get", "ok"),
        ("many", "too_large"),
        ("get", "too_large"),
        ("after", "ok"),
        ("none", "not_found"),
    ]
    assert rows(database, "SELECT key FROM settings WHERE key IN ('before', 'after', 'k0')") == [
        "after",
        "before",
    ]


def test_a_long_member_is_not_begun_without_room_for_its_answer(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(forked("--database", database))
    get = save_large(child, 16_300_000)
    child.result("workflows.save", {"workflow": {"id": "w", "name": "w", "data": {}}})
    child.send(batch(get, get, request("workflows.delete", {"id": "w"}, "delete")))

    assert slugs(child.answer())[2] == ("delete", "too_large")
    assert "w" in rows(database, "SELECT id FROM workflows")

    child.send(batch(get, request("workflows.delete", {"id": "w"}, "delete")))
    assert slugs(child.answer()) == [("get", "ok"), ("delete", "ok")]
    assert rows(database, "SELECT id FROM workflows") == ["large"]


def test_a_small_batch_of_large_answers_takes_little_memory_and_time(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(forked("--database", database, "--log-level", "debug"))
    assert until(lambda: "modules_loaded" in child.stderr_text())
    get = save_large(child, 12_000_000)
    before = peak_bytes(child.pid)
    save = request("workflows.save", {"workflow": {"id": "s", "name": "s", "data": {}}}, "save")
    child.send(batch(*[get] * 150, save))

    answers = child.answer()

    assert Counter(slugs(answers)) == {
        ("get", "ok"): 2,
        ("get", "too_large"): 148,
        ("save", "too_large"): 1,
    }
    assert rows(database, "SELECT id FROM workflows") == ["large"]
    assert peak_bytes(child.pid) - before < 160 * MIB
    assert len(json.dumps(answers[-1])) < 8192
