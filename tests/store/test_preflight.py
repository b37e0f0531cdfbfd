"""What preflight finds out about a path before SQLite opens it."""

import os
import struct
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from sidecar.errors import (
    DatabaseDamaged,
    NewerSchema,
    NotOurs,
    ReadOnly,
    RecoveryRequired,
    SidecarError,
)
from sidecar.limits import APPLICATION_ID
from sidecar.store.preflight import Examined, Finding, examine
from tests.store import legacy_files
from tests.store.still_clock import folder_hashes

KNOWN_VERSION = 1
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="owners and links of POSIX")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sim.db"


def make(path: Path, *, application_id: int = APPLICATION_ID, version: int = 1) -> Path:
    """Write a small database with a table and some pages."""
    db = apsw.Connection(str(path))
    db.execute(f"PRAGMA application_id = {application_id}").fetchall()
    db.execute(f"PRAGMA user_version = {version}").fetchall()
    db.execute("CREATE TABLE t (x)")
    db.execute("INSERT INTO t VALUES (randomblob(20000))")
    db.close()
    return path


def patch(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def test_a_missing_file_is_new_and_its_folder_is_made_private(path: Path) -> None:
    below = path.parent / "a" / "sim.db"

    examined = examine(below, KNOWN_VERSION)

    assert examined == Examined(Finding.NEW, 0)
    assert list(below.parent.iterdir()) == []
    if sys.platform != "win32":
        assert below.parent.stat().st_mode & 0o777 == 0o700


def test_an_empty_file_with_nothing_beside_it_is_new(path: Path) -> None:
    path.touch()

    assert examine(path, KNOWN_VERSION) == Examined(Finding.NEW, 0)


def test_our_file_may_be_opened(path: Path) -> None:
    assert examine(make(path), KNOWN_VERSION) == Examined(Finding.OPEN, 1)


def test_a_file_without_marks_is_a_candidate(path: Path) -> None:
    assert examine(legacy_files.build(path), KNOWN_VERSION) == Examined(Finding.CANDIDATE, 0)


@pytest.mark.parametrize("suffix", ["-wal", "-journal", ".swap", ".known", ".before-v1"])
@pytest.mark.parametrize("content", [None, b"", b"SQLite"])
def test_a_lost_file_is_not_created_again(path: Path, suffix: str, content: bytes | None) -> None:
    path.with_name(path.name + suffix).write_bytes(b"x")
    if content is not None:
        path.write_bytes(content)
    before = folder_hashes(path.parent)

    with pytest.raises(RecoveryRequired):
        examine(path, KNOWN_VERSION)

    assert folder_hashes(path.parent) == before


def not_sqlite(path: Path) -> None:
    path.write_bytes(b"a letter to a friend" * 100)


def short_text(path: Path) -> None:
    path.write_bytes(b"hello")


def foreign(path: Path) -> None:
    make(path, application_id=77)


def versioned(path: Path) -> None:
    make(path, application_id=0, version=3)


def newer(path: Path) -> None:
    make(path, version=2)


def newer_format(path: Path) -> None:
    patch(make(path), 18, b"\x09\x09")


def no_version(path: Path) -> None:
    make(path, version=0)


def cut_within_a_page(path: Path) -> None:
    os.truncate(make(path), path.stat().st_size - 100)


def cut_by_a_page(path: Path) -> None:
    os.truncate(make(path), path.stat().st_size - 4096)


def cut_below_a_page(path: Path) -> None:
    os.truncate(make(path), 1000)


def odd_page_size(path: Path) -> None:
    patch(make(path), 16, struct.pack(">H", 1000))


def first_page_lost(path: Path) -> None:
    patch(make(path), 0, bytes(4096))
    path.with_name(path.name + ".known").touch()


def a_folder(path: Path) -> None:
    path.mkdir()
    path.joinpath("x").touch()


@pytest.mark.parametrize(
    ("build", "error"),
    [
        (not_sqlite, NotOurs),
        (short_text, NotOurs),
        (foreign, NotOurs),
        (versioned, NotOurs),
        (newer, NewerSchema),
        (newer_format, NewerSchema),
        (no_version, DatabaseDamaged),
        (cut_within_a_page, RecoveryRequired),
        (cut_by_a_page, RecoveryRequired),
        (cut_below_a_page, RecoveryRequired),
        (odd_page_size, DatabaseDamaged),
        (first_page_lost, DatabaseDamaged),
    ],
)
def test_a_file_that_is_refused_is_untouched(
    path: Path, build: object, error: type[SidecarError]
) -> None:
    assert callable(build)
    build(path)
    before = folder_hashes(path.parent)

    with pytest.raises(error):
        examine(path, KNOWN_VERSION)

    assert folder_hashes(path.parent) == before


def test_a_newer_version_says_which(path: Path) -> None:
    with pytest.raises(NewerSchema) as refused:
        examine(make(path, version=9), KNOWN_VERSION)

    assert (refused.value.data["found"], refused.value.data["known"]) == (9, 1)


@pytest.mark.parametrize(
    ("beside", "hint"),
    [
        (["sim.db.before-v2"], "back to sim.db.before-v2, the copy of version 1"),
        (["sim.db.before-v3", "sim.db.before-v2x"], "restore a backup of version 1 or older"),
        ([], "restore a backup of version 1 or older"),
    ],
)
def test_a_newer_version_tells_the_way_back(path: Path, beside: list[str], hint: str) -> None:
    newer(path)
    for name in beside:
        path.with_name(name).touch()

    with pytest.raises(NewerSchema) as refused:
        examine(path, KNOWN_VERSION)

    assert hint in str(refused.value.data["hint"])


def test_a_folder_in_its_place_is_not_ours(path: Path) -> None:
    path.mkdir()

    with pytest.raises(NotOurs):
        examine(path, KNOWN_VERSION)


def copy_with_hot_wal(path: Path, statement: str) -> Path:
    """Write a database with a WAL that holds `statement`, as a killed process leaves it."""
    source = make(path.with_name("source.db"))
    db = apsw.Connection(str(source))
    db.execute("PRAGMA journal_mode = WAL").fetchall()
    db.execute(statement).fetchall()
    for suffix in ("", "-wal"):
        found = source.with_name(source.name + suffix)
        path.with_name(path.name + suffix).write_bytes(found.read_bytes())
    db.close()
    source.unlink()
    return path


def test_a_newer_version_that_is_still_in_the_wal_is_seen(path: Path) -> None:
    copy_with_hot_wal(path, "PRAGMA user_version = 5")
    before = folder_hashes(path.parent)

    with pytest.raises(NewerSchema):
        examine(path, KNOWN_VERSION)

    assert folder_hashes(path.parent) == before


def test_an_uncommitted_version_in_the_wal_is_not_believed(path: Path) -> None:
    copy_with_hot_wal(path, "PRAGMA user_version = 5")
    wal = path.with_name(path.name + "-wal")
    patch(wal, 32 + 4, struct.pack(">I", 0))

    assert examine(path, KNOWN_VERSION) == Examined(Finding.OPEN, 1)


def test_frames_of_an_older_wal_are_not_believed(path: Path) -> None:
    copy_with_hot_wal(path, "PRAGMA user_version = 5")
    patch(path.with_name(path.name + "-wal"), 32 + 8, b"\0" * 8)

    assert examine(path, KNOWN_VERSION) == Examined(Finding.OPEN, 1)


@POSIX
def test_a_symbolic_link_is_refused(path: Path) -> None:
    path.symlink_to(make(path.with_name("real.db")))

    with pytest.raises(ReadOnly, match="symbolic link"):
        examine(path, KNOWN_VERSION)


@POSIX
def test_somebody_elses_file_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(path)
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)

    with pytest.raises(ReadOnly, match="another user"):
        examine(path, KNOWN_VERSION)


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of a user to whom permissions apply: this one, or `nobody` when this one is root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = os.geteuid() == 0
        nobody = 65534
        if root:
            os.chown(folder, nobody, -1)
            os.seteuid(nobody)
        try:
            yield folder
        finally:
            folder.chmod(0o700)
            if root:
                os.seteuid(0)


@POSIX
def test_a_folder_that_cannot_be_written_is_named(unprivileged: Path) -> None:
    path = make(unprivileged / "sim.db")
    unprivileged.chmod(0o500)

    with pytest.raises(ReadOnly, match=str(unprivileged)):
        examine(path, KNOWN_VERSION)


@POSIX
@pytest.mark.parametrize("mode", [0o400, 0o000])
def test_a_file_that_cannot_be_written_is_refused(unprivileged: Path, mode: int) -> None:
    path = make(unprivileged / "sim.db")
    path.chmod(mode)

    with pytest.raises(ReadOnly, match=str(unprivileged)):
        examine(path, KNOWN_VERSION)
