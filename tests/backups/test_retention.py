"""Tests of which backups are deleted automatically, by examples and by properties of any plan."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from sidecar.backups.retention import Candidate, plan
from sidecar.vocabularies import BackupReason

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOW_MS = int(datetime(2026, 3, 18, 12, 30, tzinfo=UTC).timestamp() * 1000)
ENDLESS = 2**60


def made(
    age_ms: int, reason: BackupReason = "interval", version: int = 1, size: int = 10
) -> Candidate:
    """Return a backup of that age, which is its name in hours."""
    return Candidate(f"{age_ms / HOUR_MS:g}h", NOW_MS - age_ms, reason, version, size)


def retained(found: list[Candidate], allowed_bytes: int = ENDLESS) -> list[str]:
    deleted = plan(NOW_MS, found, allowed_bytes)
    return [each.name for each in found if each.name not in deleted]


def test_of_a_busy_year_the_last_of_hours_days_and_weeks_are_retained() -> None:
    every_half_hour = [made(half * HOUR_MS // 2) for half in range(2 * 24 * 365)]

    assert retained(every_half_hour) == [
        "0h",
        "0.5h",
        *(f"{hours}h" for hours in range(1, 24)),
        *(f"{hours}h" for hours in (37, 61, 85, 109, 133, 157)),
        *(f"{hours}h" for hours in (229, 397, 565)),
    ]


def test_of_each_day_the_last_is_retained() -> None:
    found = [made(days * DAY_MS + hours * HOUR_MS) for days in range(2, 6) for hours in (0, 5, 10)]

    assert retained(found) == ["48h", "53h", "58h", "72h", "96h", "120h"]


def test_the_newest_three_are_retained_however_old_they_are() -> None:
    found = [made(days * DAY_MS) for days in (100, 200, 300, 400)]

    assert retained(found) == ["2400h", "4800h", "7200h"]


def test_a_backup_that_the_user_made_is_retained_whatever_the_limit() -> None:
    found = [made(hours * HOUR_MS) for hours in range(3)]
    mine = made(900 * DAY_MS, "manual")

    assert retained([*found, mine], allowed_bytes=0) == ["0h", "1h", "2h", "21600h"]


def test_the_newest_two_made_before_a_restore_are_retained() -> None:
    newer = [made(hours * HOUR_MS) for hours in range(3)]
    before = [made(days * DAY_MS, "restore") for days in (40, 50, 60)]

    assert retained([*newer, *before]) == ["0h", "1h", "2h", "960h", "1200h"]


def test_the_newest_of_each_of_three_versions_is_retained() -> None:
    newer = [made(hours * HOUR_MS, version=4) for hours in range(3)]
    older = [made((50 - version) * DAY_MS, version=version) for version in (3, 2, 1)]

    assert retained([*newer, *older]) == ["0h", "1h", "2h", "1128h", "1152h"]


def test_over_the_limit_the_oldest_are_deleted_first() -> None:
    found = [made(hours * HOUR_MS) for hours in range(6)]

    assert retained(found, allowed_bytes=45) == ["0h", "1h", "2h", "3h"]


def test_nothing_is_deleted_while_the_newest_backup_is_dated_in_the_future() -> None:
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
    found: list[Candidate], allowed_bytes: int
) -> None:
    deleted = plan(NOW_MS, found, allowed_bytes)

    newest = sorted(found, key=lambda each: (each.created_at, each.name), reverse=True)
    restores = [each for each in newest if each.reason == "restore"]
    must = {each.name for each in [*newest[:3], *restores[:2]]}
    must |= {each.name for each in found if each.reason == "manual"}
    for version in sorted({each.schema_version for each in found}, reverse=True)[:3]:
        must.add(next(each.name for each in newest if each.schema_version == version))
    assert must.isdisjoint(deleted)
    assert set(deleted) <= {each.name for each in found}
    rest = [each for each in found if each.name not in deleted]
    if newest and newest[0].created_at > NOW_MS + DAY_MS:
        assert deleted == []
    elif sum(each.size_bytes for each in rest) > allowed_bytes:
        assert {each.name for each in rest} == must
    # A second plan deletes nothing more.
    assert plan(NOW_MS, rest, allowed_bytes) == []


@given(st.lists(candidates, max_size=40), st.integers(0, 20_000))
def test_the_order_in_which_they_are_found_does_not_matter(
    found: list[Candidate], allowed_bytes: int
) -> None:
    assert plan(NOW_MS, found, allowed_bytes) == plan(NOW_MS, reversed(found), allowed_bytes)


def test_without_backups_nothing_is_deleted() -> None:
    assert plan(NOW_MS, [], 0) == []
