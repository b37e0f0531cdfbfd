"""Tests of what every method tells: progress that never falls, changes that name their entry."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sidecar.catalog import METHODS
from sidecar.notifications import AuditEvent, Progress
from tests.audited_calls import ACTS, READING
from tests.handlers.rows_of_acts import MADE_MS, bench_with_rows
from tests.handlers.test_audit_entries import every, filled, prepare
from tests.harness import Bench
from tests.make_params import params_type, simplest
from tests.unpacked_backups import PassingClock


@pytest.fixture
def bench(made_rows: Path, tmp_path: Path) -> Iterator[Bench]:
    with bench_with_rows(made_rows, tmp_path, PassingClock(MADE_MS)) as opened:
        yield opened


def parts(progress: Progress) -> tuple[int, float]:
    """Return what must not fall: the units done, and their share of the whole where it is known."""
    assert progress.total is None or progress.done <= progress.total
    return progress.done, progress.done / progress.total if progress.total else 0.0


def assert_rises(bench: Bench) -> None:
    """Assert that the progress since the last look has one unit and never falls."""
    reported = [each for each in bench.told if isinstance(each, Progress)]
    assert len({each.unit for each in reported}) <= 1, reported
    for earlier, later in pairwise(reported):
        assert all(a <= b for a, b in zip(parts(earlier), parts(later), strict=True)), reported


LONG = {name: acts for name, acts in ACTS.items() if METHODS[name].long}


@every(LONG)
def test_the_progress_of_a_long_method_never_falls(bench: Bench, name: str, act: Any) -> None:
    prepare(bench, name)
    bench.told.clear()

    bench.call(name, **filled(bench, act.params))

    assert_rises(bench)


@pytest.mark.parametrize("name", sorted(each for each in READING if METHODS[each].long))
def test_the_progress_of_a_long_method_that_reads_never_falls(bench: Bench, name: str) -> None:
    prepare(bench, name)
    bench.told.clear()

    bench.call(name, **simplest(params_type(METHODS[name])))

    assert_rises(bench)


@every({name: acts for name, acts in ACTS.items() if not name.startswith("runs.")})
def test_a_change_names_an_entry_of_its_act(bench: Bench, name: str, act: Any) -> None:
    prepare(bench, name)
    bench.told.clear()

    bench.call(name, **filled(bench, act.params))

    entries = {each.seq for each in bench.told if isinstance(each, AuditEvent)}
    named = {each.seq for each in bench.told if hasattr(each, "seq")}
    assert named == entries
