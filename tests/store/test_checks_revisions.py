"""Findings of `system.check` in earlier revisions name all revisions that cannot be read."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sidecar.errors import DatabaseDamaged
from sidecar.store.workflows import revisions
from tests.harness import Bench, open_bench
from tests.made_workflows import save
from tests.store.damaged_rows import check, fill, meddle


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        fill(opened)
        yield opened


def keep_revisions(bench: Bench) -> None:
    """Make w1 with 22 revisions, packed: 1, 10 and 20 key frames, 13 and 14 with the body of 15.

    Revision 22 is the current one, and 21 has the same body.
    """
    for number in range(2, 23):
        shared = {13: 15, 14: 15, 21: 22}.get(number, number)
        save(bench, "w1", name=f"mail {number}", data={"nodes": list(range(90)), "edited": shared})
    with bench.store.writing() as db:
        while planned := revisions.plan_packing(db, 20):
            revisions.pack(db, planned)
    bench.told.clear()


def flip(bench: Bench, revision: int) -> None:
    """Flip one bit in the middle of a stored frame."""
    (data,) = bench.rows("SELECT data FROM workflow_revisions WHERE revision = ?", revision)[0]
    at = len(data) // 2
    flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    meddle(
        bench,
        f"UPDATE workflow_revisions SET data = x'{flipped.hex()}' WHERE revision = {revision}",  # noqa: S608 - our own
    )


def unreadable(bench: Bench) -> list[int]:
    """Return the earlier revisions of w1 that `workflows.get` cannot read."""
    found = []
    for revision in range(1, 22):
        try:
            bench.call("workflows.get", id="w1", revision=revision)
        except DatabaseDamaged:
            found.append(revision)
    return found


OF_REVISIONS: dict[str, tuple[Callable[[Bench], None], str, str]] = {
    "key frame": (lambda bench: flip(bench, 10), "w1 revision 10", "10-19"),
    "delta": (lambda bench: flip(bench, 12), "w1 revision 12", "12"),
    "shared delta": (lambda bench: flip(bench, 15), "w1 revision 15", "13-15"),
    "hash": (
        lambda bench: meddle(
            bench, "UPDATE workflow_revisions SET sha256 = x'00' WHERE revision = 17"
        ),
        "w1 revision 17",
        "17",
    ),
    "hash of one that shares": (
        lambda bench: meddle(
            bench, "UPDATE workflow_revisions SET sha256 = x'00' WHERE revision = 13"
        ),
        "w1 revision 13",
        "13",
    ),
    "size": (
        lambda bench: meddle(
            bench, "UPDATE workflow_revisions SET size_bytes = 1 << 40 WHERE revision = 3"
        ),
        "w1 revision 3",
        "3",
    ),
    "metadata": (
        lambda bench: meddle(
            bench, "UPDATE workflow_revisions SET metadata = '{' WHERE revision = 5"
        ),
        "w1 revision 5",
        "5",
    ),
    "body gone": (
        lambda bench: meddle(bench, "UPDATE workflow_revisions SET data = NULL WHERE revision = 4"),
        "w1 revision 4",
        "4",
    ),
}


@pytest.mark.parametrize(("harm", "where", "numbers"), OF_REVISIONS.values(), ids=OF_REVISIONS)
def test_the_finding_of_a_damaged_revision_names_all_that_cannot_be_read(
    bench: Bench, harm: Callable[[Bench], None], where: str, numbers: str
) -> None:
    keep_revisions(bench)
    assert check(bench) == []

    harm(bench)
    (finding,) = bench.call("system.check")["findings"]

    assert finding == {
        "kind": "revision",
        "where": where,
        "detail": f"Earlier revisions that cannot be read: {numbers}.",
        "cure": finding["cure"],
    }
    first, _, last = numbers.partition("-")
    assert unreadable(bench) == [*range(int(first), int(last or first) + 1)]
    bench.call("workflows.delete", id="w1")
    assert check(bench) == []


def test_without_a_key_frame_the_revisions_that_need_it_cannot_be_read(bench: Bench) -> None:
    keep_revisions(bench)
    meddle(bench, "DELETE FROM workflow_revisions WHERE revision = 1")

    assert check(bench) == [("revision", f"w1 revision {each}") for each in range(9, 1, -1)]
    with pytest.raises(DatabaseDamaged):
        bench.call("workflows.get", id="w1", revision=2)


def test_a_damaged_body_is_reported_with_the_revision_that_shares_it(bench: Bench) -> None:
    keep_revisions(bench)
    meddle(bench, "UPDATE workflow_bodies SET data = x'00' WHERE rid = 1")

    assert check(bench) == [("body", "w1"), ("revision", "w1 revision 22")]
    assert unreadable(bench) == [21]
