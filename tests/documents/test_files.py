"""Tests of finding and reading files: links, folders, names and what is no file."""

import os
import sys
from pathlib import Path

import pytest

from sidecar import limits
from sidecar.documents import files
from sidecar.documents.places import of_path
from sidecar.documents.refused import Refused

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs links and pipes")


def read_all(folder: Path) -> list[tuple[str, bytes | str]]:
    """Return each file of a path with its content, or with the reason why it is refused."""
    found: list[tuple[str, bytes | str]] = []
    with of_path(folder, frozenset()) as places:
        for place in places.found:
            try:
                found.append((place.name, place.read()))
            except Refused as refused:
                found.append((place.name, refused.reason))
    return found


def test_files_come_in_order_folder_by_folder(tmp_path: Path) -> None:
    for name in ("b/2.json", "b/1.yaml", "a/x/3.yml", "z.JSON", "c.asl", "a.txt", "._z.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)

    names = [name for name, _ in read_all(tmp_path)]

    assert names == ["c.asl", "z.JSON", "a/x/3.yml", "b/1.yaml", "b/2.json"]


def test_one_file_comes_in_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "flow.txt").write_text("{}")

    assert read_all(tmp_path / "flow.txt") == [("flow.txt", b"{}")]


@posix
def test_no_link_is_followed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    outside.mkdir()
    (outside / "a.json").write_text("{}")
    (folder / "file.json").symlink_to(outside / "a.json")
    (folder / "folder").symlink_to(outside)
    (folder / "gone.json").symlink_to(outside / "gone")
    (folder / "itself").symlink_to(folder)

    assert read_all(folder) == [("file.json", "link"), ("gone.json", "link")]


@posix
def test_what_is_no_ordinary_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()

    assert read_all(tmp_path) == [("pipe.json", "not_a_file")]


@posix
@pytest.mark.skipif(sys.platform != "win32" and os.geteuid() == 0, reason="root reads everything")
def test_what_cannot_be_read_is_refused_alone(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "b.json").write_text("{}")
    (tmp_path / "a.json").chmod(0)

    assert read_all(tmp_path) == [("a.json", "unreadable"), ("b.json", b"{}")]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_no_text_is_read_and_shown_as_text(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/\xff.json", "wb") as file:  # noqa: PTH123
        file.write(b"{}")

    assert read_all(tmp_path) == [("\ufffd.json", b"{}")]


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IMPORT_FILE_MAX_BYTES", 3)
    (tmp_path / "a.json").write_text("1234")
    (tmp_path / "b.json").write_text("123")

    assert read_all(tmp_path) == [("a.json", "too_large"), ("b.json", b"123")]


def test_folders_that_are_too_deep_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IMPORT_FOLDERS_DEEP_MAX", 2)
    for inside in ("", "1", "1/2", "1/2/3"):
        (tmp_path / inside).mkdir(exist_ok=True)
        (tmp_path / inside / "a.json").write_text("{}")

    assert [name for name, _ in read_all(tmp_path)] == ["a.json", "1/a.json", "1/2/a.json"]


def test_a_file_of_the_database_is_refused_by_any_name(tmp_path: Path) -> None:
    database = tmp_path / "sim.db"
    database.write_bytes(b"")
    (tmp_path / "sim.db-wal").write_bytes(b"")
    os.link(tmp_path / "sim.db-wal", tmp_path / "other.json")

    forbidden = files.belonging_to(database)

    for name in ("sim.db", "sim.db-wal", "other.json"):
        with pytest.raises(Refused, match="not_a_file"):
            files.read(tmp_path / name, forbidden)
