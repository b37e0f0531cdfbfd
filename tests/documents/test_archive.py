"""Tests of reading zip archives that are damaged or were made to do harm."""

import io
import re
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import limits
from sidecar.documents.archive import Archive, NotAnArchive, is_archive
from sidecar.documents.files import TooMany
from sidecar.documents.refused import Refused


def packed(*files: tuple[str | zipfile.ZipInfo, bytes], method: int = 8) -> bytes:
    """Return an archive of files; a name may be an entry with attributes of its own."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in files:
            with pytest.warns() if _is_double(archive, name) else _nothing():
                archive.writestr(name, data, method)
    return made.getvalue()


def _is_double(archive: zipfile.ZipFile, name: str | zipfile.ZipInfo) -> bool:
    return name in archive.namelist()


class _nothing:  # noqa: N801 - used as a context manager without a state
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def read_all(data: bytes) -> list[tuple[str, Any]]:
    """Return each file of an archive with its content, or with the reason why it is refused."""
    archive = Archive(io.BytesIO(data))
    found: list[tuple[str, Any]] = []
    for number, name in enumerate(archive.names()):
        try:
            found.append((name, archive.read(number)))
        except Refused as refused:
            found.append((name, refused.reason))
    return found


def entry(name: str, **attributes: Any) -> zipfile.ZipInfo:
    """Return an entry with attributes."""
    made = zipfile.ZipInfo("x")
    made.filename = name
    for attribute, value in attributes.items():
        setattr(made, attribute, value)
    return made


def test_files_come_in_their_order_and_others_are_passed_over() -> None:
    names = ("b.json", "x/a.YML", "README.md", "__MACOSX/b.json", "x/._a.yml", "folder/")

    found = read_all(packed(*((name, name.encode()) for name in names)))

    assert found == [("b.json", b"b.json"), ("x/a.YML", b"x/a.YML")]


def test_an_archive_is_recognised_by_its_bytes() -> None:
    assert is_archive(io.BytesIO(packed(("a.json", b"1"))))
    assert is_archive(io.BytesIO(packed()))
    assert not is_archive(io.BytesIO(b"{}"))


@pytest.mark.parametrize(
    "name",
    ["../a.json", "x/../../a.json", "/etc/a.json", "C:/a.json", "C:a.json", "..\\a.json",
     "\\\\server\\share\\a.json", "n" * 1025 + ".json"],
)  # fmt: skip
def test_a_name_that_leads_out_of_the_archive_is_refused(name: str) -> None:
    ((_, reason),) = read_all(packed((entry(name), b"1")))

    assert reason == "unsafe_name"


def test_a_name_with_nul_is_refused() -> None:
    data = packed(("a_.json", b"1")).replace(b"a_.json", b"a\0.json")

    assert read_all(data) == [("a\0.json", "unsafe_name")]


def test_backslashes_of_windows_are_separators() -> None:
    assert read_all(packed((entry("x\\a.json"), b"1"))) == [("x/a.json", b"1")]


def test_the_first_of_two_files_of_one_name_counts() -> None:
    data = packed(("a.json", b"1"), ("a.json", b"2"))

    assert read_all(data) == [("a.json", b"1"), ("a.json", "duplicate_name")]


def test_a_link_is_refused() -> None:
    link = entry("a.json", external_attr=0o120777 << 16, create_system=3)

    assert read_all(packed((link, b"/etc/passwd"))) == [("a.json", "link")]


def test_what_is_encrypted_or_packed_by_another_method_is_refused() -> None:
    encrypted = bytearray(packed(("a.json", b"1")))
    at = encrypted.index(b"PK\x01\x02")
    encrypted[at + 8] |= 1

    assert read_all(bytes(encrypted)) == [("a.json", "not_unpacked")]
    assert read_all(packed(("a.json", b"1"), method=14)) == [("a.json", "not_unpacked")]


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    data = packed(("bomb.json", b" " * (8 * limits.MIB)), ("a.json", b"1"))

    assert read_all(data) == [("bomb.json", "ratio"), ("a.json", b"1")]


def test_a_bomb_that_lies_about_its_size_is_refused() -> None:
    data = bytearray(packed(("bomb.json", b" " * (8 * limits.MIB))))
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)

    ((_, reason),) = read_all(bytes(data))

    assert reason == "not_unpacked"  # no more than it says is unpacked, and its check sum is wrong


def test_a_file_that_is_too_large_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IMPORT_FILE_MAX_BYTES", 100)

    assert read_all(packed(("a.json", bytes(range(101))), ("b.json", bytes(100)))) == [
        ("a.json", "too_large"), ("b.json", bytes(100)),
    ]  # fmt: skip


def test_no_more_than_a_limit_is_unpacked_of_one_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IMPORT_UNPACKED_MAX_BYTES", 250)

    found = read_all(packed(*((f"{n}.json", bytes(100)) for n in range(4))))

    assert [reason for _, reason in found] == [bytes(100)] * 2 + ["too_large"] * 2


def test_what_was_unpacked_in_vain_counts_towards_the_limit_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "IMPORT_UNPACKED_MAX_BYTES", 250)
    data = bytearray(packed(*((f"{n}.json", bytes(100)) for n in range(4))))
    for at in (match.start() for match in re.finditer(b"PK\x01\x02", bytes(data))):
        data[at + 16] ^= 1  # of the check sum

    found = read_all(bytes(data))

    assert [reason for _, reason in found] == ["not_unpacked"] * 2 + ["too_large"] * 2


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IMPORT_FILES_MAX", 2)

    with pytest.raises(TooMany):
        read_all(packed(*((f"{n}.json", b"1") for n in range(3))))


def test_a_directory_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IMPORT_DIRECTORY_MAX_BYTES", 70_000)

    with pytest.raises(TooMany):
        read_all(packed(*((f"{n}{'n' * 100}.md", b"1") for n in range(600))))


def test_a_file_that_is_damaged_is_refused_alone() -> None:
    data = bytearray(packed(("a.json", b"one"), ("b.json", b"two"), method=0))
    data[data.index(b"one")] ^= 1

    assert read_all(bytes(data)) == [("a.json", "not_unpacked"), ("b.json", b"two")]


SOUND = packed(("a.json", b"[1]" * 50), ("x/b.yml", b"a: 1"))


@given(st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)), max_size=8))
def test_an_archive_with_any_wrong_bytes_is_refused_in_whole_or_in_part(
    changes: list[tuple[int, int]],
) -> None:
    data = bytearray(SOUND)
    for at, value in changes:
        data[at] = value

    try:
        found = read_all(bytes(data))
    except (NotAnArchive, TooMany):
        return
    assert len(found) <= 2


@pytest.mark.parametrize("size", range(0, len(SOUND), 7))
def test_an_archive_that_is_cut_off_is_refused(size: int) -> None:
    with pytest.raises(NotAnArchive):
        read_all(SOUND[:size])


def test_nothing_is_written_beside_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "in" / "a.zip"
    path.parent.mkdir()
    path.write_bytes(packed(("a.json", b"1"), (entry("../b.json"), b"1")))

    with path.open("rb") as file:
        archive = Archive(file)
        assert archive.read(0) == b"1"

    assert list(tmp_path.rglob("*.json")) == []
