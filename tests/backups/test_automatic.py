"""Tests of automatic backups and of deleting superfluous ones."""

from pathlib import Path

import pytest

from sidecar.backups import retention
from tests.harness import Bench, NoSession, open_bench
from tests.made_workflows import save
from tests.unpacked_backups import HOUR_MS, backup_names, clock_of, run_chore


def test_a_backup_is_made_on_the_interval_and_only_when_something_has_changed(
    bench: Bench, tmp_path: Path
) -> None:
    assert run_chore(bench) == []
    assert len(backup_names(tmp_path)) == 1
    save(bench, "new")
    run_chore(bench)
    assert len(backup_names(tmp_path)) == 1

    clock_of(bench).at_ms += 25 * HOUR_MS
    run_chore(bench)
    assert len(backup_names(tmp_path)) == 2
    clock_of(bench).at_ms += 25 * HOUR_MS
    run_chore(bench)
    assert len(backup_names(tmp_path)) == 2
    bench.call("runs.progress", id="r1", tokens_used=5)
    run_chore(bench)
    assert len(backup_names(tmp_path)) == 3
    assert [item["reason"] for item in bench.call("backups.list")["items"]] == ["interval"] * 3


def test_the_log_says_that_a_backup_was_automatic(bench: Bench) -> None:
    run_chore(bench)

    action, _name, details = bench.audited()[0]
    assert (action, details["by"], details["reason"]) == ("backup_create", "timer", "interval")


def test_with_an_interval_of_zero_no_backup_is_made(bench: Bench, tmp_path: Path) -> None:
    bench.call("settings.set", key="backup_interval_hours", value=0)

    run_chore(bench)

    assert backup_names(tmp_path) == []


def test_an_untouched_database_is_not_backed_up(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        run_chore(bench)

    assert backup_names(tmp_path) == []


def test_superfluous_backups_are_deleted_only_after_a_new_backup(
    bench: Bench, tmp_path: Path
) -> None:
    for number in range(6):
        clock_of(bench).at_ms += HOUR_MS * 24 * 40
        save(bench, "w1", data=[number])
        run_chore(bench)
    mine = bench.call("backups.create")["name"]
    run_chore(bench)

    assert len(backup_names(tmp_path)) == 3
    assert mine in backup_names(tmp_path)
    clock_of(bench).at_ms += HOUR_MS * 24 * 400
    run_chore(bench)
    assert len(backup_names(tmp_path)) == 3


def test_backups_of_other_databases_in_the_folder_stay(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = Path(bench.call("backups.create")["path"])
    bench.store.db.execute("UPDATE meta SET value = x'11' WHERE key = 'store_id'")
    monkeypatch.setattr(retention, "plan", lambda _now, found, _most: [c.name for c in found])

    run_chore(bench)

    assert backup_names(tmp_path) == [foreign.name]
    assert bench.call("backups.list")["items"][0]["this_database"] is False


def test_a_failing_backup_is_reported_once_and_an_old_newest_backup_with_it(
    bench: Bench, tmp_path: Path
) -> None:
    run_chore(bench)
    (tmp_path / "file").touch()
    bench.call("settings.set", key="backup_directory", value=str(tmp_path / "file" / "inner"))

    assert run_chore(bench) == ["backup_failed", "backup_old"]
    assert run_chore(bench) == []
    bench.call("settings.set", key="backup_directory", value="")
    assert run_chore(bench) == []
    bench.call("settings.set", key="backup_directory", value=str(tmp_path / "file" / "inner"))
    assert run_chore(bench) == ["backup_failed", "backup_old"]


def test_changing_a_setting_of_backups_schedules_the_chore(bench: Bench) -> None:
    class Asked(NoSession):
        def __init__(self) -> None:
            self.scheduled: list[str] = []

        def schedule(self, chore: str, delay_ms: int, *, at_latest: bool = False) -> None:
            del delay_ms, at_latest
            self.scheduled.append(chore)

    bench.context.session = asked = Asked()
    for key, value in (("backup_directory", ""), ("backup_interval_hours", 1)):
        bench.call("settings.set", key=key, value=value)

    assert asked.scheduled == ["backups"]
