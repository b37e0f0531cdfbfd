"""What system.check says of earlier revisions, whose frames may stand on each other."""

from pathlib import Path

from sidecar import limits
from sidecar.store.workflows import revisions
from tests.harness import Bench, open_bench
from tests.workflow_kit import save

SAVES = limits.REVISION_GROUP + 4
"""Revision 1 to 9 stand on the first of them, 10 and on begin another group."""


def filled(bench: Bench) -> None:
    """A workflow of so many revisions, packed."""
    for number in range(SAVES):
        save(bench, "w", data={"nodes": [{"id": n, "value": number} for n in range(40)]})
    while revisions.are_unpacked(bench.store.db):
        with bench.store.writing() as db:
            revisions.pack(db, revisions.plan_packing(db, 100))


def found(bench: Bench) -> list[tuple[str, str]]:
    """Kinds and places of what is found."""
    result = bench.call("system.check")
    assert result["checked"]["revisions"] == SAVES - 1
    return [(finding["kind"], finding["where"]) for finding in result["findings"]]


def flip(bench: Bench, revision: int) -> None:
    """Change one byte amid a stored frame."""
    ((data,),) = bench.rows("SELECT data FROM workflow_revisions WHERE revision = ?", revision)
    at = len(data) // 2
    wrong = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    bench.store.db.execute(
        "UPDATE workflow_revisions SET data = ? WHERE revision = ?", (wrong, revision)
    )


def test_sound_frames_are_no_finding(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        filled(bench)

        assert found(bench) == []


def test_a_damaged_frame_that_others_stand_on_names_each_of_them(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        filled(bench)
        flip(bench, 1)

        group = range(1, limits.REVISION_GROUP)
        assert found(bench) == [("revision", f"w revision {number}") for number in group]


def test_a_damaged_frame_that_nothing_stands_on_is_one_revision(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        filled(bench)
        flip(bench, limits.REVISION_GROUP + 1)
        bench.store.db.execute("UPDATE workflow_revisions SET metadata = 'torn' WHERE revision = 2")

        assert found(bench) == [
            ("revision", "w revision 2"),
            ("revision", f"w revision {limits.REVISION_GROUP + 1}"),
        ]
