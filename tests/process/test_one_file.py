"""One process a file: another name, a bind mount or a removed lock file makes no second server."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from tests.process.child_process import Child, Message, forked, saving, until
from tests.process.conftest import Spawn

Naming = Callable[[Path, Path], AbstractContextManager[Path]]


@contextmanager
def hard_link(database: Path, other: Path) -> Iterator[Path]:
    """Give the file a second name."""
    os.link(database, other)
    yield other


@contextmanager
def bind_mount(database: Path, other: Path) -> Iterator[Path]:
    """Mount the file at a second place, which needs the right to mount."""
    other.touch()
    mounted = subprocess.run(["mount", "--bind", database, other], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting needs root")
    try:
        yield other
    finally:
        subprocess.run(["umount", "--lazy", other], check=True)


@contextmanager
def linked_folder(database: Path, other: Path) -> Iterator[Path]:
    """Link the folder of the file."""
    other.symlink_to(database.parent)
    yield other / database.name


@contextmanager
def no_lock_file(database: Path, other: Path) -> Iterator[Path]:
    """Remove the lock file and use the same name."""
    del other
    lock = database.with_name(f"{database.name}.lock")
    assert until(lock.exists)  # it may be about to be put back
    lock.unlink()
    yield database


NAMINGS = pytest.mark.parametrize(
    "naming", [hard_link, bind_mount, linked_folder, no_lock_file], ids=lambda each: each.__name__
)


def refusal(child: Child) -> Message:
    """Return what a child that was refused has written to stderr."""
    assert child.wait_exit() == 3
    told: Message = json.loads(child.stderr_text().splitlines()[-1])
    return told


def saved_by(child: Child, count: int) -> set[str]:
    """Save workflows through a child; return the ids that it acknowledged."""
    child.send(b"".join(saving("w", request_id=number) for number in range(count)))
    return {answer["result"]["id"] for answer in child.answers(count)}


def stored_in(database: Path) -> set[str]:
    """Return the ids in a database, as another program reads them."""
    with closing(sqlite3.connect(database)) as db:
        return {row[0] for row in db.execute("SELECT id FROM workflows")}


def warning(child: Child, slug: str) -> Message:
    """Return the next warning of this name."""
    for told in child.notifications:
        if told["method"] == "system.warning" and told["params"]["slug"] == slug:
            found: Message = told["params"]
            return found
    while True:
        params = child.notification("system.warning")
        if params["slug"] == slug:
            return params


@NAMINGS
def test_a_file_that_is_served_is_refused_by_whatever_name(
    naming: Naming, spawn: Spawn, database: Path
) -> None:
    holder = spawn(forked("--database", database))
    acknowledged = saved_by(holder, 5)

    with naming(database, database.parent.parent / "other.db") as name:
        assert refusal(spawn(forked("--database", name), ready=False))["slug"] == "already_running"
        acknowledged |= saved_by(holder, 5)
        assert holder.finish()[1] == 0

    assert stored_in(database) == acknowledged


@pytest.mark.parametrize("act", ["system.compact", "backups.restore"])
def test_a_file_that_took_the_place_of_the_served_one_is_refused_by_whatever_name(
    act: str, spawn: Spawn, database: Path
) -> None:
    holder = spawn(forked("--database", database))
    saved_by(holder, 5)
    params = {} if act == "system.compact" else {"name": holder.result("backups.create")["name"]}
    holder.result(act, params)

    for naming in (hard_link, no_lock_file):
        with naming(database, database.with_name("other.db")) as name:
            second = spawn(forked("--database", name), ready=False)
            assert refusal(second)["slug"] == "already_running"


def test_another_program_that_reads_and_writes_does_not_loosen_the_locks(
    spawn: Spawn, database: Path
) -> None:
    holder = spawn(forked("--database", database))
    saved_by(holder, 1)
    for _time in range(2):
        # The last connection of a file removes its log on closing: this must not be the last.
        with closing(sqlite3.connect(database)) as db, db:
            db.execute("UPDATE settings SET updated_at = updated_at")
        assert database.with_name("sim.db-wal").exists()
        with no_lock_file(database, database) as name:
            second = spawn(forked("--database", name), ready=False)
            assert refusal(second)["slug"] == "already_running"
        saved_by(holder, 1)

    assert holder.result("system.check")["ok"]


def test_a_lock_file_that_was_removed_is_there_again_after_the_next_save(
    spawn: Spawn, database: Path
) -> None:
    holder = spawn(forked("--database", database))
    with no_lock_file(database, database):
        saved_by(holder, 1)

    warning(holder, "lock_removed")
    assert refusal(spawn(forked("--database", database), ready=False))["pid"] == holder.pid
    holder.finish()
    assert not database.with_name("sim.db.lock").exists()


def test_a_second_name_is_reported_while_the_file_is_served_and_at_the_next_start(
    spawn: Spawn, database: Path
) -> None:
    first = spawn(forked("--database", database))
    with hard_link(database, database.with_name("other.db")):
        saved_by(first, 1)
        assert "2 names" in warning(first, "several_names")["detail"]
        first.finish()
        second = spawn(forked("--database", database))
        assert "2 names" in warning(second, "several_names")["detail"]


def test_the_lock_of_the_file_ends_with_its_process(spawn: Spawn, database: Path) -> None:
    first = spawn(forked("--database", database))
    first.process.kill()
    first.wait_exit()

    with no_lock_file(database, database) as name:
        assert "result" in spawn(forked("--database", name)).call("system.ping")
