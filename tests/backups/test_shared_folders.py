"""Tests of names in folders that other programs, databases and drives share with this one."""

import os
from pathlib import Path

import pytest

from sidecar.archive.write import publish_backup
from sidecar.backups import create
from sidecar.backups.marker import MARKER
from sidecar.errors import InvalidParams, ReadOnly
from sidecar.store import meta
from tests.harness import Bench, open_bench
from tests.made_workflows import save
from tests.unpacked_backups import HOUR_MS, backup_names, clock_of, run_chore

# --- partial files ----------------------------------------------------------------------------


def test_partial_files_of_others_are_never_removed(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    own = meta.store_id(bench.store.db).hex()
    name = "sim_backup_20200101_000000.db.zst"
    stale = folder / f"{name}.{own}.partial"
    others = {
        folder / f"{name}.partial",
        folder / f"{name}.{'cd' * 16}.partial",
        folder / f"download.zip.{own}.partial",
        folder / "film.mkv.partial",
    }
    for path in (stale, *others):
        path.write_text("half")
        os.utime(path, (1, 1))
    in_use = folder / f"sim_backup_20200101_000001.db.zst.{own}.partial"
    in_use.write_text("another process serves a copy of this database and writes this")

    bench.call("backups.create")

    assert set(folder.glob("*.partial")) == {*others, in_use}


def test_a_name_that_another_process_takes_meanwhile_is_left_to_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_of(bench).step_ms = 0
    taken: list[Path] = []

    def be_slower(partial: Path, target: Path) -> None:
        if not taken:
            taken.append(target)
            target.write_text("of another process")
        publish_backup(partial, target)

    monkeypatch.setattr(create, "publish_backup", be_slower)

    made = bench.call("backups.create")

    assert taken[0].read_text() == "of another process"
    assert made["path"] == str(taken[0]).replace(".db.zst", "_2.db.zst")
    assert bench.call("backups.verify", name=made["name"])["ok"]
    assert [name for action, name, _ in bench.audited() if action == "backup_create"] == [
        made["name"]
    ]


# --- names of the database's own files --------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "test.db.swap",
        "test.db-journal",
        "test.db-wal",
        "test.db.lock",
        "test.db.scratch",
        "TEST.DB.SWAP",
        "test.db.staged",
        "test.db.scratch/log.jsonl",
        "test.db.of-a-later-version",
    ],
)
def test_nothing_is_exported_onto_a_name_of_the_databases_own_files(
    bench: Bench, tmp_path: Path, name: str
) -> None:
    with pytest.raises(InvalidParams) as caught:
        bench.call("audit.export", path=str(tmp_path / name))

    assert "belong to the database" in caught.value.message
    with pytest.raises(InvalidParams):
        bench.call("settings.set", key="backup_directory", value=str(tmp_path / name))


def test_own_names_are_found_through_a_link_to_the_folder(bench: Bench, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path, target_is_directory=True)

    with pytest.raises(InvalidParams):
        bench.call("audit.export", path=str(link / "test.db.swap"))

    assert bench.call("audit.export", path=str(link / "test.dbx.jsonl"))["audit_entries"] > 0


# --- a drive that is not mounted --------------------------------------------------------------


@pytest.fixture
def drive(bench: Bench, tmp_path: Path) -> Path:
    """Return a folder of backups that a setting names, with one backup in it."""
    folder = tmp_path / "drive" / "backups"
    bench.call("settings.set", key="backup_directory", value=str(folder))
    run_chore(bench)
    assert (folder / MARKER).is_file()
    return folder


def unmount(folder: Path) -> None:
    """Put an empty folder where the drive was."""
    folder.parent.rename(folder.parent.with_name("unmounted"))
    folder.mkdir(parents=True)


def change_and_wait(bench: Bench) -> list[str]:
    """Let an automatic backup become due and run; return the warnings."""
    save(bench, "new", data={"at": clock_of(bench).at_ms})
    clock_of(bench).at_ms += 25 * HOUR_MS
    bench.told.clear()
    run_chore(bench)
    return [str(each) for each in bench.told if getattr(each, "slug", None) == "backup_failed"]


def test_a_folder_that_has_lost_its_marker_is_not_written_to_but_warned_of(
    bench: Bench, drive: Path
) -> None:
    unmount(drive)

    warnings = change_and_wait(bench)

    assert len(warnings) == 1
    assert MARKER in warnings[0]
    assert list(drive.iterdir()) == []


def test_with_its_marker_again_the_folder_is_used_again(bench: Bench, drive: Path) -> None:
    unmount(drive)
    change_and_wait(bench)
    drive.rmdir()
    drive.parent.rmdir()
    drive.parent.with_name("unmounted").rename(drive.parent)

    assert change_and_wait(bench) == []
    assert len(list(drive.glob("*.zst"))) == 2


def test_a_person_is_refused_once_and_then_marks_the_folder_again(
    bench: Bench, drive: Path
) -> None:
    unmount(drive)
    change_and_wait(bench)
    bench.refused(ReadOnly, "backups.create")
    assert list(drive.iterdir()) == []

    bench.call("backups.create")

    assert (drive / MARKER).is_file()
    assert change_and_wait(bench) == []


def test_setting_the_folder_marks_it_again(bench: Bench, drive: Path) -> None:
    unmount(drive)
    bench.call("settings.set", key="backup_directory", value=str(drive))

    assert change_and_wait(bench) == []
    assert (drive / MARKER).is_file()


def test_a_restore_does_not_forget_that_a_folder_was_marked(bench: Bench, tmp_path: Path) -> None:
    name = bench.call("backups.create")["path"]
    folder = tmp_path / "drive" / "backups"
    bench.call("settings.set", key="backup_directory", value=str(folder))
    bench.call("backups.restore", path=name)
    unmount(folder)

    assert len(change_and_wait(bench)) == 1
    assert list(folder.iterdir()) == []


def test_the_folder_beside_the_database_needs_no_marker(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        save(bench, "w")
        bench.call("backups.create")
        for path in (tmp_path / "backups").iterdir():
            path.unlink()
        (tmp_path / "backups").rmdir()
        bench.call("backups.create")

    assert len(backup_names(tmp_path)) == 1


def test_a_setting_with_a_path_of_another_system_means_the_usual_folder(
    bench: Bench, tmp_path: Path
) -> None:
    with bench.store.writing() as db:
        db.execute(
            "UPDATE settings SET value = ? WHERE key = 'backup_directory'", ('"D:\\\\backups"',)
        )

    made = Path(bench.call("backups.create")["path"])

    assert made.parent == tmp_path / "backups"
    assert bench.call("backups.verify", name=made.name)["ok"]
