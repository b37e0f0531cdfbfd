"""Tests that the search indexes are updated in a pause, after many changes, or for a search."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from sidecar import limits
from sidecar.store.connection import Store
from sidecar.store.search import indexes
from tests.harness import ManualClock
from tests.process.child_process import until
from tests.wire.loop_in_process import FaultyVFS, Served, answers, call, serving


def save(number: int) -> dict[str, Any]:
    workflow = {"id": f"w{number}", "name": f"Invoice {number}", "data": {}}
    return call(number, "workflows.save", workflow=workflow)


def found(served: Served) -> list[str]:
    (answer,) = answers(served.send(call(0, "workflows.search", query="invoice", limit=200)))
    return sorted(item["id"] for item in answer["result"]["items"])


def behind(served: Served) -> bool:
    db = served.store.db
    return indexes.has_pending_headers(db) or indexes.has_pending_texts(db)


def pause(served: Served, clock: ManualClock) -> None:
    """Advance the clock by a pause, and run the upkeep until nothing is due."""
    upkeep = served.loop._upkeep
    clock.at_ms += limits.UPKEEP_PAUSE_MS
    while upkeep.timeout_ms() is not None:
        upkeep.run_when_due(idle=True)
        clock.at_ms += limits.UPKEEP_REST_MS


def test_what_is_done_between_bursts_waits_for_requests_that_follow_but_not_long(
    served: Served,
) -> None:
    loop = served.loop
    served.channel.followed = True

    def is_followed_after_tending() -> bool:
        loop._tend()
        return loop._is_followed()

    assert until(is_followed_after_tending)
    assert until(lambda: not loop._is_followed())


@contextmanager
def held_elsewhere(store: Store) -> Iterator[None]:
    """Hold the store's lock in another thread."""
    held, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with store.lock:
            held.set()
            enough.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    try:
        yield
    finally:
        enough.set()
        thread.join(60)


def test_a_save_leaves_the_indexes_for_later_and_a_pause_brings_them_up(tmp_path: Path) -> None:
    clock = ManualClock(step_ms=0)
    with serving(tmp_path / "sim.db", clock=clock) as served:
        upkeep = served.loop._upkeep
        served.send(save(1))
        upkeep.run_when_due(idle=True)
        assert behind(served)
        assert upkeep.timeout_ms() == limits.UPKEEP_PAUSE_MS

        pause(served, clock)

        assert not behind(served)
        assert upkeep.timeout_ms() is None


def test_what_a_killed_process_left_pending_is_indexed_by_the_next(tmp_path: Path) -> None:
    clock = ManualClock(step_ms=0)
    with serving(tmp_path / "sim.db", clock=clock) as served:
        served.send(save(1))
    with serving(tmp_path / "sim.db", clock=clock) as served:
        assert behind(served)
        pause(served, clock)

        assert not behind(served)
        assert found(served) == ["w1"]


def test_many_changes_bring_the_headers_up_without_a_pause(tmp_path: Path) -> None:
    with serving(tmp_path / "sim.db", clock=ManualClock(step_ms=0)) as served:
        number = 0
        while served.store.total_changes() < limits.UPKEEP_MAX_CHANGES:
            served.send(*(save(number + each) for each in range(50)))
            number += 50

        for _step in range(number // limits.HEADER_STEP + 1):
            served.loop._upkeep.run_when_due(idle=True)

        assert not indexes.has_pending_headers(served.store.db)
        assert indexes.has_pending_texts(served.store.db)


def test_a_long_method_at_work_on_the_store_is_not_waited_for(tmp_path: Path) -> None:
    clock = ManualClock(step_ms=0)
    with serving(tmp_path / "sim.db", clock=clock) as served:
        served.send(save(1))
        clock.at_ms += limits.UPKEEP_PAUSE_MS
        with held_elsewhere(served.store):
            served.loop._upkeep.run_when_due(idle=True)

        assert behind(served)
        assert served.loop._upkeep.timeout_ms() == limits.UPKEEP_PAUSE_MS


def test_a_search_finds_what_the_same_burst_saved_before_it_and_not_after(served: Served) -> None:
    told = served.send(save(1), call(2, "workflows.search", query="invoice"), save(3))

    items = answers(told)[1]["result"]["items"]

    assert [item["id"] for item in items] == ["w1"]
    assert found(served) == ["w1", "w3"]


@pytest.mark.parametrize("fault", [apsw.FullError, apsw.IOError])
def test_a_disk_that_takes_no_index_still_lets_one_search(
    served: Served, faults: FaultyVFS, fault: type[apsw.Error]
) -> None:
    served.send(save(1))
    assert found(served) == ["w1"]
    served.send(save(2))
    faults.armed["write"] = fault

    assert found(served) == ["w1"]
    assert found(served) == ["w1", "w2"]


@pytest.mark.parametrize("fault", [apsw.FullError, apsw.IOError])
def test_a_failed_pause_loses_nothing(
    served: Served, faults: FaultyVFS, fault: type[apsw.Error]
) -> None:
    served.send(save(1))
    faults.armed["write"] = fault
    with served.store.lock:
        indexes.update_for_search(served.store)
    assert behind(served)

    assert found(served) == ["w1"]
    assert not behind(served)
