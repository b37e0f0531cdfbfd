"""Tests of the folder of backups: where it is, what is listed and what is deleted."""

import json
from pathlib import Path

import pytest

from sidecar.errors import (
    InvalidParams,
    NotFound,
    ReadOnly,
)
from tests.harness import Bench
from tests.unpacked_backups import backup_names


def test_backups_go_where_the_setting_says(bench: Bench, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else where"
    bench.call("settings.set", key="backup_directory", value=str(elsewhere))

    path = Path(bench.call("backups.create")["path"])

    assert path.parent == elsewhere
    assert [item["path"] for item in bench.call("backups.list")["items"]] == [str(path)]


@pytest.mark.parametrize("value", ["relative/folder", 7, None, "\0"])
def test_a_folder_that_is_no_absolute_path_is_refused(bench: Bench, value: object) -> None:
    with pytest.raises(InvalidParams):
        bench.call_json(
            "settings.set", json.dumps({"key": "backup_directory", "value": value}).encode()
        )


def test_a_folder_that_cannot_be_made_is_reported(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bench.call("settings.set", key="backup_directory", value=str(tmp_path / "file" / "inner"))

    with pytest.raises(ReadOnly):
        bench.call("backups.create")


def test_only_whole_backups_are_listed(bench: Bench, tmp_path: Path) -> None:
    sound = Path(bench.call("backups.create")["path"])
    folder = tmp_path / "backups"
    content = sound.read_bytes()
    for name, wrong in {
        "sim_backup_20200101_000000.db.zst": b"",
        "sim_backup_20200101_000001.db.zst": content[:-1],
        "sim_backup_20200101_000002.db.zst": content[:9000],
        "notes.txt": b"mine",
        "other.db.zst": content,
    }.items():
        (folder / name).write_bytes(wrong)
    (folder / "sim_backup_20200101_000003.db.zst").mkdir()

    assert [item["name"] for item in bench.call("backups.list")["items"]] == [sound.name]


def test_a_deleted_backup_is_gone(bench: Bench, tmp_path: Path) -> None:
    name = bench.call("backups.create")["name"]

    bench.call("backups.delete", name=name)

    assert backup_names(tmp_path) == []
    with pytest.raises(NotFound):
        bench.call("backups.delete", name=name)


@pytest.mark.parametrize("name", ["../test.db", "test.db", "", "sim_backup_1.db.zst", "a\0b"])
def test_a_name_cannot_lead_out_of_the_folder(bench: Bench, tmp_path: Path, name: str) -> None:
    bench.call("backups.create")

    with pytest.raises(NotFound):
        bench.call("backups.delete", name=name)

    assert (tmp_path / "test.db").exists()
