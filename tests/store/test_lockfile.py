"""The lock file allows one process per database."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.errors import ReadOnly
from sidecar.store.lockfile import AlreadyRunning, DatabaseLock
from tests.store.still_clock import NOW_MS, SteadyClock

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="modes and links of POSIX")

HOLDER = """
import sys
from pathlib import Path
from sidecar.store.lockfile import DatabaseLock
lock = DatabaseLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "sim.db"


def holder_of(database: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"held"
    return process


def test_the_file_says_who_holds_it_and_since_when(database: Path) -> None:
    lock = DatabaseLock(database, SteadyClock())

    lock.acquire()

    assert json.loads(lock.path.read_bytes()) == {"pid": os.getpid(), "started_at": NOW_MS}
    lock.release()


def test_a_second_lock_is_refused_naming_the_holder(database: Path) -> None:
    with holder_of(database) as process:
        with pytest.raises(AlreadyRunning) as refused:
            DatabaseLock(database).acquire()
        process.kill()

    assert refused.value.pid == process.pid


def test_the_lock_dies_with_a_killed_process(database: Path) -> None:
    with holder_of(database) as process:
        process.kill()
    lock = DatabaseLock(database)

    lock.acquire()

    assert json.loads(lock.path.read_bytes())["pid"] == os.getpid()
    lock.release()


def test_a_released_lock_can_be_taken_again_and_released_twice(database: Path) -> None:
    first, second = DatabaseLock(database), DatabaseLock(database)
    first.acquire()
    first.release()
    first.release()

    second.acquire()

    with pytest.raises(AlreadyRunning):
        first.acquire()
    second.release()


@POSIX
def test_a_lock_on_a_removed_file_does_not_count(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The holder removes the file between open() and lock: a third process could lock a new one."""
    held = DatabaseLock(database)
    held.acquire()
    opened = DatabaseLock._open
    waited = DatabaseLock(database)

    def open_then_release(self: DatabaseLock) -> int:
        descriptor = opened(self)
        held.release()
        return descriptor

    monkeypatch.setattr(DatabaseLock, "_open", open_then_release)
    waited.acquire()

    monkeypatch.undo()
    with pytest.raises(AlreadyRunning):
        DatabaseLock(database).acquire()
    waited.release()


@POSIX
def test_the_file_is_private_and_its_descriptor_is_not_inherited(database: Path) -> None:
    lock = DatabaseLock(database)
    old = os.umask(0)
    try:
        lock.acquire()
    finally:
        os.umask(old)

    assert stat.S_IMODE(lock.path.stat().st_mode) == 0o600
    assert lock._descriptor is not None
    assert os.get_inheritable(lock._descriptor) is False
    lock.release()


@POSIX
def test_a_symbolic_link_in_its_place_is_refused_and_not_followed(database: Path) -> None:
    target = database.with_name("precious")
    target.write_text("kept")
    lock = DatabaseLock(database)
    lock.path.symlink_to(target)

    with pytest.raises(ReadOnly):
        lock.acquire()

    assert target.read_text() == "kept"


@pytest.mark.parametrize("content", [b"", b"garbage", b"[]", b'{"pid": "x"}'])
def test_an_unreadable_holder_is_unknown(database: Path, content: bytes) -> None:
    lock = DatabaseLock(database)
    lock.acquire()
    lock.path.write_bytes(content)

    with pytest.raises(AlreadyRunning) as refused:
        DatabaseLock(database).acquire()

    assert refused.value.pid is None
    lock.release()
