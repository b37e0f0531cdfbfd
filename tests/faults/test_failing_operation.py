"""Operation N fails, for every N, in every act: the answer says what happened.

Any operation of SQLite can fail: once, from then on, for want of space, or by a read of too few
bytes. The request then gets one error with its outcome, the same request sent again with the same
id succeeds, acknowledged writes are there, and a fresh connection finds no fault.
"""

import itertools
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from sidecar.store.open_close import open_store
from sidecar.store.search import indexes
from tests.faults.failing_vfs import FailingVFS, Mode, Plan
from tests.faults.store_work import Message, Shell, State, faults_of, state_of
from tests.harness import ManualClock
from tests.wire.loop_in_process import Served, answers, call

LIED = {"database_damaged", "not_found", "internal"}
"""The errors that are allowed when a page was read wrongly without an error."""
NOT_REACHED = {"not_found", "conflict"}
"""The errors that the second request of an act may get when the first has failed."""
ALLOWED = {"storage_failed", "database_full", "read_only", "database_busy"}
"""The errors that a failing disk may cause; `internal` and damage are wrong, the file is sound."""

BODY = {"filler": random.Random(5).randbytes(4000).hex()}
ACTS: dict[str, list[Message]] = {
    "save": [
        call(1, "workflows.save", workflow={"id": "new", "name": "a", "data": BODY, "tags": ["x"]}),
        call(2, "settings.set", key="theme", value="dark"),
    ],
    "replace": [call(1, "workflows.save", workflow={"id": "w1", "name": "b", "data": BODY})],
    "run": [
        call(1, "runs.start", workflow_id="w1", id="run"),
        call(2, "runs.finish", id="run", status="success", summary=BODY),
    ],
    "delete": [call(1, "workflows.delete", id="w1")],
    "search": [call(1, "workflows.search", query="flow")],
    "read": [
        call(1, "workflows.get", id="w1"),
        call(2, "workflows.search", query="again"),
        call(3, "runs.list"),
        call(4, "audit.list"),
        call(5, "audit.verify"),
    ],
    "purge": [call(1, "system.purge")],
    "compact": [call(1, "system.compact")],
    "check": [call(1, "system.check", full=True)],
    "look": [call(1, "system.check")],
}
STEPS = {"compact": 61, "purge": 29, "run": 7, "check": 7}
"""The suite lets every thirteenth operation fail; fewer of the longest acts, more of short ones."""
UNAUDITED = {"compact", "check", "look"}
"""Acts that write an audit entry each time, also when they are repeated."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with rows of every kind, whose WAL is not moved into it yet."""
    folder = tmp_path_factory.mktemp("prepared")
    served = Served(open_store(folder / "sim.db", ManualClock()).store, ManualClock())
    shell = Shell(3)
    for _ in range(40):
        served.send(*shell.requests())
    served.send(call(1, "workflows.save", workflow={"id": "w1", "name": "b", "data": {}}))
    with served.store.lock:
        indexes.update_step(served.store)
    served.store.checkpoint()
    for _ in range(3):
        served.send(*shell.requests())
    shutil.copytree(folder, folder.with_name("kept"))
    served.close()
    return folder.with_name("kept")


class Case:
    """A served copy of the prepared file over a VFS that can fail."""

    def __init__(self, path: Path, vfs: FailingVFS, name: str) -> None:
        self.path, self.vfs = path, vfs
        self.served = Served(open_store(path, ManualClock(), vfs=name).store, ManualClock())
        self.before = self.state()

    def state(self) -> State:
        """Return what another connection reads, without faults."""
        db = apsw.Connection(str(self.path))
        try:
            assert faults_of(db) == []
            return state_of(db)
        finally:
            db.close()

    def send(self, requests: list[Message], plan: Plan | None = None) -> list[Any]:
        """Send requests that arrive at once and return their answers, one for each."""
        self.vfs.plan = plan
        self.served.store.reopen()  # so that pages are read and not remembered
        received = answers(self.served.send(*requests))
        assert [each["id"] for each in received] == [each["id"] for each in requests]
        return received


READS = ("read", "look")
CASES: list[tuple[str, Mode]] = [
    # SQLite takes a read of too few bytes for a page of zeros, so a write after it does damage.
    # A request that only reads must not report the file as damaged.
    *((act, mode) for act in ACTS if act not in READS for mode in ("once", "lasting")),
    # A full disk fails writes, of which a check makes none.
    *((act, "full") for act in ACTS if act not in (*READS, "check")),
    *((act, mode) for act in READS for mode in ("once", "short")),
]


@contextmanager
def serving(prepared: Path, folder: Path) -> Iterator[Case]:
    shutil.copytree(prepared, folder)
    name = f"failing-{folder.name}"
    vfs = FailingVFS(name)
    case = Case(folder / "sim.db", vfs, name)
    try:
        yield case
    finally:
        vfs.plan = None
        case.served.close()
        vfs.unregister()
        shutil.rmtree(folder)


def after(prepared: Path, folder: Path, act: str) -> State:
    """Return the state after the act without a fault."""
    with serving(prepared, folder) as case:
        assert all("result" in each for each in case.send(ACTS[act]))
        return case.state()


def comparable(state: State, act: str) -> State:
    """Return the state with audit entries in any order, because failed requests are repeated."""
    entries = None if act in UNAUDITED else sorted(each[1:] for each in state["audit"])
    return {**state, "audit": entries}


def fail_one(case: Case, act: str, mode: Mode, number: int, done: State) -> bool:
    """Run one case; return False when the act has fewer operations than that."""
    if act in READS:  # else a search would write
        with case.served.store.lock:
            while indexes.update_step(case.served.store):
                pass
    plan = Plan(mode, number)
    received = case.send(ACTS[act], plan)
    if mode == "full" and plan.failed:
        read = case.send([call("read", "workflows.list", limit=3)], plan)
        assert read[0]["result"]["items"]
    if act in ("check", "look") and "result" in received[0]:
        assert received[0]["result"]["findings"] == []
    case.vfs.plan = None
    if not plan.failed:
        return False
    outcomes = set()
    allowed = ALLOWED | (LIED if mode == "short" else set())
    for each in received:
        if "error" in each:
            data = each["error"]["data"]
            if act != "run" or data["slug"] not in NOT_REACHED:
                assert data["slug"] in allowed, each
                outcomes.add(data.get("outcome"))
    assert not case.served.store.damaged
    if act not in UNAUDITED:
        found = case.state()
        failed = sum("error" in each for each in received)
        if failed == len(received):
            assert found in (case.before, done), received
        if not failed:
            assert found == done
        if failed == len(received) and outcomes == {"not_applied"}:
            assert found == case.before
    again = case.send(ACTS[act])
    gone = act == "delete" and found == done
    assert all("result" in each or gone for each in again), again
    assert comparable(case.state(), act) == comparable(done, act)
    return True


def sweep(prepared: Path, folder: Path, case: tuple[str, Mode], step: int) -> int:
    """Let every `step`th operation of an act fail, from a random one on; return how many."""
    act, mode = case
    done = after(prepared, folder / "done", act)
    first = random.Random(f"{act} {mode}").randint(1, step)
    for cases, number in enumerate(itertools.count(first, step)):
        with serving(prepared, folder / f"{act}-{mode}-{number}") as one:
            if not fail_one(one, act, mode, number, done):
                return cases
    raise AssertionError


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_any_failing_operation_is_reported_with_its_outcome_and_loses_nothing(
    prepared: Path, tmp_path: Path, case: tuple[str, Mode]
) -> None:
    assert sweep(prepared, tmp_path, case, STEPS.get(case[0], 13)) > 1


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_every_operation_fails_once(prepared: Path, tmp_path: Path, case: tuple[str, Mode]) -> None:
    assert sweep(prepared, tmp_path, case, 1) > 15
