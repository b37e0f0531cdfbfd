"""When the pages of the secrets are damaged, the error says so."""

from pathlib import Path

from sidecar.store.open_close import open_store
from tests.faults import damaged_files
from tests.harness import ManualClock
from tests.vault_benches import secret_bench, set_up
from tests.wire.loop_in_process import Served, answers, call


def test_keys_that_cannot_be_listed_are_damage_and_no_missing_entry(tmp_path: Path) -> None:
    """Listing writes no audit entry, so a missing entry cannot be the reason of the error."""
    with secret_bench(tmp_path) as bench:
        set_up(bench)
        path = bench.store.path
    damaged_files.destroy(path, damaged_files.pages_of(path, "secrets")[0])
    served = Served(open_store(path, ManualClock()).store, ManualClock())
    (answer,) = answers(served.send(call(1, "secrets.list")))
    served.close()

    assert answer["error"]["data"]["slug"] == "storage_failed"
