"""Replaced revisions are kept, packed, returned byte for byte, and pruned in groups."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar import limits
from sidecar.errors import DatabaseDamaged
from sidecar.store.connection import Connection
from sidecar.store.workflows import frames, revisions
from sidecar.store.workflows.header import find
from tests.harness import Bench, open_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        yield opened


def body(number: int) -> str:
    """Return a body of some size that differs little from the bodies of other numbers."""
    return json.dumps({"nodes": [f"node {each}" for each in range(200)], "edited": number})


def save(bench: Bench, text: str, name: str = "n") -> None:
    params = f'{{"workflow":{{"id":"w","name":{json.dumps(name)},"data":{text}}}}}'
    bench.call_json("workflows.save", params.encode())


def rid(db: Connection) -> int:
    found = find(db, "w")
    assert found is not None
    return found.rid


def forms(bench: Bench) -> list[tuple[int, str]]:
    return [
        (int(revision), str(form))
        for revision, form in bench.rows(
            "SELECT revision, form FROM workflow_revisions ORDER BY revision"
        )
    ]


def read(bench: Bench, revision: int) -> str:
    header = find(bench.store.db, "w")
    assert header is not None
    found = revisions.load(bench.store.db, header, revision)
    assert found is not None
    return found.body.decode()


def pack_all(bench: Bench) -> None:
    with bench.store.writing() as db:
        while planned := revisions.plan_packing(db, 7):
            revisions.pack(db, planned)


def test_stores_05_every_replaced_revision_comes_back_byte_for_byte(bench: Bench) -> None:
    for number in range(1, 26):
        save(bench, body(number))

    before = [read(bench, revision) for revision in range(1, 25)]
    pack_all(bench)
    after = [read(bench, revision) for revision in range(1, 25)]

    assert before == [body(number) for number in range(1, 25)]
    assert after == before
    assert "stored" not in {form for _revision, form in forms(bench)}
    assert [revision for revision, form in forms(bench) if form == "key"] == [1, 10, 20]


def test_a_change_of_the_header_alone_keeps_no_second_body(bench: Bench) -> None:
    save(bench, body(1))
    save(bench, body(1), "renamed")
    save(bench, body(1), "again")
    save(bench, body(2), "again")

    assert forms(bench) == [(1, "same"), (2, "same"), (3, "stored")]
    assert [read(bench, revision) for revision in (1, 2, 3)] == [body(1)] * 3
    pack_all(bench)
    assert [read(bench, revision) for revision in (1, 2, 3)] == [body(1)] * 3


def test_a_revision_without_a_body_of_its_own_has_the_current_one(bench: Bench) -> None:
    save(bench, body(1))
    save(bench, body(1), "renamed")

    assert read(bench, 1) == body(1)


def test_damage_of_a_frame_is_reported_and_affects_no_other_group(bench: Bench) -> None:
    for number in range(1, 23):
        save(bench, body(number))
    pack_all(bench)
    (data,) = bench.rows("SELECT data FROM workflow_revisions WHERE revision = 10")[0]
    flipped = data[:20] + bytes([data[20] ^ 1]) + data[21:]
    with bench.store.writing() as db:
        db.execute("UPDATE workflow_revisions SET data = ? WHERE revision = 10", (flipped,))

    for revision in range(10, 20):
        with pytest.raises(DatabaseDamaged):
            read(bench, revision)
    assert read(bench, 9) == body(9)
    assert read(bench, 20) == body(20)


def test_fewer_large_bodies_are_unpacked_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        save(bench, json.dumps(f"{number}" * 1000))
    monkeypatch.setattr(limits, "REVISION_PACK_BYTES", 2500)

    planned = revisions.plan_packing(bench.store.db, 20)

    assert [each.form for each in planned] == ["key", "delta", "delta"]


def test_a_body_that_cannot_be_packed_stays_as_it_was(bench: Bench) -> None:
    for number in range(10, 14):
        save(bench, body(number))
    with bench.store.writing() as db:
        db.execute("UPDATE workflow_revisions SET data = X'00' WHERE revision = 1")

    pack_all(bench)

    assert forms(bench) == [(1, "plain"), (2, "key"), (3, "delta")]
    with pytest.raises(DatabaseDamaged):
        read(bench, 1)
    assert read(bench, 3) == body(12)


def test_pruning_deletes_whole_groups_beyond_the_newest(bench: Bench) -> None:
    for number in range(1, 43):
        save(bench, body(number))
    pack_all(bench)

    with bench.store.writing() as db:
        deleted = revisions.prune(db, rid(db), 15)

    assert deleted == 19
    assert [revision for revision, _form in forms(bench)] == list(range(20, 42))
    assert read(bench, 20) == body(20)


def test_a_group_that_a_run_refers_to_stays(bench: Bench) -> None:
    for number in range(1, 6):
        save(bench, body(number))
    bench.call("runs.start", workflow_id="w", id="r")
    for number in range(6, 43):
        save(bench, body(number))

    with bench.store.writing() as db:
        deleted = revisions.prune(db, rid(db), 15)

    assert deleted == 10
    kept = [revision for revision, _form in forms(bench)]
    assert kept == [*range(1, 10), *range(20, 42)]


def test_a_group_stays_while_the_one_before_takes_its_body_from_it(bench: Bench) -> None:
    for number in range(1, 9):
        save(bench, body(number))
    bench.call("runs.start", workflow_id="w", id="r")
    save(bench, body(9))
    save(bench, body(9), "renamed")  # revision 9 has the body of revision 10
    for number in range(10, 42):
        save(bench, body(number), "renamed")

    with bench.store.writing() as db:
        revisions.prune(db, rid(db), 5)

    assert read(bench, 9) == body(9)


@pytest.mark.parametrize("keep", [0, 100])
def test_nothing_is_pruned_without_need(bench: Bench, keep: int) -> None:
    for number in range(1, 30):
        save(bench, body(number))

    with bench.store.writing() as db:
        assert revisions.prune(db, rid(db), keep) == 0


@settings(max_examples=60)
@given(key=st.binary(max_size=3000), changes=st.lists(st.binary(max_size=40), max_size=4))
def test_a_frame_gives_back_what_it_was_made_of(key: bytes, changes: list[bytes]) -> None:
    text = key
    for change in changes:
        text = text[: len(text) // 2] + change + text[len(text) // 2 :]

    assert frames.unpack(frames.pack(text), len(text)) == text
    assert frames.unpack(frames.pack(text, key), len(text), key) == text


@given(data=st.binary(max_size=200), size=st.integers(min_value=0, max_value=2**40))
def test_no_bytes_make_a_frame_take_more_than_it_may(data: bytes, size: int) -> None:
    with pytest.raises(DatabaseDamaged):
        frames.unpack(data, size)


def test_the_largest_body_is_packed_with_a_key_frame_of_its_size() -> None:
    key = bytes(range(256)) * (limits.BODY_MAX_BYTES // 256)
    text = key[:-1] + b"!"

    packed = frames.pack(text, key)

    assert len(packed) < 10_000
    assert frames.unpack(packed, len(text), key) == text
