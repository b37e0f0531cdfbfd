"""Verification of the audit chain against every change that an intruder can make to its table."""

import hashlib
import hmac
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from sidecar import limits
from sidecar.errors import AuditUnavailable
from sidecar.store.audit.chain import GENESIS
from sidecar.store.audit.log import (
    Entry,
    EntryFilter,
    append_entry,
    chain_head,
    count_entries,
    delete_pruned_entries,
    has_action,
    read_entries,
    set_log_start,
)
from sidecar.store.audit.verify import Head, Verdict, point_at, verify_chain
from sidecar.store.connection import Connection
from tests.harness import Bench, open_bench

ENTRIES = 5
STEP = limits.VERIFY_STEP_ENTRIES


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        grow(opened.store.db, ENTRIES)
        yield opened


def grow(db: Connection, count: int, resource: str = "w") -> None:
    """Append entries that all differ."""
    for _ in range(count):
        seq = chain_head(db).seq + 1
        action: Any = f"action_{seq}"
        append_entry(db, 1000 + seq, action, f"{resource}{seq}", f'{{"revision":{seq}}}')


def meddle(bench: Bench, *statements: str) -> None:
    """Change the file as another program would."""
    db = apsw.Connection(str(bench.store.path))
    for statement in statements:
        db.execute(statement)
    db.close()


def verdict(db: Connection, expect: tuple[int, str] | None = None) -> Verdict:
    """Verify the chain."""
    return verify_chain(db, expect, lambda _done, _total: None)


def found(db: Connection, expect: tuple[int, str] | None = None) -> tuple[object, ...]:
    """Return status, reason, first bad entry and last sound entry of a verification."""
    result = verdict(db, expect)
    return result.status, result.reason, result.first_bad_seq, result.verified_to


# --- the form of the chain ------------------------------------------------------------------


def test_each_code_is_computed_as_documented(bench: Bench) -> None:
    """A second implementation, written from the documentation alone, computes the same codes."""
    key, previous = bytes(32), bytes(32)  # the harness's first key is zeros
    for seq, at, action, resource, details, mac in bench.rows(
        "SELECT seq, at, action, resource, details, mac FROM access_log ORDER BY seq"
    ):
        message = previous + seq.to_bytes(8, "big") + at.to_bytes(8, "big")
        for text in (action, resource, details):
            message += len(text).to_bytes(4, "big") + text.encode()
        assert hmac.new(key, message, hashlib.sha256).digest() == mac
        key, previous = hashlib.sha256(b"aev1" + key).digest(), mac
    assert bench.rows("SELECT seq, head, next_key FROM audit_state") == [(ENTRIES, previous, key)]


def test_a_sound_chain_is_verified_whole(bench: Bench) -> None:
    head = chain_head(bench.store.db)

    assert verdict(bench.store.db) == Verdict("unsealed", None, None, 1, ENTRIES, 0, 0, head)


def test_an_empty_chain_is_sound(tmp_path: Path) -> None:
    with open_bench(tmp_path) as opened:
        empty = Verdict("unsealed", None, None, 1, 0, 0, 0, Head(0, GENESIS))

        assert verdict(opened.store.db) == empty
        assert verdict(opened.store.db, (0, GENESIS.hex())) == empty


# --- changes by an intruder -----------------------------------------------------------------

_COPY = (
    "INSERT INTO access_log (seq, action, resource, at, details, mac)"
    " SELECT {}, action, resource, at, details, mac FROM access_log WHERE seq = 2"
)
_SHIFT = (
    "UPDATE access_log SET seq = -seq WHERE seq {};UPDATE access_log SET seq = {} WHERE seq < 0"
)
TAMPERED = {
    "an action": ("UPDATE access_log SET action = 'other' WHERE seq = 3", "mac", 3, 2),
    "a resource": ("UPDATE access_log SET resource = 'other' WHERE seq = 3", "mac", 3, 2),
    "a time": ("UPDATE access_log SET at = at + 1 WHERE seq = 3", "mac", 3, 2),
    "a time before 1970": ("UPDATE access_log SET at = -1 WHERE seq = 3", "mac", 3, 2),
    "details": ("UPDATE access_log SET details = '{}' WHERE seq = 3", "mac", 3, 2),
    "white space": ("UPDATE access_log SET details = details || ' ' WHERE seq = 3", "mac", 3, 2),
    "a border": (
        "UPDATE access_log SET action = action || 'w', resource = '3' WHERE seq = 3",
        "mac",
        3,
        2,
    ),
    "a code": ("UPDATE access_log SET mac = zeroblob(32) WHERE seq = 3", "mac", 3, 2),
    "a code cut off": ("UPDATE access_log SET mac = substr(mac, 1, 16) WHERE seq = 3", "mac", 3, 2),
    "no text at all": (
        "UPDATE access_log SET action = CAST(x'ff' AS TEXT) WHERE seq = 3",
        "mac",
        3,
        2,
    ),
    "the first": ("UPDATE access_log SET action = 'other' WHERE seq = 1", "mac", 1, 0),
    "the last": ("UPDATE access_log SET action = 'other' WHERE seq = 5", "mac", 5, 4),
    "the start": ("UPDATE audit_state SET start = x'01'", "state_head", 1, 0),
    "deleted amid": ("DELETE FROM access_log WHERE seq = 3", "gap", 3, 2),
    "deleted first": ("DELETE FROM access_log WHERE seq = 1", "gap", 1, 0),
    "inserted amid": (f"{_SHIFT.format('>= 3', '1 - seq')};{_COPY.format(3)}", "mac", 3, 2),
    "inserted before": (_COPY.format(0), "gap", 0, 0),
    "inserted far before": (_COPY.format(-9), "gap", 0, 0),
    "inserted behind": (_COPY.format(6), "mac", 6, 5),
    "two swapped": (_SHIFT.format("IN (2, 4)", "6 + seq"), "mac", 2, 1),
    "all renumbered": (_SHIFT.format("> 0", "1 - seq"), "gap", 1, 0),
    "the last renumbered": ("UPDATE access_log SET seq = 9 WHERE seq = 5", "gap", 5, 4),
    "start point": ("UPDATE audit_state SET start_seq = 2", "state_head", 3, 0),
    "start point and its rows": (
        "UPDATE audit_state SET start_seq = 2;DELETE FROM access_log WHERE seq <= 2",
        "state_head",
        3,
        0,
    ),
    "head": ("UPDATE audit_state SET head = zeroblob(32)", "state_head", 5, 5),
    "next key": ("UPDATE audit_state SET next_key = zeroblob(32)", "state_head", 5, 5),
    "an earlier number": ("UPDATE audit_state SET seq = 3", "state_head", 4, 5),
    "no state": ("DELETE FROM audit_state", "state_head", 1, 0),
    "no start": ("UPDATE audit_state SET start = NULL", "state_head", 1, 0),
}


@pytest.mark.parametrize(
    ("statements", "reason", "first_bad", "verified_to"), TAMPERED.values(), ids=TAMPERED
)
def test_security_19_every_change_of_the_log_is_found_at_its_entry(
    bench: Bench, statements: str, reason: str, first_bad: int, verified_to: int
) -> None:
    meddle(bench, *statements.split(";"))

    assert found(bench.store.db) == ("tampered", reason, first_bad, verified_to)


@pytest.mark.parametrize("kept", range(ENTRIES))
def test_security_19_a_tail_cut_off_is_truncated(bench: Bench, kept: int) -> None:
    bench.store.db.execute("DELETE FROM access_log WHERE seq > ?", (kept,))

    assert found(bench.store.db) == ("truncated", "state_head", kept + 1, kept)


def test_security_19_a_tail_cut_off_with_its_state_is_found_without_its_key(bench: Bench) -> None:
    meddle(
        bench,
        "UPDATE audit_state SET seq = 3, head = (SELECT mac FROM access_log WHERE seq = 3)",
        "DELETE FROM access_log WHERE seq > 3",
    )

    assert found(bench.store.db) == ("tampered", "state_head", 3, 3)


def test_an_entry_written_with_the_right_key_but_without_the_state_is_found(bench: Bench) -> None:
    db = bench.store.db
    (state,) = bench.rows("SELECT seq, head, next_key FROM audit_state")
    grow(db, 2)
    db.execute("UPDATE audit_state SET seq = ?, head = ?, next_key = ?", state)

    assert found(db) == ("tampered", "state_head", 6, 7)


# --- an entry that the caller expects -------------------------------------------------------


def anchor(db: Connection, seq: int) -> tuple[int, str]:
    """Return number and code of an entry, as a client remembers them."""
    return seq, next(read_entries(db, seq - 1, 1)).mac.hex()


@pytest.fixture
def older(bench: Bench, tmp_path: Path) -> Iterator[Bench]:
    """An older copy of the database, from before the last two entries of `bench`."""
    folder = tmp_path / "older"
    folder.mkdir()
    bench.store.checkpoint()
    shutil.copy(bench.store.path, folder / "test.db")
    (folder / "test.db.known").touch()
    grow(bench.store.db, 2)
    with open_bench(folder) as opened:
        yield opened


def test_security_19_an_older_copy_is_rolled_back(bench: Bench, older: Bench) -> None:
    kept = anchor(bench.store.db, ENTRIES + 2)

    assert found(older.store.db) == ("unsealed", None, None, ENTRIES)
    assert found(older.store.db, kept) == ("rolled_back", "expect", ENTRIES + 1, ENTRIES)


def test_security_19_an_older_copy_that_went_on_is_forked(bench: Bench, older: Bench) -> None:
    grow(older.store.db, 4, "another ")
    shared, own = anchor(bench.store.db, ENTRIES), anchor(bench.store.db, ENTRIES + 1)

    assert found(older.store.db, shared) == ("unsealed", None, None, ENTRIES + 4)
    assert found(older.store.db, own) == ("forked", "expect", ENTRIES + 1, ENTRIES)


def test_the_head_of_an_empty_log_is_an_anchor_too(bench: Bench) -> None:
    assert found(bench.store.db, (0, GENESIS.hex())) == ("unsealed", None, None, ENTRIES)
    assert found(bench.store.db, (0, "1" * 64)) == ("forked", "expect", 0, ENTRIES)


def test_an_anchor_before_the_prune_point_is_pruned_and_no_entry_is_bad(bench: Bench) -> None:
    kept = anchor(bench.store.db, 3)
    point = point_at(bench.store.db, ENTRIES, None)
    assert point is not None
    set_log_start(bench.store.db, point, None)
    assert delete_pruned_entries(bench.store.db, 99) == ENTRIES

    assert found(bench.store.db, kept) == ("pruned", "expect", None, ENTRIES)
    assert found(bench.store.db, (6, "0" * 64)) == ("rolled_back", "expect", 6, ENTRIES)


# --- over the borders of steps --------------------------------------------------------------


@pytest.fixture(scope="module")
def long_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with open_bench(tmp_path_factory.mktemp("long")) as opened:
        with opened.store.writing() as db:
            grow(db, 2 * STEP + 5)
        yield opened


@pytest.mark.parametrize("seq", [1, STEP - 1, STEP, STEP + 1, 2 * STEP, 2 * STEP + 5])
def test_an_entry_is_found_on_either_side_of_a_step(long_bench: Bench, seq: int) -> None:
    db = long_bench.store.db
    db.execute("BEGIN")
    db.execute("UPDATE access_log SET at = at + 1 WHERE seq = ?", (seq,))
    result = found(db)
    db.execute("ROLLBACK")

    assert result == ("tampered", "mac", seq, seq - 1)


def test_steps_rise_to_the_end_and_may_stop_the_walk(long_bench: Bench) -> None:
    steps: list[tuple[int, int]] = []
    total = 2 * STEP + 5

    def step(done: int, of: int) -> None:
        steps.append((done, of))

    assert verify_chain(long_bench.store.db, None, step).verified_to == total
    assert steps == [(STEP, total), (2 * STEP, total), (total, total)]

    def stop(_done: int, _of: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        verify_chain(long_bench.store.db, None, stop)


# --- writing and reading --------------------------------------------------------------------


def test_an_entry_that_is_rolled_back_leaves_no_gap(bench: Bench) -> None:
    db = bench.store.db
    db.execute("SAVEPOINT act")
    grow(db, 1)
    db.execute("ROLLBACK TO act")
    db.execute("RELEASE act")
    grow(db, 1, "next ")

    assert [entry.resource for entry in read_entries(db, ENTRIES, 9)] == ["next 6"]
    assert found(db) == ("unsealed", None, None, ENTRIES + 1)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_state",
        "INSERT INTO access_log VALUES (6, 'a', 'r', 1, '{}', zeroblob(32))",
    ],
)
def test_a_log_that_does_not_fit_its_state_takes_no_entry(bench: Bench, statement: str) -> None:
    meddle(bench, statement)
    before = bench.rows("SELECT * FROM access_log, audit_state")

    with pytest.raises(AuditUnavailable):
        append_entry(bench.store.db, 1, "workflow_save", "w")
    assert bench.rows("SELECT * FROM access_log, audit_state") == before


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ('{\n "a":\r 1}', '{  "a":  1}'),
        ("[1]", '{"text":"[1]"}'),
        ("{", '{"text":"{"}'),
        ('{"a":NaN}', '{"text":"{\\"a\\":NaN}"}'),
        ('{}\n{"jsonrpc":"2.0"}', '{"text":"{}\\n{\\"jsonrpc\\":\\"2.0\\"}"}'),
        (b"\xff", '{"text":"\N{REPLACEMENT CHARACTER}"}'),
        ("[" * 100_000, '{"text":"' + "[" * 100_000 + '"}'),
    ],
)
def test_details_are_one_object_on_one_line_whatever_the_table_holds(
    bench: Bench, stored: str | bytes, shown: str
) -> None:
    values = (stored.encode() if isinstance(stored, str) else stored,)
    bench.store.db.execute("UPDATE access_log SET details = CAST(? AS TEXT) WHERE seq = 5", values)

    assert next(read_entries(bench.store.db, 4, 1)).details == shown


def test_entries_are_filtered_by_all_that_is_given_and_times_are_half_open(bench: Bench) -> None:
    db = bench.store.db
    action: Any = "action_3"
    append_entry(db, 2000, action, "w3")

    def seqs(after: int = 0, limit: int = 9, **wanted: str | int) -> list[int]:
        return [entry.seq for entry in read_entries(db, after, limit, EntryFilter(**wanted))]  # type: ignore[arg-type]  # names as given

    assert seqs() == [1, 2, 3, 4, 5, 6]
    assert seqs(2, 3) == [3, 4, 5]
    assert seqs(from_at=1002, to_at=1004) == [2, 3]
    assert seqs(action="action_3") == [3, 6]
    assert seqs(resource="w3", to_at=2000) == [3]
    assert seqs(3, action="action_3", resource="w3", from_at=2000) == [6]
    assert seqs(9) == []
    assert list(read_entries(db, 5, 1)) == [
        Entry(6, "action_3", "w3", 2000, "{}", chain_head(db).mac),
    ]


def test_a_count_is_of_what_a_replay_sends(bench: Bench) -> None:
    db = bench.store.db

    assert count_entries(db, 2, None) == 3
    assert count_entries(db, 2, frozenset({"action_1", "action_4"})) == 1
    assert count_entries(db, 0, frozenset()) == 0
    assert count_entries(db, 99, None) == 0
    assert [has_action(db, f"action_{n}") for n in (1, 9)] == [True, False]
