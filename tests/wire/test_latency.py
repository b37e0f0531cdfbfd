"""Tests of the counts and percentiles in system.stats."""

from hypothesis import given
from hypothesis import strategies as st

from sidecar import limits
from sidecar.wire.latency import Latencies


def test_nothing_called_is_an_empty_table() -> None:
    assert Latencies().table() == []


def test_methods_are_listed_by_name_with_calls_and_errors() -> None:
    latencies = Latencies()
    latencies.record("b", 5_000, failed=False)
    latencies.record("a", 1_000, failed=True)
    latencies.record("a", 3_000, failed=False)

    assert [tuple(row)[:3] for row in latencies.table()] == [("a", 2, 1), ("b", 1, 0)]


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=600))
def test_percentiles_are_durations_that_were_measured(spent_ns: list[int]) -> None:
    latencies = Latencies()
    for each in spent_ns:
        latencies.record("m", each, failed=False)

    (row,) = latencies.table()

    kept = sorted(spent_ns[-limits.LATENCY_SAMPLES :])
    assert row.calls == len(spent_ns)
    assert {row.p50_us, row.p99_us} <= {each // 1000 for each in kept}
    assert kept[0] // 1000 <= row.p50_us <= row.p99_us <= kept[-1] // 1000
