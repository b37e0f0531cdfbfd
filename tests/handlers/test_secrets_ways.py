"""Ways to unlock that come and go, and the way out when none is left."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar import limits
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
from tests.secrets_kit import (
    PASSPHRASE,
    VALUE,
    HeldKeychain,
    clock_of,
    meddle,
    secret_bench,
    set_up,
    value_of,
)


@pytest.fixture
def kept() -> HeldKeychain:
    return HeldKeychain()


@pytest.fixture
def bench(tmp_path: Path, kept: HeldKeychain) -> Iterator[Bench]:
    with secret_bench(tmp_path) as opened:
        opened.vault.find_keychain = lambda: NamedBackend("tests.Kept", kept)
        yield opened


def kinds(told: dict[str, Any]) -> list[tuple[int, str]]:
    """The slots of a status."""
    return [(slot["slot"], slot["kind"]) for slot in told["slots"]]


# --- another way in the place of one that is lost ---------------------------------------------


def test_who_forgot_the_passphrase_sets_a_new_one_with_the_recovery_code(bench: Bench) -> None:
    set_up(bench)
    code = bench.call("secrets.add_recovery")["recovery_code"]
    bench.call("secrets.lock")
    bench.call("secrets.unlock", recovery_code=code)
    bench.audited()

    told = bench.call("secrets.change_passphrase", recovery_code=code, new_passphrase="new")

    assert kinds(told) == [(1, "passphrase"), (2, "recovery")]
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


def test_a_vault_of_a_keychain_gets_a_passphrase_for_another_computer(
    bench: Bench, kept: HeldKeychain
) -> None:
    bench.call("secrets.initialize", keychain=True)
    bench.call("secrets.set", provider="openai", value=VALUE)

    told = bench.call("secrets.change_passphrase", keychain=True, new_passphrase="new")

    assert kinds(told) == [(1, "keychain"), (2, "passphrase")]
    bench.call("secrets.lock")
    kept.items.clear()
    bench.call("secrets.unlock", passphrase="new")
    assert value_of(bench) == VALUE


def test_a_new_computers_keychain_takes_the_place_of_the_old_ones(bench: Bench) -> None:
    set_up(bench)
    assert kinds(bench.call("secrets.add_keychain")) == [(1, "passphrase"), (2, "keychain")]
    bench.call("secrets.lock")
    other = HeldKeychain()
    bench.vault.find_keychain = lambda: NamedBackend("tests.Other", other)
    with pytest.raises(KeychainUnavailable):
        bench.call("secrets.unlock", keychain=True)

    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    assert kinds(bench.call("secrets.add_keychain")) == [(1, "passphrase"), (2, "keychain")]
    bench.call("secrets.lock")
    bench.call("secrets.unlock", keychain=True)
    remove_stale_items(bench.vault)

    assert value_of(bench) == VALUE
    assert len(other.items) == 1
    bench.call("secrets.rekey", passphrase=PASSPHRASE)
    bench.call("secrets.lock")
    assert bench.call("secrets.unlock", keychain=True)["state"] == "unlocked"


# --- none is left -----------------------------------------------------------------------------


def stuck(bench: Bench, how: str) -> type[Exception]:
    """Make it so that nothing unlocks; what an unlock answers."""
    bench.call("secrets.lock")
    if how == "forgotten":
        for _ in range(limits.UNLOCK_FREE_TRIES):
            with pytest.raises(WrongPassphrase):
                bench.call("secrets.unlock", passphrase="was it this")
        return Throttled
    if how == "slot":
        meddle(bench, "UPDATE key_slots SET blob = zeroblob(128)")
        return SlotDamaged
    if how == "label":
        meddle(bench, "UPDATE key_slots SET label = CAST(x'ff41' AS TEXT), blob = zeroblob(128)")
        return SlotDamaged
    if how == "generation":
        meddle(bench, "UPDATE vault_state SET generation = -5")
        meddle(bench, "UPDATE data_keys SET wrapped = zeroblob(60)")
        return Tampered
    meddle(bench, {"wrapped": "UPDATE data_keys SET wrapped = zeroblob(60)",
                   "id": "UPDATE data_keys SET key_id = -1"}[how])  # fmt: skip
    return Tampered


@pytest.mark.parametrize("how", ["forgotten", "slot", "label", "wrapped", "id", "generation"])
def test_when_nothing_unlocks_any_more_the_keys_can_be_given_up_and_entered_again(
    bench: Bench, how: str
) -> None:
    bench.call("workflows.save", workflow={"id": "w", "name": "n", "data": {}})
    set_up(bench, openai=VALUE, mistral="m-0123456789")
    answer = stuck(bench, how)
    with pytest.raises(answer):
        bench.call("secrets.unlock", passphrase=PASSPHRASE)
    losing = bench.call("secrets.status")["count"]
    bench.audited()

    told = bench.call("secrets.reset", losing=losing)

    assert (told["state"], told["slots"], told["count"]) == ("uninitialized", [], 0)
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


def test_nothing_is_given_up_that_the_person_was_not_told_of(bench: Bench) -> None:
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


def test_a_keychain_begun_anew_after_a_reset_keeps_its_item(
    bench: Bench, kept: HeldKeychain
) -> None:
    bench.call("secrets.initialize", keychain=True)
    bench.call("secrets.reset", losing=0)
    bench.call("secrets.initialize", keychain=True)
    remove_stale_items(bench.vault)
    bench.call("secrets.lock")

    assert len(kept.items) == 1
    assert bench.call("secrets.unlock", keychain=True)["state"] == "unlocked"


# --- rows that a flipped bit has made odd -----------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE secrets SET key_hash = CAST(x'6b31ff' AS TEXT)",
        "UPDATE secrets SET provider = CAST(x'6fff' AS TEXT)",
        "UPDATE data_keys SET key_id = 5000000000",
        "UPDATE vault_state SET generation = -1",
    ],
)
def test_a_row_of_no_form_that_was_ever_written_is_tampered_and_can_be_deleted(
    bench: Bench, sql: str
) -> None:
    set_up(bench)
    meddle(bench, sql)

    (item,) = bench.call("secrets.list")["items"]
    for name, params in (("secrets.get", {}), ("secrets.verify", {"value": "x"})):
        with pytest.raises(Tampered):
            bench.call(name, provider=item["provider"], **params)
    with pytest.raises(Tampered):
        bench.call("secrets.rotate")
    bench.call("secrets.delete", provider=item["provider"])
    assert bench.call("secrets.list")["items"] == []


def test_an_odd_label_of_a_slot_is_shown_and_in_nobodys_way(bench: Bench) -> None:
    set_up(bench)
    meddle(bench, "UPDATE key_slots SET label = CAST(x'ff' AS TEXT)")
    bench.call("secrets.lock")

    assert bench.call("secrets.status")["slots"][0]["label"] == "\N{REPLACEMENT CHARACTER}"
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    assert value_of(bench) == VALUE
