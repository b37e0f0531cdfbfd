"""Tests of the secrets that are there after a restore, and of what a dry run says about them."""

from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import WrongPassphrase
from sidecar.store import verified_copy
from tests.harness import Bench
from tests.made_workflows import save
from tests.unpacked_backups import SECRET, backup_names, store_secret


def backed_up(bench: Bench, **params: Any) -> str:
    name: str = bench.call("backups.create", **params)["name"]
    bench.told.clear()
    return name


def sealed(bench: Bench) -> list[tuple[Any, ...]]:
    """Return the rows that the vault reads."""
    tables = ("secrets", "key_slots", "data_keys", "vault_state")
    return [row for name in tables for row in bench.rows(f"SELECT * FROM {name}")]  # noqa: S608 - our tables


def with_other_secrets(bench: Bench) -> str:
    """Make a backup with secrets; then give the database other secrets and a failed unlock."""
    store_secret(bench)
    name = backed_up(bench, include_secrets=True)
    bench.call("secrets.lock")
    for table in ("secrets", "key_slots", "data_keys"):
        bench.store.db.execute(f"DELETE FROM {table}")  # noqa: S608 - our tables
    bench.call("secrets.initialize", passphrase="of now")
    bench.call("secrets.set", provider="mine", value="another")
    with pytest.raises(WrongPassphrase):
        bench.call("secrets.unlock", passphrase="wrong")
    return name


def test_a_restore_keeps_the_current_secrets_and_failed_unlocks(bench: Bench) -> None:
    name = with_other_secrets(bench)
    before = sealed(bench)

    result = bench.call("backups.restore", name=name)

    assert sealed(bench) == before
    assert (result["restored_secrets"], result["providers"], result["providers_lost"]) == (
        "kept",
        ["mine"],
        [],
    )


def test_the_secrets_of_the_backup_come_back_when_requested(bench: Bench) -> None:
    name = with_other_secrets(bench)

    result = bench.call("backups.restore", name=name, secrets="backup")

    assert (result["restored_secrets"], result["providers"]) == ("from_backup", ["openai"])
    assert result["providers_lost"] == ["mine"]
    assert bench.call("secrets.status")["state"] == "locked"
    assert bench.rows("SELECT failures FROM vault_state") == [(1,)]  # as in the replaced database
    assert bench.call("audit.verify")["status"] == "unsealed"
    bench.call("secrets.unlock", passphrase="open sesame")
    assert bench.call("secrets.get", provider="openai")["value"] == SECRET
    found = bench.call("audit.verify")
    assert (found["status"], found["verified_from"] > 1) == ("ok", True)
    # The safety backup has the other secrets.
    back = bench.call("backups.restore", name=result["safety_backup"], secrets="backup")
    assert back["providers"] == ["mine"]
    bench.call("secrets.unlock", passphrase="of now")
    assert bench.call("secrets.get", provider="mine")["value"] == "another"


def test_under_the_same_root_key_the_log_goes_on_sealed_from_its_first_entry(
    bench: Bench,
) -> None:
    store_secret(bench)
    name = backed_up(bench, include_secrets=True)
    bench.call("secrets.set", provider="later", value="gone after")

    bench.call("backups.restore", name=name, secrets="backup")
    bench.call("secrets.unlock", passphrase="open sesame")

    assert [item["provider"] for item in bench.call("secrets.list")["items"]] == ["openai"]
    found = bench.call("audit.verify")
    assert (found["status"], found["verified_from"]) == ("ok", 1)


def test_a_backup_without_secrets_removes_them_only_when_requested(
    bench: Bench,
) -> None:
    store_secret(bench)
    name = backed_up(bench)

    assert bench.call("backups.restore", name=name)["restored_secrets"] == "kept"
    result = bench.call("backups.restore", name=name, secrets="backup")

    assert (result["restored_secrets"], result["providers_lost"]) == ("none", ["openai"])
    assert sealed(bench) == [(1, 0, None, 0, 0)]
    assert bench.call("secrets.status")["state"] == "uninitialized"
    bench.call("secrets.initialize", passphrase="anew")
    assert bench.call("audit.verify")["status"] == "ok"


def test_secrets_of_another_database_keep_the_store_id_they_are_sealed_for(
    bench: Bench,
) -> None:
    store_secret(bench)
    own = bench.rows("SELECT value FROM meta WHERE key = 'store_id'")
    name = backed_up(bench, include_secrets=True)
    bench.store.db.execute("UPDATE meta SET value = x'77' WHERE key = 'store_id'")

    bench.call("backups.restore", name=name)
    assert bench.rows("SELECT value FROM meta WHERE key = 'store_id'") == [(b"\x77",)]

    bench.call("backups.restore", name=name, secrets="backup")
    assert bench.rows("SELECT value FROM meta WHERE key = 'store_id'") == own


def test_a_dry_run_reports_everything_and_changes_nothing(bench: Bench, tmp_path: Path) -> None:
    name = with_other_secrets(bench)
    save(bench, "later")
    before, files = verified_copy.table_counts(bench.store.db), backup_names(tmp_path)
    bench.told.clear()

    result = bench.call("backups.restore", name=name, secrets="backup", dry_run=True)

    assert (result["dry_run"], result["safety_backup"], result["epoch"], result["seq"]) == (
        True, None, None, None,
    )  # fmt: skip
    assert (result["counts"]["workflows"], result["counts_before"]["workflows"]) == (5, 6)
    assert (result["restored_secrets"], result["providers_lost"]) == ("from_backup", ["mine"])
    assert (verified_copy.table_counts(bench.store.db), backup_names(tmp_path)) == (before, files)
    assert bench.audited() == []


def opening(bench: Bench, name: str, secrets: str) -> list[str] | None:
    """Return the providers with a key that would open, as a dry run reports them."""
    result = bench.call("backups.restore", name=name, secrets=secrets, dry_run=True)
    found: list[str] | None = result["providers_open"]
    return found


def test_a_dry_run_reports_which_keys_would_open(bench: Bench) -> None:
    store_secret(bench)
    bench.call("secrets.set", provider="other", value=SECRET)
    name = backed_up(bench, include_secrets=True)
    bench.call("secrets.delete", provider="other")

    assert opening(bench, name, "live") == ["openai"]
    assert opening(bench, name, "backup") == ["openai", "other"]
    bench.call("secrets.rotate")  # older data keys open, because the root key stays the same
    assert opening(bench, name, "backup") == ["openai", "other"]
    bench.store.db.execute("UPDATE secrets SET encrypted_value = zeroblob(200)")
    assert opening(bench, name, "live") == []
    bench.call("secrets.lock")
    assert opening(bench, name, "backup") is None


def test_under_another_root_key_none_would_open(bench: Bench) -> None:
    name = with_other_secrets(bench)

    assert opening(bench, name, "live") == ["mine"]
    assert opening(bench, name, "backup") == []


def test_secrets_restored_while_their_own_root_key_is_unlocked_are_not_a_rollback(
    bench: Bench,
) -> None:
    store_secret(bench)
    name = backed_up(bench, include_secrets=True)
    bench.call("secrets.set", provider="openai", value="a newer one")
    bench.call("backups.restore", name=name, secrets="backup")

    assert bench.call("secrets.unlock", passphrase="open sesame")["state"] == "unlocked"
    assert bench.call("secrets.get", provider="openai")["value"] == SECRET
    assert bench.call("audit.verify")["status"] == "ok"
    bench.call("secrets.set", provider="openai", value="the newest one")
    assert bench.call("audit.verify")["status"] == "ok"
