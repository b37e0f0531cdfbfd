"""Runs through the real process: over kills, with payloads that are not JSON, told of."""

import time
from pathlib import Path
from typing import Any

import pytest

from sidecar import limits
from tests.process.child_process import Child, forked, request
from tests.process.conftest import Spawn

WORKFLOW = {"id": "w1", "name": "Mail", "data": [1]}
SETTINGS = {"run_keep_days": 1, "run_keep_count": 1, "run_keep_bytes": 1}


def started(child: Child, run_id: str = "r1") -> int:
    """Start a run of a new workflow; return the time of its start."""
    child.result("workflows.save", {"workflow": WORKFLOW})
    found: int = child.result("runs.start", {"workflow_id": "w1", "id": run_id})["run"][
        "started_at"
    ]
    return found


@pytest.mark.parametrize("key", SETTINGS)
def test_a_run_that_outlives_three_kills_ends_as_success_with_its_true_duration(
    spawn: Spawn, tmp_path: Path, key: str
) -> None:
    database = tmp_path / "sim.db"
    began_ms = time.time() * 1000
    child = spawn(forked("--database", database))
    started_at = started(child)
    child.result("settings.set", {"key": key, "value": SETTINGS[key]})
    for kill in range(3):
        child.process.kill()
        child.wait_exit()
        child = spawn(forked("--database", database))
        ready = child.ready
        assert (ready["runs_interrupted"], ready["runs_interrupted_ids"]) == (1, ["r1"])
        # Retention keeps one of these at most, as a chore does within seconds.
        for number in range(2):
            other = f"other-{kill}-{number}"
            child.result("runs.start", {"workflow_id": "w1", "id": other})
            child.result("runs.finish", {"id": other, "status": "success", "summary": [other]})
        child.result("runs.prune", {"keep_last": 0, "older_than_ms": 0, "max_bytes": 0})
        if kill < 2:
            told = child.result("runs.progress", {"id": "r1", "tokens_used": kill})
            assert (told["status"], told["resumed"]) == ("running", True)

    ended = child.result("runs.finish", {"id": "r1", "status": "success", "summary": {"out": 1}})

    passed_ms = time.time() * 1000 - began_ms
    assert (ended["status"], ended["changed"], ended["resumed"]) == ("success", True, True)
    assert ended["duration_ms"] == ended["completed_at"] - started_at
    assert 0 < ended["duration_ms"] <= passed_ms
    run = child.result("runs.get", {"id": "r1"})["run"]
    assert (run["interrupted"], run["summary"], run["tokens_used"]) == (False, {"out": 1}, 1)
    acts = child.result("audit.list", {"action": "run_resume"})["items"]
    assert [entry["resource"] for entry in acts] == ["r1", "r1", "r1"]


DEEP = b"[" * 2000 + b"]" * 2000
ENDLESS = b'[{"a":' * 300_000 + b"1" + b"}]" * 300_000
NOT_JSON: dict[str, tuple[bytes, str | None, bool, str | None, Any]] = {
    "half an emoji": (rb'"error_message":"at \ud83d"', "at \ufffd", True, None, None),
    "NUL": (rb'"error_message":"a\u0000b"', "a\ufffdb", True, None, None),
    "no UTF-8": (b'"error_message":"caf\xe9"', "caf\ufffd", True, None, None),
    "a tab": (b'"error_message":"a\tb"', "a\tb", True, None, None),
    "NaN": (b'"summary":[NaN,[-Infinity]]', None, False, "repaired", [None, [None]]),
    "a key": (rb'"summary":{"\udc00":1.50}', None, False, "repaired", {"\ufffd": 1.5}),
    "a large number": (rb'"summary":[1e400,"\ud800"]', None, False, "repaired", None),
    "deep": (b'"summary":' + DEEP, None, False, "dropped", None),
    "deep within": (b'"summary":' + b"[" * 600 + b"]" * 600, None, False, "dropped", None),
    "deep without end": (b'"summary":' + ENDLESS, None, False, "dropped", None),
    "both": (rb'"summary":"\udfff","error_message":"\ud800"', "\ufffd", True, "repaired", "\ufffd"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_JSON)
def test_the_end_of_a_run_is_recorded_whatever_is_wrong_with_its_texts(
    spawn: Spawn, tmp_path: Path, name: str
) -> None:
    members, message, truncated, state, summary = NOT_JSON[name]
    child = spawn(forked("--database", tmp_path / "sim.db"))
    started(child)
    line = b'{"jsonrpc":"2.0","id":7,"method":"runs.finish","params":{"id":"r1","status":"error",'

    for changed in (True, False):
        child.send(line + members + b"}}\n")
        ended = child.answer()["result"]
        assert (ended["changed"], ended["message_truncated"], ended["summary_state"]) == (
            changed, truncated, state,
        )  # fmt: skip

    if name != "a large number":  # which Python's json does not keep
        run = child.result("runs.get", {"id": "r1"})["run"]
        assert (run["status"], run["error_message"], run["message_truncated"]) == (
            "error", message, truncated,
        )  # fmt: skip
        assert (run["summary_state"], run["summary"]) == (state, summary)


def test_what_is_wrong_elsewhere_in_a_finish_is_refused(spawn: Spawn, tmp_path: Path) -> None:
    child = spawn(forked("--database", tmp_path / "sim.db"))
    started(child)

    for members, path in (
        (rb'"id":"r1\ud800","status":"error"', "$.params.id"),
        (b'"id":"r1","status":"error","tokens_used":NaN', "$.params.tokens_used"),
    ):
        child.send(b'{"jsonrpc":"2.0","id":7,"method":"runs.finish","params":{' + members + b"}}\n")
        assert child.answer()["error"]["data"]["path"] == path
    assert child.result("runs.get", {"id": "r1"})["run"]["status"] == "running"


def test_of_the_progress_of_a_run_the_newest_is_told_once_a_second(
    spawn: Spawn, tmp_path: Path
) -> None:
    child = spawn(forked("--database", tmp_path / "sim.db"))
    started(child)
    began = time.monotonic()
    child.send(b"".join(request("runs.progress", {"id": "r1", "tokens_used": n}) for n in range(9)))

    told = [child.notification("runs.changed")["change"] for _ in range(3)]

    passed_ms = (time.monotonic() - began) * 1000
    assert told == ["started", "progress", "progress"]
    assert passed_ms >= limits.RUN_PROGRESS_INTERVAL_MS
    child.send(request("runs.progress", {"id": "r1"}))
    child.send(request("runs.finish", {"id": "r1", "status": "success"}))
    assert child.notification("runs.changed")["change"] == "finished"
