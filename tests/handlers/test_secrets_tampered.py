"""Another program changes the rows of secrets while they are unlocked: no key is answered then.

Rows are swapped, put back to an earlier state, added or removed.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sidecar import digests
from sidecar.errors import KdfPolicy, SidecarError, SlotDamaged, Tampered
from tests.harness import Bench
from tests.vault_benches import PASSPHRASE, VALUE, secret_bench, set_up, tamper, value_of


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with secret_bench(tmp_path) as opened:
        set_up(opened, openai=VALUE, other="another-value-0123456789")
        yield opened


def refusal(bench: Bench, name: str, /, **params: object) -> type[SidecarError]:
    """Return the error that a call is refused with."""
    with pytest.raises(SidecarError) as caught:
        bench.call(name, **params)
    return caught.type


def test_security_02_a_record_copied_to_another_row_is_tampered(bench: Bench) -> None:
    tamper(
        bench,
        "UPDATE secrets SET encrypted_value = (SELECT encrypted_value FROM secrets"
        " WHERE provider = 'openai') WHERE provider = 'other'",
    )

    assert refusal(bench, "secrets.get", provider="other") is Tampered
    assert refusal(bench, "secrets.get", provider="openai") is Tampered


def _old_row(bench: Bench) -> None:
    (row,) = bench.rows("SELECT * FROM secrets WHERE provider = 'openai'")
    bench.call("secrets.set", provider="openai", value="the new value 0123456789")
    tamper(bench, "INSERT OR REPLACE INTO secrets VALUES (?, ?, ?, ?, ?, ?)", *row)


CHANGES: dict[str, Callable[[Bench], object]] = {
    "an old row back": _old_row,
    "a row deleted": lambda b: tamper(b, "DELETE FROM secrets WHERE provider = 'other'"),
    "a row added": lambda b: tamper(
        b,
        "INSERT INTO secrets SELECT 'third', encrypted_value, key_hash, created_at, updated_at,"
        " NULL FROM secrets WHERE provider = 'other'",
    ),
    "a hash": lambda b: tamper(b, "UPDATE secrets SET key_hash = 'k1:00'"),
    "a time": lambda b: tamper(b, "UPDATE secrets SET created_at = 1 WHERE provider = 'other'"),
    "a name": lambda b: tamper(b, "UPDATE secrets SET provider = 'otheR' WHERE provider = 'other'"),
    "a data key": lambda b: tamper(b, "UPDATE data_keys SET wrapped = zeroblob(60)"),
    "a second data key": lambda b: tamper(
        b, "INSERT INTO data_keys VALUES (99, 'active', zeroblob(60), 0, 1)"
    ),
    "the generation": lambda b: tamper(b, "UPDATE vault_state SET generation = generation - 1"),
    "the code": lambda b: tamper(b, "UPDATE vault_state SET root = zeroblob(32)"),
    "no code": lambda b: tamper(b, "UPDATE vault_state SET root = NULL"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_security_03_after_any_change_by_another_program_no_key_is_answered(
    bench: Bench, change: str
) -> None:
    CHANGES[change](bench)

    for name, params in (
        ("secrets.get", {"provider": "openai"}),
        ("secrets.set", {"provider": "new", "value": "v"}),
        ("secrets.verify", {"provider": "openai", "value": VALUE}),
        ("secrets.rotate", {}),
        ("secrets.rekey", {"passphrase": PASSPHRASE}),
    ):
        assert refusal(bench, name, **params) is Tampered


def test_after_every_key_is_deleted_new_keys_can_be_stored(bench: Bench) -> None:
    tamper(bench, "UPDATE secrets SET key_hash = 'k1:00' WHERE provider = 'other'")

    bench.call("secrets.delete", provider="openai")
    assert refusal(bench, "secrets.set", provider="openai", value="v") is Tampered
    bench.call("secrets.delete", provider="other")

    bench.call("secrets.set", provider="openai", value="v")
    assert value_of(bench) == "v"


def test_a_list_has_no_hint_for_a_record_that_does_not_open(bench: Bench) -> None:
    tamper(bench, "UPDATE secrets SET encrypted_value = zeroblob(106) WHERE provider = 'other'")

    hints = {item["provider"]: item["hint"] for item in bench.call("secrets.list")["items"]}
    assert hints == {"openai": "WXYZ", "other": None}


def _slot(bench: Bench, blob: bytes, *, fitting: bool) -> None:
    digest = digests.sha256(blob) if fitting else bytes(32)
    tamper(bench, "UPDATE key_slots SET blob = ?, sha256 = ?", blob, digest)


def test_security_05_a_damaged_slot_is_not_a_wrong_passphrase(bench: Bench) -> None:
    ((blob,),) = bench.rows("SELECT blob FROM key_slots")
    bench.call("secrets.lock")
    before = bench.rows("SELECT failures FROM vault_state")

    _slot(bench, blob, fitting=False)
    assert refusal(bench, "secrets.unlock", passphrase=PASSPHRASE) is SlotDamaged
    costly = blob[:8] + (2**31).to_bytes(4) + blob[12:]
    _slot(bench, costly, fitting=True)
    assert refusal(bench, "secrets.unlock", passphrase=PASSPHRASE) is KdfPolicy
    assert bench.rows("SELECT failures FROM vault_state") == before
    _slot(bench, blob, fitting=True)
    assert bench.call("secrets.unlock", passphrase=PASSPHRASE)["state"] == "unlocked"
    assert bench.call("secrets.status")["kdf"] is not None


def test_a_data_key_changed_while_locked_keeps_everything_locked(bench: Bench) -> None:
    bench.call("secrets.lock")
    tamper(bench, "UPDATE data_keys SET wrapped = zeroblob(60)")

    assert refusal(bench, "secrets.unlock", passphrase=PASSPHRASE) is Tampered
    assert bench.call("secrets.status")["state"] == "locked"


@pytest.mark.parametrize("table", ["secrets", "data_keys"])
def test_security_13_no_root_key_is_drawn_over_keys_that_it_cannot_open(
    bench: Bench, table: str
) -> None:
    bench.call("secrets.lock")
    tamper(bench, "DELETE FROM key_slots")
    if table == "secrets":
        tamper(bench, "DELETE FROM data_keys")
    else:
        tamper(bench, "DELETE FROM secrets")

    assert bench.call("secrets.status")["state"] == "locked"
    for params in ({"passphrase": "new"}, {"keychain": True}):
        assert refusal(bench, "secrets.initialize", **params) is Tampered
    rows = bench.rows(f"SELECT count(*) FROM {table}")  # noqa: S608 - our tables
    assert rows != [(0,)]
