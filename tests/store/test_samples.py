"""Files of every released version, and legacy files of every shape, can be opened."""

from pathlib import Path

import pytest

from sidecar.store import migrations
from sidecar.store.open_close import close_store, open_store
from sidecar.store.repair import recover
from tests.harness import Bench
from tests.made_workflows import get
from tests.store import samples
from tests.store.still_clock import SteadyClock
from tests.vault_benches import PASSPHRASE, secret_bench, value_of


def test_there_are_samples_of_every_shape_of_a_legacy_file() -> None:
    shapes = {name.split("-")[1] for name in samples.names() if name.startswith("legacy-")}

    assert shapes == {"absent", "plain", "generated"}
    assert len(samples.names()) >= 9


def test_there_are_a_database_and_a_backup_of_every_earlier_version() -> None:
    earlier = list(range(1, migrations.current_version()))

    assert samples.versions() == earlier
    names = [path.name for path in samples.backups()]
    assert names == [f"v{version}.db.zst" for version in earlier]


def holds_everything(bench: Bench) -> None:
    """Check that all rows which `samples.fill` added are there."""
    assert get(bench, "w1")["data"] == {"nodes": [{"text": "changed"}, {"text": "überall"}]}
    earlier = bench.call("workflows.get", id="w1", revision=1)
    assert earlier["workflow"]["data"] == {"nodes": [{"text": "überall"}]}
    found = bench.call("workflows.search", query="überall")["items"]
    assert {item["id"] for item in found} == {"w1", "w2"}
    assert bench.call("workflows.list", archived=True)["items"][0]["id"] == "w3"
    runs = {run["id"]: run for run in bench.call("runs.list")["items"]}
    assert {key: (run["status"], run["pinned"]) for key, run in runs.items()} == {
        "r1": ("success", True), "r2": ("error", False), "r3": ("error", False),
    }  # fmt: skip
    assert [(run["interrupted"], run["summary_state"]) for _, run in sorted(runs.items())] == [
        (False, "kept"), (False, "kept"), (True, None),
    ]  # fmt: skip
    assert bench.call("runs.get", id="r2")["run"]["summary"] == {"out": "r2"}
    assert bench.call("settings.get", key="theme")["setting"]["value"] == "dark"
    assert bench.call("system.check", full=True)["findings"] == []
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    assert value_of(bench) == samples.VALUE
    assert bench.call("audit.verify")["status"] == "ok"


@pytest.mark.parametrize("version", samples.versions())
def test_a_database_of_every_version_has_its_work_history_and_keys(
    version: int, tmp_path: Path
) -> None:
    samples.unpack(f"v{version}", tmp_path / "test.db")

    with secret_bench(tmp_path) as bench:
        holds_everything(bench)


@pytest.mark.parametrize("backup", samples.backups(), ids=lambda path: path.name)
def test_a_backup_of_every_version_is_restored_with_its_keys(backup: Path, tmp_path: Path) -> None:
    with secret_bench(tmp_path) as bench:
        assert bench.call("backups.verify", path=str(backup))["ok"]

        bench.call("backups.restore", path=str(backup), secrets="backup")

        holds_everything(bench)


@pytest.mark.parametrize("version", samples.versions())
def test_a_database_of_every_version_can_be_recovered_with_its_runs(
    version: int, tmp_path: Path
) -> None:
    path = samples.unpack(f"v{version}", tmp_path / "test.db")

    recovered = recover.recover_file(
        path, SteadyClock(), lambda *_progress: None, log=lambda *_done: None
    )

    assert (recovered.salvaged["runs"], recovered.lost) == (3, {})
    with secret_bench(tmp_path) as bench:
        runs = {run["id"]: run for run in bench.call("runs.list")["items"]}
        assert {key: run["summary_state"] for key, run in runs.items()} == {
            "r1": "kept", "r2": "kept", "r3": None,
        }  # fmt: skip
        assert [key for key, run in runs.items() if run["interrupted"]] == ["r3"]


@pytest.mark.parametrize("name", samples.names())
def test_a_sample_is_opened_with_all_its_rows(name: str, tmp_path: Path) -> None:
    path = samples.unpack(name, tmp_path / "sim.db")

    opened = open_store(path, SteadyClock())

    db = opened.store.db
    assert opened.schema_version == migrations.current_version()
    counts = "SELECT (SELECT count(*) FROM workflows), (SELECT count(*) FROM runs)"
    assert db.execute(counts).get == (3, 3)
    assert db.execute("SELECT count(*) FROM access_log").get >= 3
    assert db.pragma("quick_check") == "ok"
    close_store(opened.store)
