"""Tests of chores: one that cannot run now runs soon after."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar import limits
from sidecar.catalog import CHORES, Chore
from sidecar.context import LongContext
from sidecar.store.open_close import open_store
from tests.harness import ManualClock
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


def test_a_long_method_is_in_the_table_with_its_duration(served: Served) -> None:
    assert "result" in answers(served.send(call(1, "system.check")))[0]
    (told,) = answers(served.send(call(2, "system.stats")))

    (row,) = [each for each in told["result"]["methods"] if each["method"] == "system.check"]
    assert row["calls"] == 1
    assert 0 < row["p50_us"] == row["p99_us"]
