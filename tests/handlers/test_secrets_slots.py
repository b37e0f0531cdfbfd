"""Slots that are added, replaced and removed, and the reset for when no slot opens."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar import limits
from sidecar.context import LongContext
from sidecar.errors import (
    Conflict,
    KeychainUnavailable,
    Locked,
    NotInitialized,
    SlotDamaged,
    Tampered,
    Throttled,
    WrongPassphrase,
)
from sidecar.keychain import NamedBackend
from sidecar.secrets.key_slots import remove_stale_items
from tests.harness import Bench
from tests.vault_benches import (
    PASSPHRASE,
    VALUE,
    MemoryKeychain,
    clock_of,
    secret_bench,
    set_up,
    tamper,
    value_of,
)


@pytest.fixture
def keychain() -> MemoryKeychain:
    return MemoryKeychain()


@pytest.fixture
def bench(tmp_path: Path, keychain: MemoryKeychain) -> Iterator[Bench]:
    with secret_bench(tmp_path) as opened:
        opened.vault.keychain.find = lambda: NamedBackend("tests.Memory", keychain)
        yield opened


def kinds(status: dict[str, Any]) -> list[tuple[int, str]]:
    """Return number and kind of the slots in a status."""
    return [(slot["slot"], slot["kind"]) for slot in status["slots"]]


# --- replacing a slot that no longer opens ----------------------------------------------------


def test_a_forgotten_passphrase_is_replaced_with_the_recovery_code_as_proof(bench: Bench) -> None:
    set_up(bench)
    code = bench.call("secrets.add_recovery")["recovery_code"]
    bench.call("secrets.lock")
    bench.call("secrets.unlock", recovery_code=code)
    bench.audited()

    status = bench.call("secrets.change_passphrase", recovery_code=code, new_passphrase="new")

    assert kinds(status) == [(1, "passphrase"), (2, "recovery")]
    assert bench.audited() == [("passphrase_change", "vault", {"slot": 1, "proof": "recovery"})]
    bench.call("secrets.lock")
    with pytest.raises(WrongPassphrase):
        bench.call("secrets.unlock", passphrase=PASSPHRASE)
    bench.call("secrets.unlock", passphrase="new")
    assert value_of(bench) == VALUE


def test_the_proof_is_needed_also_while_unlocked(bench: Bench) -> None:
    set_up(bench)
    code = bench.call("secrets.add_recovery")["recovery_code"]
    other = ("1" if code[0] == "0" else "0") + code[1:]

    for params in ({"recovery_code": other}, {"old_passphrase": "wrong"}):
        with pytest.raises(WrongPassphrase):
            bench.call("secrets.change_passphrase", new_passphrase="new", **params)
    with pytest.raises(KeychainUnavailable):
        bench.call("secrets.change_passphrase", new_passphrase="new", keychain=True)
    bench.call("secrets.lock")
    with pytest.raises(Locked):
        bench.call("secrets.change_passphrase", new_passphrase="new", old_passphrase=PASSPHRASE)


def test_a_passphrase_is_added_where_only_a_keychain_unlocks(
    bench: Bench, keychain: MemoryKeychain
) -> None:
    bench.call("secrets.initialize", keychain=True)
    bench.call("secrets.set", provider="openai", value=VALUE)

    status = bench.call("secrets.change_passphrase", keychain=True, new_passphrase="new")

    assert kinds(status) == [(1, "keychain"), (2, "passphrase")]
    bench.call("secrets.lock")
    keychain.items.clear()
    bench.call("secrets.unlock", passphrase="new")
    assert value_of(bench) == VALUE


def test_the_keychain_of_a_new_computer_replaces_the_old_one(bench: Bench) -> None:
    set_up(bench)
    assert kinds(bench.call("secrets.add_keychain")) == [(1, "passphrase"), (2, "keychain")]
    bench.call("secrets.lock")
    other = MemoryKeychain()
    bench.vault.keychain.find = lambda: NamedBackend("tests.Other", other)
    with pytest.raises(KeychainUnavailable):
        bench.call("secrets.unlock", keychain=True)

    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    assert kinds(bench.call("secrets.add_keychain")) == [(1, "passphrase"), (2, "keychain")]
    bench.call("secrets.lock")
    bench.call("secrets.unlock", keychain=True)
    remove_stale_items(LongContext(bench.services, None, bench.tell))

    assert value_of(bench) == VALUE
    assert len(other.items) == 1
    bench.call("secrets.rekey", passphrase=PASSPHRASE)
    bench.call("secrets.lock")
    assert bench.call("secrets.unlock", keychain=True)["state"] == "unlocked"


# --- when no slot opens -----------------------------------------------------------------------


def prevent_unlock(bench: Bench, how: str) -> type[Exception]:
    """Prevent every unlock in the given way; return the error that an unlock gives."""
    bench.call("secrets.lock")
    if how == "forgotten":
        for _ in range(limits.UNLOCK_FREE_TRIES):
            with pytest.raises(WrongPassphrase):
                bench.call("secrets.unlock", passphrase="was it this")
        return Throttled
    if how == "slot":
        tamper(bench, "UPDATE key_slots SET blob = zeroblob(128)")
        return SlotDamaged
    if how == "label":
        tamper(bench, "UPDATE key_slots SET label = CAST(x'ff41' AS TEXT), blob = zeroblob(128)")
        return SlotDamaged
    if how == "generation":
        tamper(bench, "UPDATE vault_state SET generation = -5")
        tamper(bench, "UPDATE data_keys SET wrapped = zeroblob(60)")
        return Tampered
    tamper(bench, {"wrapped": "UPDATE data_keys SET wrapped = zeroblob(60)",
                   "id": "UPDATE data_keys SET key_id = -1"}[how])  # fmt: skip
    return Tampered


@pytest.mark.parametrize("how", ["forgotten", "slot", "label", "wrapped", "id", "generation"])
def test_when_nothing_unlocks_the_keys_can_be_reset_and_entered_again(
    bench: Bench, how: str
) -> None:
    bench.call("workflows.save", workflow={"id": "w", "name": "n", "data": {}})
    set_up(bench, openai=VALUE, mistral="m-0123456789")
    error = prevent_unlock(bench, how)
    with pytest.raises(error):
        bench.call("secrets.unlock", passphrase=PASSPHRASE)
    losing = bench.call("secrets.status")["secrets"]
    bench.audited()

    status = bench.call("secrets.reset", losing=losing)

    assert (status["state"], status["slots"], status["secrets"]) == ("uninitialized", [], 0)
    assert bench.audited() == [("vault_reset", "vault", {"lost": 2})]
    assert [(each["provider"], each["state"]) for each in bench.call("secrets.list")["items"]] == [
        ("mistral", "enter_again"),
        ("openai", "enter_again"),
    ]
    set_up(bench)
    assert value_of(bench) == VALUE
    bench.call("secrets.lock")
    clock_of(bench).at_ms += 1000
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    assert value_of(bench) == VALUE
    assert bench.call("audit.verify")["status"] == "ok"
    assert bench.call("workflows.get", id="w")["workflow"]["name"] == "n"


def test_a_reset_is_refused_unless_the_number_of_lost_keys_is_right(bench: Bench) -> None:
    with pytest.raises(NotInitialized):
        bench.call("secrets.reset", losing=0)
    set_up(bench)

    for losing in (0, 2):
        with pytest.raises(Conflict):
            bench.call("secrets.reset", losing=losing)

    assert value_of(bench) == VALUE
    assert bench.call("secrets.reset", losing=1)["state"] == "uninitialized"
    with pytest.raises(NotInitialized):
        value_of(bench)


def test_a_keychain_set_up_again_after_a_reset_keeps_its_item(
    bench: Bench, keychain: MemoryKeychain
) -> None:
    bench.call("secrets.initialize", keychain=True)
    bench.call("secrets.reset", losing=0)
    bench.call("secrets.initialize", keychain=True)
    remove_stale_items(LongContext(bench.services, None, bench.tell))
    bench.call("secrets.lock")

    assert len(keychain.items) == 1
    assert bench.call("secrets.unlock", keychain=True)["state"] == "unlocked"


# --- rows that a flipped bit has made malformed -----------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE secrets SET key_hash = CAST(x'6b31ff' AS TEXT)",
        "UPDATE secrets SET provider = CAST(x'6fff' AS TEXT)",
        "UPDATE data_keys SET key_id = 5000000000",
        "UPDATE vault_state SET generation = -1",
    ],
)
def test_a_malformed_row_is_tampered_and_can_be_deleted(bench: Bench, sql: str) -> None:
    set_up(bench)
    tamper(bench, sql)

    (item,) = bench.call("secrets.list")["items"]
    for name, params in (("secrets.get", {}), ("secrets.verify", {"value": "x"})):
        with pytest.raises(Tampered):
            bench.call(name, provider=item["provider"], **params)
    with pytest.raises(Tampered):
        bench.call("secrets.rotate")
    bench.call("secrets.delete", provider=item["provider"])
    assert bench.call("secrets.list")["items"] == []


def test_a_label_that_is_no_utf_8_does_not_prevent_the_unlock(bench: Bench) -> None:
    set_up(bench)
    tamper(bench, "UPDATE key_slots SET label = CAST(x'ff' AS TEXT)")
    bench.call("secrets.lock")

    assert bench.call("secrets.status")["slots"][0]["label"] == "\N{REPLACEMENT CHARACTER}"
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    assert value_of(bench) == VALUE
