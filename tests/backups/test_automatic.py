"""Backups that are made and deleted by themselves."""

from pathlib import Path

import pytest

from sidecar.backups import retention
from tests.backup_kit import HOUR_MS, at, look, names
from tests.harness import Bench, NoSession, open_bench
from tests.workflow_kit import save


def test_it_backs_up_on_the_interval_and_only_when_something_has_changed(
    bench: Bench, tmp_path: Path
) -> None:
    assert look(bench) == []
    assert len(names(tmp_path)) == 1
    save(bench, "new")
    look(bench)
    assert len(names(tmp_path)) == 1

    at(bench).at_ms += 25 * HOUR_MS
    look(bench)
    assert len(names(tmp_path)) == 2
    at(bench).at_ms += 25 * HOUR_MS
    look(bench)
    assert len(names(tmp_path)) == 2
    bench.call("runs.progress", id="r1", tokens_used=5)
    look(bench)
    assert len(names(tmp_path)) == 3
    assert [item["reason"] for item in bench.call("backups.list")["items"]] == ["interval"] * 3


def test_what_it_does_by_itself_is_told_so_in_the_log(bench: Bench) -> None:
    look(bench)

    action, _name, details = bench.audited()[0]
    assert (action, details["by"], details["reason"]) == ("backup_create", "timer", "interval")


def test_an_interval_of_none_makes_none(bench: Bench, tmp_path: Path) -> None:
    bench.call("settings.set", key="backup_interval_hours", value=0)

    look(bench)

    assert names(tmp_path) == []


def test_an_untouched_database_is_not_backed_up(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        look(bench)

    assert names(tmp_path) == []


def test_after_a_backup_superfluous_ones_go_but_only_then(bench: Bench, tmp_path: Path) -> None:
    for number in range(6):
        at(bench).at_ms += HOUR_MS * 24 * 40
        save(bench, "w1", data=[number])
        look(bench)
    mine = bench.call("backups.create")["name"]
    look(bench)

    assert len(names(tmp_path)) == 3
    assert mine in names(tmp_path)
    at(bench).at_ms += HOUR_MS * 24 * 400
    look(bench)
    assert len(names(tmp_path)) == 3


def test_backups_of_other_databases_in_the_folder_stay(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = Path(bench.call("backups.create")["path"])
    bench.store.db.execute("UPDATE meta SET value = x'11' WHERE key = 'store_id'")
    monkeypatch.setattr(retention, "plan", lambda _now, found, _most: [c.name for c in found])

    look(bench)

    assert names(tmp_path) == [foreign.name]
    assert bench.call("backups.list")["items"][0]["this_database"] is False


def test_a_failing_backup_is_told_once_and_its_age_with_it(bench: Bench, tmp_path: Path) -> None:
    look(bench)
    (tmp_path / "file").touch()
    bench.call("settings.set", key="backup_directory", value=str(tmp_path / "file" / "inner"))

    assert look(bench) == ["backup_failed", "backup_old"]
    assert look(bench) == []
    bench.call("settings.set", key="backup_directory", value="")
    assert look(bench) == []
    bench.call("settings.set", key="backup_directory", value=str(tmp_path / "file" / "inner"))
    assert look(bench) == ["backup_failed", "backup_old"]


def test_a_wish_of_the_settings_is_followed_soon(bench: Bench) -> None:
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
