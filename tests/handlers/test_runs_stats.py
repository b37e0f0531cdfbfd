"""`runs.stats`: figures of many runs, and days in the time zone of the client."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import InvalidParams, NotFound
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


def run(
    bench: Bench, run_id: str, at_ms: int = STARTED_AT, workflow: str = "w1", **more: Any
) -> None:
    """Start a run at this time, and finish it unless its status is to be `running`."""
    assert isinstance(bench.clock, ManualClock)
    bench.clock.at_ms = at_ms
    bench.call("runs.start", id=run_id, workflow_id=workflow)
    status = more.pop("status", "success")
    if status != "running":
        bench.clock.at_ms += more.pop("took_ms", 10)
        bench.call("runs.finish", id=run_id, status=status, **more)


def test_stats_count_and_sum_up_the_runs(bench: Bench) -> None:
    for number, took_ms in enumerate((10, 20, 30, 40, 1000)):
        run(
            bench,
            f"r{number}",
            STARTED_AT + number,
            took_ms=took_ms,
            tokens_used=5,
            blocks_executed=2,
        )
    run(bench, "bad", STARTED_AT + DAY_MS, status="error", took_ms=50, api_calls_made=7)
    run(bench, "off", STARTED_AT + DAY_MS, status="cancelled", took_ms=60)
    run(bench, "now", STARTED_AT + 2 * DAY_MS, status="running")

    assert bench.call("runs.stats") == {
        "runs": 8,
        "by_status": {"running": 1, "success": 5, "error": 1, "cancelled": 1},
        "interrupted": 0,
        "success_rate": 0.8333,
        "p50_ms": 40,
        "p95_ms": 1000,
        "blocks_executed": 10,
        "tokens_used": 25,
        "api_calls_made": 7,
        "days": [
            {"day": "2023-11-14", "runs": 5, "succeeded": 5, "failed": 0, "tokens_used": 25},
            {"day": "2023-11-15", "runs": 2, "succeeded": 0, "failed": 1, "tokens_used": 0},
            {"day": "2023-11-16", "runs": 1, "succeeded": 0, "failed": 0, "tokens_used": 0},
        ],
    }


def test_without_runs_there_are_no_rates(bench: Bench) -> None:
    result = bench.call("runs.stats", workflow_id="w2")

    assert (result["runs"], result["success_rate"], result["p50_ms"], result["days"]) == (
        0,
        None,
        None,
        [],
    )


def test_stats_are_limited_to_a_workflow_and_a_time(bench: Bench) -> None:
    run(bench, "a", STARTED_AT)
    run(bench, "b", STARTED_AT + DAY_MS)
    run(bench, "c", STARTED_AT + DAY_MS, "w2")

    assert bench.call("runs.stats", workflow_id="w1")["runs"] == 2
    assert bench.call("runs.stats", from_at=STARTED_AT + 1)["runs"] == 2
    assert bench.call("runs.stats", to_at=STARTED_AT + DAY_MS)["runs"] == 1
    with pytest.raises(NotFound):
        bench.call("runs.stats", workflow_id="unknown")


def test_days_of_stats_begin_in_the_time_zone_of_the_client(bench: Bench) -> None:
    run(bench, "late", STARTED_AT + DAY_MS - 1)

    east = bench.call("runs.stats", time_zone="Europe/Vienna")["days"]
    west = bench.call("runs.stats", time_zone="Pacific/Honolulu")["days"]

    assert [east[0]["day"], west[0]["day"]] == ["2023-11-15", "2023-11-14"]


@pytest.mark.parametrize("name", ["Europe/Nowhere", "../etc/passwd", "/etc/passwd", "Europe", "é"])
def test_an_unknown_time_zone_is_refused_by_its_member(bench: Bench, name: str) -> None:
    assert bench.refused(InvalidParams, "runs.stats", time_zone=name) == {
        "path": "$.params.time_zone"
    }


def test_a_run_is_of_its_own_day_on_both_sides_of_a_change_of_clocks(bench: Bench) -> None:
    """In Vienna the clocks go forward on 2026-03-29 and back on 2026-10-25: 23 and 25 hours."""
    for number, moment in enumerate(
        (
            "2026-01-15T22:30",
            "2026-03-28T22:59",
            "2026-03-28T23:00",
            "2026-03-29T21:59",
            "2026-03-29T22:00",
            "2026-07-15T22:30",
            "2026-10-24T22:00",
            "2026-10-25T22:59",
            "2026-10-25T23:00",
        )
    ):
        at = datetime.fromisoformat(f"{moment}+00:00")
        run(bench, f"r{number}", round(at.timestamp() * 1000))

    days = bench.call("runs.stats", time_zone="Europe/Vienna")["days"]

    assert [(day["day"], day["runs"]) for day in days] == [
        ("2026-01-15", 1),
        ("2026-03-28", 1),
        ("2026-03-29", 2),
        ("2026-03-30", 1),
        ("2026-07-16", 1),
        ("2026-10-25", 2),
        ("2026-10-26", 1),
    ]


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        # The whole of 2011-12-30 was left out.
        ("Pacific/Apia", "2011-12-30T09:59", "2011-12-29"),
        ("Pacific/Apia", "2011-12-30T10:00", "2011-12-31"),
        # Midnight was left out: the day began at one o'clock.
        ("America/Sao_Paulo", "2018-11-04T02:59", "2018-11-03"),
        ("America/Sao_Paulo", "2018-11-04T03:00", "2018-11-04"),
        # At one minute past midnight the day before began again for an hour.
        ("America/St_Johns", "2010-11-07T02:30", "2010-11-07"),
        ("America/St_Johns", "2010-11-07T03:00", "2010-11-07"),
    ],
)
def test_every_time_is_of_one_day_also_where_clocks_change_at_midnight(
    bench: Bench, zone: str, moment: str, day: str
) -> None:
    at = round(datetime.fromisoformat(f"{moment}+00:00").timestamp() * 1000)
    run(bench, "r", at)

    found = bench.call("runs.stats", time_zone=zone)["days"]

    assert [(each["day"], each["runs"]) for each in found] == [(day, 1)]
