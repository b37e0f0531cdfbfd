"""New passphrases, data keys and root keys: what changes in the file, and what does not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar import limits
from sidecar.catalog import CHORES
from sidecar.context import LongContext
from sidecar.errors import InvalidParams, WrongPassphrase
from tests.harness import Bench
from tests.vault_benches import PASSPHRASE, clock_of, secret_bench, set_up, value_of

VALUES = {"anthropic": "sk-ant-0123456789abcdef", "openai": "sk-0123456789abcdefghij"}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with secret_bench(tmp_path) as opened:
        set_up(opened, **VALUES)
        yield opened


def column(bench: Bench, sql: str) -> list[Any]:
    """Return the one column that a statement gives."""
    return [row[0] for row in bench.rows(sql)]


def hashes(bench: Bench) -> list[str]:
    """Return the fingerprints as a client sees them."""
    return [item["key_hash"] for item in bench.call("secrets.list")["items"]]


def test_security_09_a_passphrase_change_changes_no_record(bench: Bench) -> None:
    before = bench.rows("SELECT * FROM secrets"), bench.rows("SELECT * FROM data_keys")
    slot = column(bench, "SELECT blob FROM key_slots")

    with pytest.raises(WrongPassphrase):
        bench.call("secrets.change_passphrase", old_passphrase="x", new_passphrase="new")
    assert column(bench, "SELECT blob FROM key_slots") == slot
    bench.call("secrets.change_passphrase", old_passphrase=PASSPHRASE, new_passphrase="new")

    assert (bench.rows("SELECT * FROM secrets"), bench.rows("SELECT * FROM data_keys")) == before
    assert column(bench, "SELECT blob FROM key_slots") != slot
    bench.call("secrets.lock")
    with pytest.raises(WrongPassphrase):
        bench.call("secrets.unlock", passphrase=PASSPHRASE)
    bench.call("secrets.unlock", passphrase="new")
    assert {provider: value_of(bench, provider) for provider in VALUES} == VALUES


def test_security_14_a_rotation_keeps_the_fingerprints(bench: Bench) -> None:
    before = hashes(bench)
    records = column(bench, "SELECT encrypted_value FROM secrets")
    slots = bench.rows("SELECT * FROM key_slots")

    rotated = bench.call("secrets.rotate")

    assert rotated == {"generation": column(bench, "SELECT generation FROM vault_state")[0],
                    "resealed": 2}  # fmt: skip
    assert hashes(bench) == before
    assert set(column(bench, "SELECT encrypted_value FROM secrets")).isdisjoint(records)
    assert bench.rows("SELECT * FROM key_slots") == slots
    assert column(bench, "SELECT count(*) FROM data_keys") == [1]
    assert {provider: value_of(bench, provider) for provider in VALUES} == VALUES


def test_a_rekey_replaces_everything_and_ends_recovery_codes(bench: Bench) -> None:
    before = hashes(bench)
    code = bench.call("secrets.add_recovery")["recovery_code"]
    root = bytes(bench.vault.keys.root) if bench.vault.keys else b""
    for params in ({}, {"passphrase": "wrong"}):
        with pytest.raises((InvalidParams, WrongPassphrase)):
            bench.call("secrets.rekey", **params)

    assert bench.call("secrets.rekey", passphrase=PASSPHRASE)["resealed"] == 2

    assert bench.vault.keys is not None
    assert bytes(bench.vault.keys.root) != root
    assert set(hashes(bench)).isdisjoint(before)
    assert bench.call("audit.verify")["status"] == "ok"
    bench.call("secrets.lock")
    with pytest.raises(WrongPassphrase):
        bench.call("secrets.unlock", recovery_code=code)
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    assert {provider: value_of(bench, provider) for provider in VALUES} == VALUES
    assert bench.call("audit.verify")["status"] == "ok"


def run_rotation_chore(bench: Bench) -> None:
    """Run the chore of the rotation, as the process does once an hour."""
    context = LongContext(bench.services, None, bench.tell)
    CHORES["secrets_rotate"].function(context)
    bench.tell(context.take_emitted())
    context.release_lock()


@pytest.mark.parametrize("why", ["age", "count", "nothing"])
def test_an_old_or_much_used_data_key_is_rotated_automatically(bench: Bench, why: str) -> None:
    if why == "age":
        bench.call("settings.set", key="secrets_idle_lock_ms", value=0)
        bench.call("settings.set", key="secrets_absolute_lock_ms", value=0)
        clock_of(bench).at_ms += limits.DATA_KEY_MAX_MS + 1
    if why == "count":
        bench.store.db.execute("UPDATE data_keys SET seal_count = ?", (limits.SEALS_MAX,))
    key = column(bench, "SELECT key_id FROM data_keys")
    bench.told.clear()

    run_rotation_chore(bench)

    assert (column(bench, "SELECT key_id FROM data_keys") == key) == (why == "nothing")
    details = {"resealed": 2, "by": "timer"}
    expected = [] if why == "nothing" else [("vault_rotate", "vault", details)]
    assert bench.audited() == expected
    assert {provider: value_of(bench, provider) for provider in VALUES} == VALUES
