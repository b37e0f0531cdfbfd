"""Tests of which secrets and which keys of the audit chain are in a backup."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from sidecar.archive import manifest
from sidecar.archive.read import read_manifest
from sidecar.backups.create import manifest_mac
from sidecar.context import LongContext
from sidecar.store.tables import SEALED
from tests.harness import Bench
from tests.unpacked_backups import count_rows, store_secret, unpack_backup


def test_no_byte_of_a_secret_is_in_a_backup_unless_it_was_asked_for(
    bench: Bench, tmp_path: Path
) -> None:
    record = store_secret(bench)

    result = bench.call("backups.create")

    db = unpack_backup(Path(result["path"]), tmp_path)
    assert [count_rows(db, table) for table in SEALED] == [0, 0, 0, 0, 0, 0, 0]
    assert db.execute("SELECT generation, root, failures FROM vault_state").get == (0, None, 0)
    db.close()
    assert record not in (tmp_path / "unpacked.db").read_bytes()
    assert (result["secrets"], result["counts"]["secrets"]) == ("none", 0)
    assert bench.rows("SELECT count(*) FROM secrets") == [(1,)]


def test_requested_secrets_are_in_a_backup_sealed_with_their_slots(
    bench: Bench, tmp_path: Path
) -> None:
    record = store_secret(bench)

    result = bench.call("backups.create", include_secrets=True)

    db = unpack_backup(Path(result["path"]), tmp_path)
    assert [count_rows(db, table) for table in SEALED] == [2, 1, 1, 1, 0, 0, 0]
    assert db.execute("SELECT encrypted_value FROM secrets").get == record
    assert (result["secrets"], result["counts"]["secrets"]) == ("sealed", 1)
    db.close()


@pytest.mark.parametrize("sealed", [False, True])
def test_the_chains_first_key_is_in_a_backup_only_while_the_log_is_unsealed(
    bench: Bench, tmp_path: Path, *, sealed: bool
) -> None:
    if sealed:
        store_secret(bench)

    path = Path(bench.call("backups.create", include_secrets=True)["path"])

    db = unpack_backup(path, tmp_path)
    assert db.execute("SELECT start IS NULL FROM audit_state").get == sealed
    db.close()


def test_a_backup_made_while_unlocked_is_authenticated_by_the_root_key(bench: Bench) -> None:
    store_secret(bench)
    context = LongContext(bench.services, 1, bench.tell)
    unlocked = read_manifest(Path(bench.call("backups.create")["path"]))
    bench.call("secrets.lock")
    locked = read_manifest(Path(bench.call("backups.create")["path"]))
    bench.call("secrets.unlock", passphrase="open sesame")
    code = manifest_mac(context)

    assert manifest.is_authentic(unlocked, code) is True
    assert manifest.is_authentic(replace(unlocked, label="another"), code) is False
    assert manifest.is_authentic(locked, code) is None
