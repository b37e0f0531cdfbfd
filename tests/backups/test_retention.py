"""Which backups go: by examples, and by what no plan may ever do."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from sidecar.archive.manifest import Reason
from sidecar.backups.retention import Candidate, plan

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOW_MS = int(datetime(2026, 3, 18, 12, 30, tzinfo=UTC).timestamp() * 1000)
ENDLESS = 2**60


def made(age_ms: int, reason: Reason = "interval", version: int = 1, size: int = 10) -> Candidate:
    """A backup so old, named after its age."""
    return Candidate(f"{age_ms / HOUR_MS:g}h", NOW_MS - age_ms, reason, version, size)


def left(found: list[Candidate], most_bytes: int = ENDLESS) -> list[str]:
    gone = plan(NOW_MS, found, most_bytes)
    return [each.name for each in found if each.name not in gone]


def test_of_a_busy_year_hours_days_and_weeks_are_left() -> None:
    every_half_hour = [made(half * HOUR_MS // 2) for half in range(2 * 24 * 365)]

    assert left(every_half_hour) == [
        "0h",
        "0.5h",
        *(f"{hours}h" for hours in range(1, 24)),
        *(f"{hours}h" for hours in (37, 61, 85, 109, 133, 157)),
        *(f"{hours}h" for hours in (229, 397, 565)),
    ]


def test_of_each_day_the_last_is_left() -> None:
    found = [made(days * DAY_MS + hours * HOUR_MS) for days in range(2, 6) for hours in (0, 5, 10)]

    assert left(found) == ["48h", "53h", "58h", "72h", "96h", "120h"]


def test_the_newest_three_stay_however_old_they_are() -> None:
    found = [made(days * DAY_MS) for days in (100, 200, 300, 400)]

    assert left(found) == ["2400h", "4800h", "7200h"]


def test_what_a_person_made_stays_over_any_bound() -> None:
    found = [made(hours * HOUR_MS) for hours in range(3)]
    mine = made(900 * DAY_MS, "manual")

    assert left([*found, mine], most_bytes=0) == ["0h", "1h", "2h", "21600h"]


def test_the_newest_two_made_before_a_restore_stay() -> None:
    newer = [made(hours * HOUR_MS) for hours in range(3)]
    before = [made(days * DAY_MS, "restore") for days in (40, 50, 60)]

    assert left([*newer, *before]) == ["0h", "1h", "2h", "960h", "1200h"]


def test_the_newest_of_each_of_three_versions_stays() -> None:
    newer = [made(hours * HOUR_MS, version=4) for hours in range(3)]
    older = [made((50 - version) * DAY_MS, version=version) for version in (3, 2, 1)]

    assert left([*newer, *older]) == ["0h", "1h", "2h", "1128h", "1152h"]


def test_over_the_bound_the_oldest_go_first() -> None:
    found = [made(hours * HOUR_MS) for hours in range(6)]

    assert left(found, most_bytes=45) == ["0h", "1h", "2h", "3h"]


def test_under_a_clock_that_went_back_nothing_goes() -> None:
    ahead = made(-2 * DAY_MS)
    old = [made(days * DAY_MS) for days in range(100, 110)]

    assert plan(NOW_MS, [ahead, *old], 0) == []


candidates = st.builds(
    Candidate,
    name=st.uuids().map(str),
    created_at=st.integers(NOW_MS - 500 * DAY_MS, NOW_MS + 2 * DAY_MS),
    reason=st.sampled_from(["manual", "interval", "restore", "compact", "migrate", "recover"]),
    schema_version=st.integers(1, 5),
    size_bytes=st.integers(0, 1000),
)


@given(st.lists(candidates, max_size=40), st.integers(0, 20_000))
def test_sqlite_24_no_plan_deletes_what_must_stay_or_more_than_it_must(
    found: list[Candidate], most_bytes: int
) -> None:
    gone = plan(NOW_MS, found, most_bytes)

    newest = sorted(found, key=lambda each: (each.created_at, each.name), reverse=True)
    restores = [each for each in newest if each.reason == "restore"]
    must = {each.name for each in [*newest[:3], *restores[:2]]}
    must |= {each.name for each in found if each.reason == "manual"}
    for version in sorted({each.schema_version for each in found}, reverse=True)[:3]:
        must.add(next(each.name for each in newest if each.schema_version == version))
    assert must.isdisjoint(gone)
    assert set(gone) <= {each.name for each in found}
    rest = [each for each in found if each.name not in gone]
    if newest and newest[0].created_at > NOW_MS + DAY_MS:
        assert gone == []
    elif sum(each.size_bytes for each in rest) > most_bytes:
        assert {each.name for each in rest} == must
    # A second plan over what is left has nothing more to do.
    assert plan(NOW_MS, rest, most_bytes) == []


@given(st.lists(candidates, max_size=40), st.integers(0, 20_000))
def test_the_order_in_which_they_are_found_does_not_matter(
    found: list[Candidate], most_bytes: int
) -> None:
    assert plan(NOW_MS, found, most_bytes) == plan(NOW_MS, reversed(found), most_bytes)


def test_of_nothing_nothing_goes() -> None:
    assert plan(NOW_MS, [], 0) == []
