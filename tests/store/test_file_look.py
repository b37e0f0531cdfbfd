"""Tests that a look at a file, by either call, sees what `os.stat` says, and misses nothing."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sidecar.store.file_look import FileLook, FileLooker, find_statx


def seen(path: Path) -> FileLook:
    found = path.stat()
    return FileLook((found.st_dev, found.st_ino), found.st_size)


@pytest.mark.parametrize("statx", [find_statx(), None], ids=["statx", "stat"])
def test_a_look_at_the_log_sees_that_it_grows_is_cut_off_replaced_and_removed(
    statx: Callable[[Any], int] | None, tmp_path: Path
) -> None:
    path = tmp_path / "größe und Lücke.db-wal"
    looker = FileLooker(path, statx)
    with pytest.raises(FileNotFoundError):
        looker.look()
    path.write_bytes(b"x" * 5000)
    first = looker.look()
    assert first == seen(path)
    os.truncate(path, 10)
    assert looker.look() == FileLook(first.identity, 10) == seen(path)
    other = tmp_path / "other"
    other.write_bytes(b"y" * 20)
    other.replace(path)
    assert looker.look() == seen(path)
    assert looker.look().identity != first.identity
    path.unlink()
    with pytest.raises(FileNotFoundError):
        looker.look()


@pytest.mark.parametrize("statx", [find_statx(), None], ids=["statx", "stat"])
def test_a_look_takes_sizes_past_32_bits(
    statx: Callable[[Any], int] | None, tmp_path: Path
) -> None:
    path = tmp_path / "large"
    path.touch()
    os.truncate(path, 5 * 2**30)

    assert FileLooker(path, statx).look() == seen(path)


@pytest.mark.skipif(sys.platform != "linux", reason="statx is of Linux")
def test_on_linux_the_times_are_not_asked_for() -> None:
    assert find_statx() is not None
