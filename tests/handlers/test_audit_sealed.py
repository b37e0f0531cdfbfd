"""The sealed log: every way of tampering with it, pruning it, and a model of its life."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar import limits
from sidecar.catalog import CHORES
from sidecar.context import LongContext
from sidecar.errors import InvalidParams, Locked, Tampered
from sidecar.store.audit.log import set_log_start
from sidecar.store.audit.verify import point_at
from tests.harness import Bench
from tests.vault_benches import (
    HEAD,
    PASSPHRASE,
    begin_sealed_log,
    clock_of,
    secret_bench,
    tamper,
    verdict,
    write_entries,
)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with secret_bench(tmp_path) as opened:
        begin_sealed_log(opened)
        yield opened


ANCHORS = [4, 6, 17, 18]
"""Entries with a checkpoint: of the sealing, the stored key, the lock and the unlock."""


def test_a_sound_sealed_log_is_ok_and_says_which_entries_were_written_unsealed(
    bench: Bench,
) -> None:
    found = bench.call("audit.verify")

    assert [row[0] for row in bench.rows("SELECT seq FROM audit_anchors ORDER BY seq")] == ANCHORS
    assert found == {
        "status": "ok",
        "first_bad_seq": None,
        "reason": None,
        "verified_from": 1,
        "verified_to": HEAD,
        "pruned_through": 0,
        "unsealed_through": 4,
        "head": found["head"],
        "remotes": None,
    }
    assert bench.call("system.check")["ok"]


def test_while_locked_only_order_and_ends_are_verified(bench: Bench) -> None:
    bench.call("secrets.lock")
    assert verdict(bench) == ("locked", None, None)
    tamper(bench, "UPDATE access_log SET at = 1 WHERE seq = 9")
    assert verdict(bench) == ("locked", None, None)
    tamper(bench, "DELETE FROM access_log WHERE seq = 10")
    assert verdict(bench) == ("tampered", "gap", 10)
    bench.call("secrets.unlock", passphrase=PASSPHRASE)

    assert verdict(bench) == ("tampered", "mac", 9)


CHANGES = {
    "an entry": ("UPDATE access_log SET action = 'x' WHERE seq = 9", ("tampered", "mac", 9)),
    "an entry in clear": ("UPDATE access_log SET at = 1 WHERE seq = 2", ("tampered", "mac", 2)),
    "one gone": ("DELETE FROM access_log WHERE seq = 9", ("tampered", "gap", 9)),
    "the tail gone": ("DELETE FROM access_log WHERE seq > 20", ("truncated", "state_head", 21)),
    "an anchor gone": ("DELETE FROM audit_anchors WHERE seq = 17", ("tampered", "mac", 18)),
    "every anchor gone": ("DELETE FROM audit_anchors", ("tampered", "mac", 5)),
    "an anchor moved": (
        "UPDATE audit_anchors SET seq = 16 WHERE seq = 17",
        ("tampered", "anchor", 16),
    ),
    "an anchor's bytes": (
        "UPDATE audit_anchors SET sealed = zeroblob(100) WHERE seq = 17",
        ("tampered", "anchor", 17),
    ),
    "the start": ("UPDATE audit_state SET sealed_start = zeroblob(100)", ("tampered", "anchor", 1)),
    "the start moved": ("UPDATE audit_state SET start_seq = 5", ("tampered", "anchor", 6)),
    "the next key": (
        "UPDATE audit_state SET next_key = zeroblob(32)",
        ("tampered", "state_head", HEAD),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_security_19_every_change_of_a_sealed_log_is_found(bench: Bench, change: str) -> None:
    sql, expected = CHANGES[change]
    tamper(bench, sql)

    assert verdict(bench) == expected


def test_security_19_a_tail_cut_with_its_state_and_anchors_is_found(bench: Bench) -> None:
    """Everything is made to fit but the key, which moves on and cannot be computed back."""
    tamper(bench, "DELETE FROM access_log WHERE seq > 17")
    tamper(bench, "DELETE FROM audit_anchors WHERE seq > 17")
    tamper(
        bench,
        "UPDATE audit_state SET seq = 17, head = (SELECT mac FROM access_log WHERE seq = 17)",
    )

    assert verdict(bench) == ("tampered", "state_head", 17)


def test_security_19_keys_read_from_the_file_do_not_forge_entries_after_a_checkpoint(
    bench: Bench,
) -> None:
    ((seq, head, key),) = bench.rows("SELECT seq, head, next_key FROM audit_state")
    bench.call("secrets.lock")
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    tamper(bench, "DELETE FROM access_log WHERE seq > ?", seq)
    tamper(bench, "DELETE FROM audit_anchors WHERE seq > ?", seq)
    tamper(bench, "UPDATE audit_state SET seq = ?, head = ?, next_key = ?", seq, head, key)

    assert verdict(bench) == ("ok", None, None), "a state of its own, as an older copy is"
    db = bench.store.db
    anchor = {"seq": seq + 2, "mac": "0" * 64}
    assert verdict(bench, expect=anchor) == ("rolled_back", "expect", seq + 1)
    assert db is bench.store.db


def test_an_older_copy_that_was_written_to_is_forked(bench: Bench, tmp_path: Path) -> None:
    bench.store.checkpoint()
    folder = tmp_path / "older"
    folder.mkdir()
    shutil.copy(bench.store.path, folder / "test.db")
    (folder / "test.db.known").touch()
    write_entries(bench, 2)
    anchor = bench.call("audit.verify")["head"]
    with secret_bench(folder) as older:
        older.call("secrets.unlock", passphrase=PASSPHRASE)
        write_entries(older, 5)

        assert verdict(older, expect=anchor) == ("forked", "expect", HEAD + 2)


# --- pruning ----------------------------------------------------------------------------------


def test_security_21_the_entries_left_by_a_prune_verify_and_an_older_anchor_is_pruned(
    bench: Bench,
) -> None:
    anchor = {"seq": 7, "mac": bench.call("audit.list", after=6, limit=1)["items"][0]["mac"]}
    clock_of(bench).at_ms += limits.AUDIT_KEEP_MIN_MS + 1000
    bench.call("secrets.unlock", passphrase=PASSPHRASE)

    assert bench.call("audit.prune", keep_last=5) == {"deleted": 18, "pruned_through": 18}

    found = bench.call("audit.verify")
    assert (found["status"], found["verified_from"], found["verified_to"]) == ("ok", 19, 24)
    assert (found["pruned_through"], found["unsealed_through"]) == (18, 0)
    assert verdict(bench, expect=anchor) == ("pruned", "expect", None)
    assert [item["seq"] for item in bench.call("audit.list")["items"]] == [19, 20, 21, 22, 23, 24]
    tamper(bench, "DELETE FROM access_log WHERE seq = 19")
    assert verdict(bench) == ("tampered", "gap", 19)


def test_entries_of_the_last_thirty_days_are_never_pruned(bench: Bench) -> None:
    assert bench.call("audit.prune", keep_last=0) == {"deleted": 0, "pruned_through": 0}
    assert bench.call("audit.prune", older_than_ms=0) == {"deleted": 0, "pruned_through": 0}
    for params in ({}, {"dry_run": True}):
        with pytest.raises(InvalidParams):
            bench.call("audit.prune", **params)


def test_a_prune_deletes_what_either_criterion_names_and_a_dry_run_only_counts(
    bench: Bench,
) -> None:
    clock_of(bench).at_ms += limits.AUDIT_KEEP_MIN_MS + 1000
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    total = len(bench.call("audit.list")["items"])
    age_ms = limits.AUDIT_KEEP_MIN_MS

    def would_delete(**params: int) -> int:
        deleted: int = bench.call("audit.prune", dry_run=True, **params)["deleted"]
        return deleted

    assert would_delete(keep_last=total - 3) == 3
    assert would_delete(older_than_ms=age_ms) == total - 1
    assert would_delete(keep_last=total - 3, older_than_ms=age_ms) == total - 1
    assert would_delete(keep_last=1, older_than_ms=2**50) == total - 1
    assert len(bench.call("audit.list")["items"]) == total


def test_security_21_a_locked_or_tampered_log_is_not_pruned(bench: Bench) -> None:
    clock_of(bench).at_ms += limits.AUDIT_KEEP_MIN_MS + 1000
    bench.call("secrets.lock")
    with pytest.raises(Locked):
        bench.call("audit.prune", keep_last=0)
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    tamper(bench, "UPDATE access_log SET at = 1 WHERE seq = 9")

    with pytest.raises(Tampered):
        bench.call("audit.prune", keep_last=0)
    assert bench.rows("SELECT min(seq) FROM access_log") == [(1,)]


def test_a_prune_that_was_killed_between_its_steps_is_finished_by_a_chore(bench: Bench) -> None:
    clock_of(bench).at_ms += limits.AUDIT_KEEP_MIN_MS + 1000
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    keys = bench.vault.keys
    assert keys is not None

    with bench.store.lock, bench.store.writing() as db:
        point = point_at(db, 9, keys.open_for_audit)
        assert point is not None
        set_log_start(db, point, bench.context.chain_sealer(keys))

    assert verdict(bench) == ("ok", None, None)
    assert bench.rows("SELECT min(seq) FROM access_log") == [(1,)]
    context = LongContext(bench.services, None, bench.tell)
    CHORES["audit_pruned"].function(context)
    assert bench.rows("SELECT min(seq) FROM access_log") == [(10,)]
    assert verdict(bench) == ("ok", None, None)


# --- another start ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_state SET sealed_start = NULL",
        "UPDATE audit_state SET sealed_start = NULL, start_seq = 0, unsealed_through = 0,"
        " start = CAST(zeroblob(40) || next_key AS BLOB)",
    ],
)
def test_a_log_without_its_sealed_start_is_not_sealed_as_if_it_were_sound(
    bench: Bench, sql: str
) -> None:
    bench.call("secrets.lock")
    anchor = bench.call("audit.verify")["head"]
    tamper(bench, "UPDATE access_log SET resource = 'innocent' WHERE seq = 9")
    tamper(bench, sql)

    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    write_entries(bench, 3)

    start = anchor["seq"] + 1  # The entry of the unlock is before it.
    assert verdict(bench) == ("tampered", "anchor", start)
    assert verdict(bench, expect=anchor) == ("rolled_back", "expect", anchor["seq"])
    assert not bench.call("system.check")["ok"]
    bench.call("secrets.rekey", passphrase=PASSPHRASE)
    assert verdict(bench) == ("tampered", "anchor", start)


def test_a_forged_number_in_the_state_row_deletes_and_hides_nothing(bench: Bench) -> None:
    tamper(bench, "UPDATE audit_state SET pruned_through = 15")
    context = LongContext(bench.services, None, bench.tell)
    CHORES["audit_pruned"].function(context)

    assert bench.rows("SELECT min(seq) FROM access_log") == [(1,)]
    assert verdict(bench) == ("tampered", "state_head", 1)
    tamper(bench, "UPDATE audit_state SET pruned_through = 0, unsealed_through = 0")
    assert verdict(bench) == ("tampered", "anchor", 1)
    tamper(bench, "UPDATE audit_state SET unsealed_through = 4")
    assert verdict(bench) == ("ok", None, None)


def test_a_rekey_succeeds_although_a_checkpoint_does_not_open(bench: Bench) -> None:
    tamper(bench, "UPDATE audit_anchors SET sealed = zeroblob(100) WHERE seq = 17")
    assert verdict(bench) == ("tampered", "anchor", 17)

    bench.call("secrets.rekey", passphrase=PASSPHRASE)

    assert verdict(bench) == ("tampered", "anchor", 23)


# --- an older copy ------------------------------------------------------------------------------


def test_a_log_set_back_to_an_older_copy_is_found_by_an_anchor_kept_outside(
    bench: Bench,
) -> None:
    """The file alone cannot show this, as security.md says."""
    state = "seq, head, next_key"
    copied = bench.rows(f"SELECT {state} FROM audit_state")[0]  # noqa: S608 - a constant
    write_entries(bench, 6)
    bench.call("secrets.lock")
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    anchor = bench.call("audit.verify")["head"]

    for table in ("access_log", "audit_anchors"):
        bench.store.db.execute(f"DELETE FROM {table} WHERE seq > ?", (copied[0],))  # noqa: S608 - ours
    bench.store.db.execute("UPDATE audit_state SET seq = ?, head = ?, next_key = ?", copied)
    bench.call("secrets.lock")
    bench.call("secrets.unlock", passphrase=PASSPHRASE)

    assert verdict(bench) == ("ok", None, None)
    assert verdict(bench, expect=anchor) == ("rolled_back", "expect", copied[0] + 3)
    write_entries(bench, 10)
    assert verdict(bench, expect=anchor) == ("forked", "expect", anchor["seq"])


def test_a_log_without_its_root_key_is_verified_from_its_end_on(bench: Bench) -> None:
    """As after a restore without secrets: entries sealed before cannot be verified any more."""
    bench.call("secrets.lock")
    for table in ("secrets", "key_slots", "data_keys", "audit_anchors"):
        bench.store.db.execute(f"DELETE FROM {table}")  # noqa: S608 - our tables
    bench.call("secrets.initialize", passphrase="new")
    write_entries(bench, 2)

    found = bench.call("audit.verify")
    assert (found["status"], found["verified_from"], found["verified_to"]) == ("ok", 25, 27)
    assert len(bench.call("audit.list")["items"]) == 27
