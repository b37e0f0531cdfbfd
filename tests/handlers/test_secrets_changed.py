"""Tests of `secrets.changed`: every change of the state is told, with the number of its entry."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar import limits
from sidecar.catalog import CHORES
from sidecar.context import LongContext
from sidecar.errors import AuditUnavailable, SidecarError, Tampered, WrongPassphrase
from sidecar.notifications import AuditEvent, SecretsChanged
from tests.harness import Bench
from tests.vault_benches import PASSPHRASE, clock_of, secret_bench, tamper


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with secret_bench(tmp_path) as opened:
        yield opened


def told(bench: Bench) -> list[tuple[str, str, str | None]]:
    """Return the changes since the last call, with the action of the entry that each names."""
    actions = {each.seq: each.action for each in bench.told if isinstance(each, AuditEvent)}
    found: list[tuple[str, str, str | None]] = [
        (each.state, each.reason, None if each.seq is None else actions[each.seq])
        for each in bench.told
        if isinstance(each, SecretsChanged)
    ]
    bench.told.clear()
    return found


def run_lock_chore(bench: Bench) -> None:
    """Run the chore of the lock, as the process does when a deadline may have passed."""
    context = LongContext(bench.services, None, bench.tell)
    CHORES["vault_lock"].function(context)
    bench.tell(context.take_emitted())


def test_setting_up_locking_unlocking_and_resetting_are_told(bench: Bench) -> None:
    bench.call("secrets.initialize", passphrase=PASSPHRASE)
    bench.call("secrets.lock")
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    bench.call("secrets.reset", losing=0)

    assert told(bench) == [
        ("unlocked", "initialize", "vault_initialize"),
        ("locked", "lock", "vault_lock"),
        ("unlocked", "unlock", "vault_unlock"),
        ("uninitialized", "reset", "vault_reset"),
    ]


def test_what_does_not_change_the_state_is_not_told(bench: Bench) -> None:
    bench.call("secrets.initialize", passphrase=PASSPHRASE)
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    bench.call("secrets.rekey", passphrase=PASSPHRASE)
    bench.call("secrets.lock")
    told(bench)

    bench.call("secrets.lock")
    with pytest.raises(WrongPassphrase):
        bench.call("secrets.unlock", passphrase="wrong")

    assert told(bench) == []


def test_secrets_in_memory_are_ephemeral_and_a_lock_ends_them(bench: Bench) -> None:
    bench.call("secrets.initialize", ephemeral=True)
    bench.call("secrets.lock")

    assert told(bench) == [
        ("ephemeral", "initialize", "vault_initialize"),
        ("uninitialized", "lock", "vault_lock"),
    ]


def test_each_automatic_lock_is_told_with_its_reason(bench: Bench) -> None:
    bench.call("secrets.initialize", passphrase=PASSPHRASE)
    clock_of(bench).at_ms += limits.IDLE_LOCK_MS
    run_lock_chore(bench)
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    bench.call("settings.set", key="secrets_idle_lock_ms", value=0)
    clock_of(bench).at_ms += limits.ABSOLUTE_LOCK_MS
    run_lock_chore(bench)

    assert told(bench)[1:] == [
        ("locked", "idle_lock", "vault_lock"),
        ("unlocked", "unlock", "vault_unlock"),
        ("locked", "absolute_lock", "vault_lock"),
    ]


def test_a_lock_that_no_entry_could_be_written_for_is_told_without_one(bench: Bench) -> None:
    bench.call("secrets.initialize", passphrase=PASSPHRASE)
    told(bench)
    tamper(bench, "UPDATE audit_state SET seq = seq - 1")
    clock_of(bench).at_ms += limits.IDLE_LOCK_MS

    with pytest.raises(AuditUnavailable):
        run_lock_chore(bench)

    assert told(bench) == [("locked", "idle_lock", None)]


@pytest.mark.parametrize(
    ("harm", "refusal"),
    [
        ("UPDATE data_keys SET wrapped = zeroblob(length(wrapped))", Tampered),
        ("UPDATE audit_state SET seq = seq - 1", AuditUnavailable),
    ],
)
def test_an_unlock_that_fails_and_drops_the_keys_is_told(
    bench: Bench, harm: str, refusal: type[SidecarError]
) -> None:
    bench.call("secrets.initialize", passphrase=PASSPHRASE)
    told(bench)
    tamper(bench, harm)

    with pytest.raises(refusal):
        bench.call("secrets.unlock", passphrase=PASSPHRASE)

    assert bench.call("secrets.status")["state"] == "locked"
    assert told(bench) == [("locked", "lock", None)]
    with pytest.raises(refusal):
        bench.call("secrets.unlock", passphrase=PASSPHRASE)
    assert told(bench) == []


def test_a_restore_that_replaces_the_secrets_is_told(bench: Bench) -> None:
    before = bench.call("backups.create")["name"]
    bench.call("secrets.initialize", passphrase=PASSPHRASE)
    after = bench.call("backups.create", include_secrets=True)["name"]
    told(bench)

    bench.call("backups.restore", name=before, secrets="backup")
    none = told(bench)
    bench.call("backups.restore", name=after, secrets="backup")
    from_backup = told(bench)
    bench.call("backups.restore", name=after, secrets="live")
    kept = told(bench)

    assert none == [("uninitialized", "restore", "restore")]
    assert from_backup == [("locked", "restore", "restore")]
    assert kept == []


def test_a_recovery_that_keeps_the_secrets_changes_no_state(bench: Bench) -> None:
    bench.call("secrets.initialize", passphrase=PASSPHRASE)
    told(bench)

    bench.call("system.recover")

    assert told(bench) == []
    assert bench.call("secrets.status")["state"] == "unlocked"


def test_a_recovery_that_cannot_read_the_secrets_is_told(bench: Bench) -> None:
    bench.call("secrets.initialize", passphrase=PASSPHRASE)
    told(bench)
    for table in ("key_slots", "data_keys", "secrets", "vault_state"):
        tamper(bench, f"DELETE FROM {table}")  # noqa: S608 - our tables

    bench.call("system.recover")

    assert told(bench) == [("uninitialized", "recover", "recover")]
    assert bench.vault.keys is None
