"""Another program puts the rows of the vault back, all together, as they were at an earlier time.

They fit each other, so only the sealed audit log shows that they are not the newest ones.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar import limits
from sidecar.errors import Tampered, WrongPassphrase
from sidecar.store.audit.chain import POINT_BYTES
from sidecar.vault.crypto import Cost
from tests.harness import FLOOR, Bench
from tests.vault_benches import (
    PASSPHRASE,
    clock_of,
    secret_bench,
    set_up,
    tamper,
    value_of,
    verdict,
    write_entries,
)

VAULT = ("secrets", "key_slots", "data_keys", "vault_state")
NEW_PASSPHRASE = "open barley"

Copy = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with secret_bench(tmp_path) as opened:
        set_up(opened)
        yield opened


def copy_rows(bench: Bench, tables: tuple[str, ...] = VAULT) -> Copy:
    """Return the rows of some tables."""
    return {table: bench.rows(f"SELECT * FROM {table}") for table in tables}  # noqa: S608 - our tables


def put_back(bench: Bench, rows: Copy) -> None:
    """Replace the rows of tables by earlier ones, as another program would."""
    for table, found in rows.items():
        tamper(bench, f"DELETE FROM {table}")  # noqa: S608 - our tables
        for row in found:
            marks = ", ".join("?" * len(row))
            tamper(bench, f"INSERT INTO {table} VALUES ({marks})", *row)  # noqa: S608 - our tables


def remove_recovery(bench: Bench) -> None:
    """Remove the slot of the recovery code."""
    slots = bench.call("secrets.status")["slots"]
    (number,) = [slot["slot"] for slot in slots if slot["kind"] == "recovery"]
    bench.call("secrets.remove_slot", slot=number)


def unlock_at_higher_cost(bench: Bench) -> None:
    """Unlock so that the slot is written again."""
    bench.vault.cost = Cost(FLOOR.memory_kib, FLOOR.passes + 1, 1)
    bench.call("secrets.unlock", passphrase=PASSPHRASE)


WRITES: dict[str, Callable[[Bench], object]] = {
    "a key replaced": lambda b: b.call("secrets.set", provider="openai", value="sk-new-0123456"),
    "a key added": lambda b: b.call("secrets.set", provider="mistral", value="m-0123456789"),
    "a key deleted": lambda b: b.call("secrets.delete", provider="openai"),
    "rotated": lambda b: b.call("secrets.rotate"),
    "rekeyed": lambda b: b.call("secrets.rekey", passphrase=PASSPHRASE),
    "another passphrase": lambda b: b.call(
        "secrets.change_passphrase", old_passphrase=PASSPHRASE, new_passphrase=NEW_PASSPHRASE
    ),
    "a slot removed": remove_recovery,
    "a slot renewed": unlock_at_higher_cost,
}


@pytest.mark.parametrize("write", WRITES)
def test_a_vault_put_back_as_it_was_before_a_write_is_tampered(bench: Bench, write: str) -> None:
    bench.call("secrets.add_recovery")
    earlier = copy_rows(bench)
    WRITES[write](bench)
    assert verdict(bench) == ("ok", None, None)
    newest = bench.rows("SELECT max(seq) FROM audit_anchors")[0][0]

    put_back(bench, earlier)

    assert verdict(bench) == ("tampered", "anchor", newest)
    with pytest.raises(Tampered):
        bench.call("secrets.set", provider="openai", value="another-0123456789")
    bench.call("secrets.lock")
    with pytest.raises(Tampered):
        bench.call("secrets.unlock", passphrase=PASSPHRASE)
    assert bench.call("secrets.status")["state"] == "locked"


def test_an_old_slot_put_back_alone_opens_nothing(bench: Bench) -> None:
    earlier = copy_rows(bench, ("key_slots",))
    WRITES["another passphrase"](bench)
    put_back(bench, earlier)
    assert verdict(bench)[0] == "tampered"
    with pytest.raises(Tampered):
        bench.call(
            "secrets.change_passphrase", old_passphrase=PASSPHRASE, new_passphrase="a third one"
        )
    with pytest.raises(Tampered):
        bench.call("secrets.add_recovery")
    bench.call("secrets.lock")

    with pytest.raises(Tampered):
        bench.call("secrets.unlock", passphrase=PASSPHRASE)
    with pytest.raises(WrongPassphrase):
        bench.call("secrets.unlock", passphrase=NEW_PASSPHRASE)


def test_a_vault_put_back_is_found_after_its_entries_were_pruned(bench: Bench) -> None:
    earlier = copy_rows(bench)
    bench.call("secrets.set", provider="openai", value="sk-new-0123456")
    write_entries(bench, 5)
    clock_of(bench).at_ms += limits.AUDIT_KEEP_MIN_MS + 1000
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    bench.call("audit.prune", keep_last=0)
    assert verdict(bench) == ("ok", None, None)
    bench.call("secrets.lock")

    put_back(bench, earlier)

    with pytest.raises(Tampered):
        bench.call("secrets.unlock", passphrase=PASSPHRASE)


def test_a_vault_that_is_put_back_is_not_accepted_by_a_later_checkpoint(bench: Bench) -> None:
    earlier = copy_rows(bench)
    bench.call("secrets.set", provider="openai", value="sk-new-0123456")
    put_back(bench, earlier)
    write_entries(bench, limits.CHECKPOINT_ENTRIES)
    bench.call("secrets.lock")

    with pytest.raises(Tampered):
        bench.call("secrets.unlock", passphrase=PASSPHRASE)


def test_what_was_put_back_can_be_given_up(bench: Bench) -> None:
    earlier = copy_rows(bench)
    bench.call("secrets.set", provider="openai", value="sk-new-0123456")
    bench.call("secrets.lock")
    put_back(bench, earlier)
    with pytest.raises(Tampered):
        bench.call("secrets.unlock", passphrase=PASSPHRASE)

    bench.call("secrets.reset", losing=1)
    set_up(bench)
    bench.call("secrets.lock")

    assert bench.call("secrets.unlock", passphrase=PASSPHRASE)["state"] == "unlocked"
    assert verdict(bench) == ("ok", None, None)


def without_marks(bench: Bench) -> None:
    """Seal the checkpoints as the versions before did: without the marks of the vault."""
    keys = bench.vault.keys
    assert keys is not None
    seal = bench.context.chain_sealer(keys)
    for seq, sealed in bench.rows("SELECT seq, sealed FROM audit_anchors"):
        payload = keys.open_for_audit("anchor", seq, sealed)
        assert payload is not None
        point = seal("anchor", seq, payload[:POINT_BYTES])
        tamper(bench, "UPDATE audit_anchors SET sealed = ? WHERE seq = ?", point, seq)


def test_a_log_of_an_earlier_version_unlocks_and_is_guarded_from_then_on(bench: Bench) -> None:
    without_marks(bench)
    assert verdict(bench) == ("ok", None, None)
    bench.call("secrets.lock")
    without = copy_rows(bench)

    assert bench.call("secrets.unlock", passphrase=PASSPHRASE)["state"] == "unlocked"
    bench.call("secrets.set", provider="openai", value="sk-new-0123456")
    assert verdict(bench) == ("ok", None, None)
    put_back(bench, without)

    assert verdict(bench)[0] == "tampered"


def test_damage_to_a_slot_or_to_the_newest_checkpoint_is_not_taken_for_a_rollback(
    bench: Bench,
) -> None:
    code = bench.call("secrets.add_recovery")["recovery_code"]
    tamper(bench, "UPDATE key_slots SET blob = zeroblob(128) WHERE kind = 'passphrase'")
    bench.call("secrets.lock")
    assert bench.call("secrets.unlock", recovery_code=code)["state"] == "unlocked"
    assert verdict(bench) == ("ok", None, None)
    bench.call("secrets.lock")
    tamper(
        bench,
        "UPDATE audit_anchors SET sealed = zeroblob(100)"
        " WHERE seq = (SELECT max(seq) FROM audit_anchors)",
    )

    assert bench.call("secrets.unlock", recovery_code=code)["state"] == "unlocked"
    assert value_of(bench)
    assert verdict(bench)[:2] == ("tampered", "anchor")
