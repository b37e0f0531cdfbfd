"""Tests of chores: one that cannot run now runs soon after."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar import limits
from sidecar.catalog import CHORES, Chore
from sidecar.context import LongContext
from sidecar.store.open_close import open_store
from sidecar.wire.chores import Chores
from tests.harness import ManualClock
from tests.process.child_process import until
from tests.wire.loop_in_process import Served, answers, call

looks: list[str] = []


def look(ctx: LongContext) -> None:
    """Read the database."""
    looks.append("tried")
    with ctx.reading():
        looks.append("done")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(step_ms=0)


@pytest.fixture
def served(tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    for name in list(CHORES):
        monkeypatch.delitem(CHORES, name)
    monkeypatch.setitem(CHORES, "look", Chore("look", look, first_ms=0, every_ms=None))
    looks.clear()
    served = Served(open_store(tmp_path / "sim.db", clock).store, clock)
    yield served
    served.close()


def test_a_chore_that_meets_a_replacement_comes_again_without_being_called_a_failure(
    served: Served, clock: ManualClock, capfd: pytest.CaptureFixture[str]
) -> None:
    with served.store.exclusive():
        served.loop._chores.start_due()
        served.finish_long()
    tried = list(looks)
    clock.at_ms += limits.CHORES_FIRST_MS
    served.loop._chores.start_due()
    served.finish_long()

    assert (tried, looks) == (["tried"], ["tried", "tried", "done"])
    assert "chore_failed" not in capfd.readouterr().err


def test_a_chore_that_waits_for_none_runs_while_another_runs(
    served: Served, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()
    monkeypatch.delitem(CHORES, "look")
    monkeypatch.setitem(CHORES, "wait", Chore("wait", lambda _ctx: _wait(let_go), 0, None))
    monkeypatch.setitem(CHORES, "lock", Chore("lock", look, 10, None, waits_for_none=True))
    chores = Chores(served.loop._services, served.loop._workers, served.loop)
    chores.start_due()
    chores.start_due()
    waiting = chores.timeout_ms()
    clock.at_ms += 10
    chores.start_due()
    try:
        assert until(lambda: looks == ["tried", "done"])
    finally:
        let_go.set()
        served.finish_long()

    assert waiting == 10
    assert looks == ["tried", "done"]


@pytest.mark.parametrize("is_left", [True, False])
def test_an_end_that_is_late_waits_for_a_chore_unless_that_has_nothing_to_close(
    served: Served, monkeypatch: pytest.MonkeyPatch, *, is_left: bool
) -> None:
    let_go = threading.Event()
    chore = Chore("wait", lambda _ctx: _wait(let_go), 0, None, is_left_at_end=is_left)
    monkeypatch.delitem(CHORES, "look")
    monkeypatch.setitem(CHORES, "wait", chore)
    chores = Chores(served.loop._services, served.loop._workers, served.loop)
    chores.start_due()

    chores.stop()
    waited_for = len(served.loop._workers)
    chores.leave()
    try:
        assert waited_for == 1
        assert len(served.loop._workers) == (0 if is_left else 1)
    finally:
        let_go.set()
        served.finish_long()


def _wait(let_go: threading.Event) -> None:
    """Run until the test lets it go."""
    assert let_go.wait(60)


def test_a_long_method_is_in_the_table_with_its_duration(served: Served) -> None:
    assert "result" in answers(served.send(call(1, "system.check")))[0]
    (told,) = answers(served.send(call(2, "system.stats")))

    (row,) = [each for each in told["result"]["methods"] if each["method"] == "system.check"]
    assert row["calls"] == 1
    assert 0 < row["p50_us"] == row["p99_us"]
