"""The chore that deletes archived workflows after the days of a setting."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.catalog import CHORES
from sidecar.context import Emitted, LongContext
from tests.harness import Bench, ManualClock, open_bench

DAY_MS = 86_400_000
STARTED_AT = 1_700_000_000_000 // DAY_MS * DAY_MS  # 2023-11-14T00:00:00Z


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(now_ms=STARTED_AT, step_ms=0)


@pytest.fixture
def bench(tmp_path: Path, clock: ManualClock) -> Iterator[Bench]:
    with open_bench(tmp_path, clock) as opened:
        for name in ("w1", "w2"):
            opened.call("workflows.save", workflow={"id": name, "name": name, "data": {}})
        opened.told.clear()
        yield opened


def run_chore(bench: Bench, name: str) -> None:
    """Run a chore as the loop does."""
    context = LongContext(bench.services, None, bench.tell)
    CHORES[name].function(context)
    bench.tell(context.take_emitted())


def test_workflows_are_deleted_after_their_days_in_the_trash(bench: Bench) -> None:
    assert isinstance(bench.clock, ManualClock)
    bench.call("workflows.archive", id="w1")
    bench.clock.at_ms += 5 * DAY_MS
    bench.call("workflows.archive", id="w2")
    bench.call("settings.set", key="archive_keep_days", value=3)
    bench.told.clear()

    run_chore(bench, "trash")

    assert [item["id"] for item in bench.call("workflows.list", archived=True)["items"]] == ["w2"]
    assert bench.audited() == [
        ("workflow_delete", "w1", {"runs": 0, "revisions": 0, "by": "timer"})
    ]


def test_a_workflow_unarchived_while_the_trash_is_emptied_stays(bench: Bench) -> None:
    assert isinstance(bench.clock, ManualClock)
    bench.call("workflows.archive", id="w1")
    bench.clock.at_ms += 1
    bench.call("workflows.archive", id="w2")
    bench.call("settings.set", key="archive_keep_days", value=3)
    bench.clock.at_ms += 5 * DAY_MS
    bench.told.clear()

    def unarchive(emitted: list[Emitted]) -> None:
        if bench.audited() == []:
            bench.tell(emitted)
            bench.call("workflows.unarchive", id="w2")

    context = LongContext(bench.services, None, unarchive)
    CHORES["trash"].function(context)

    assert [item["id"] for item in bench.call("workflows.list")["items"]] == ["w2"]
