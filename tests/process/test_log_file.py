"""The log (`-wal`) of a served database is removed, replaced or cut off by another program.

The process is then killed, and what an independent reader finds is compared with what it had
acknowledged.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sidecar import limits
from tests.process.child_process import Child, forked, request, until
from tests.process.conftest import Spawn
from tests.process.test_one_file import saved_by, stored_in, warning


def log_of(database: Path) -> Path:
    """Return the path of the log."""
    return database.with_name(f"{database.name}-wal")


def unlink(log: Path) -> None:
    """Remove the log."""
    log.unlink()


def replace_by_nothing(log: Path) -> None:
    """Put an empty file in its place."""
    log.unlink()
    log.touch()


def replace_by_copy(log: Path) -> None:
    """Put a copy of it in its place, whose frames are soon out of date."""
    copy = log.with_name("copy")
    shutil.copyfile(log, copy)
    copy.replace(log)


def replace_by_noise(log: Path) -> None:
    """Put a file with other bytes in its place."""
    log.unlink()
    log.write_bytes(os.urandom(50_000))


LOSSES = pytest.mark.parametrize(
    "lose",
    [unlink, replace_by_nothing, replace_by_copy, replace_by_noise],
    ids=lambda each: each.__name__,
)


def kill(child: Child) -> None:
    """Kill the process as a power cut would."""
    child.process.kill()
    child.wait_exit()


@LOSSES
def test_no_acknowledged_save_is_lost_with_a_log_that_was_removed_or_replaced(
    lose: Callable[[Path], None], spawn: Spawn, database: Path
) -> None:
    child = spawn(forked("--database", database))
    acknowledged = saved_by(child, 20)
    lose(log_of(database))
    for _save in range(20):
        acknowledged |= saved_by(child, 1)
    warning(child, "log_replaced")
    kill(child)

    with closing(sqlite3.connect(database)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert stored_in(database) == acknowledged


@LOSSES
def test_a_backup_and_every_read_are_whole_after_the_log_was_removed_or_replaced(
    lose: Callable[[Path], None], spawn: Spawn, database: Path
) -> None:
    child = spawn(forked("--database", database))
    acknowledged = saved_by(child, 20)
    lose(log_of(database))

    # No COMMIT comes before this: the new connection of a long read must notice it by itself.
    assert child.result("system.check", {"full": True})["checked"]["workflows"] == 20
    lose(log_of(database))
    assert child.result("backups.create")["counts"]["workflows"] == 20
    acknowledged |= saved_by(child, 5)
    kill(child)
    assert stored_in(database) == acknowledged


def test_saves_that_meet_a_reader_of_the_lost_log_are_refused_or_kept(
    spawn: Spawn, database: Path, tmp_path: Path
) -> None:
    """A new log needs that nothing reads the old one; what is answered meanwhile is true."""
    child = spawn(forked("--database", database))
    acknowledged = saved_by(child, 200)
    for number in range(10):
        path = str(tmp_path / f"log{number}.jsonl")
        child.send(request("audit.export", {"path": path}, f"export{number}"))
        log_of(database).unlink(missing_ok=True)
        child.send(
            request("workflows.save", {"workflow": {"name": "w", "data": {}}}, f"save{number}")
        )
        for answer in child.answers(2):
            if "error" in answer:
                assert answer["error"]["data"]["slug"] == "database_busy", answer
            elif str(answer["id"]).startswith("save"):
                acknowledged.add(answer["result"]["id"])
    kill(child)

    assert stored_in(database) == acknowledged


@pytest.mark.parametrize("left", [0, 0.5, 0.99])
def test_a_log_that_was_cut_off_destroys_nothing_more_and_a_backup_has_everything(
    left: float, spawn: Spawn, database: Path
) -> None:
    child = spawn(forked("--database", database))
    before = saved_by(child, 5)
    child.result("system.purge")
    acknowledged = before | saved_by(child, 20)
    used_bytes = len(log_of(database).read_bytes().rstrip(b"\0"))  # zeros may follow, for later
    os.truncate(log_of(database), int(used_bytes * left))

    refused = child.call("workflows.save", {"workflow": {"name": "w", "data": {}}})["error"]
    assert (refused["data"]["slug"], refused["data"]["outcome"]) == (
        "database_damaged", "not_applied",
    )  # fmt: skip
    warning(child, "log_cut")
    listed = child.result("workflows.list", {"limit": 100})["items"]
    assert {item["id"] for item in listed} == acknowledged
    backup = child.result("backups.create")
    assert backup["counts"]["workflows"] == len(acknowledged)
    for method in ("system.purge", "runs.prune", "workflows.empty_trash"):
        child.call(method, {})
    child.finish()

    # The file is as it was at the last checkpoint, with the part of the log that is left.
    with closing(sqlite3.connect(database)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert before <= stored_in(database) <= acknowledged
    again = spawn(forked("--database", database))
    again.result("backups.restore", {"name": backup["name"]})
    again.finish()
    assert stored_in(database) == acknowledged


def test_a_checkpoint_by_another_program_is_not_taken_for_a_cut(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(forked("--database", database))
    acknowledged = saved_by(child, 20)
    with closing(sqlite3.connect(database)) as db:
        assert db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)

    acknowledged |= saved_by(child, 1)
    kill(child)
    assert stored_in(database) == acknowledged


def test_the_log_gets_room_soon_after_the_start_and_again_after_a_purge(
    spawn: Spawn, database: Path
) -> None:
    """A killed process leaves it behind, and another program reads what was acknowledged."""
    child = spawn(forked("--database", database))

    def has_room() -> bool:
        return log_of(database).stat().st_size == limits.WAL_ROOM_BYTES

    assert until(has_room)
    acknowledged = saved_by(child, 5)
    assert child.result("system.purge")["purged"]
    assert until(has_room)
    acknowledged |= saved_by(child, 5)
    assert has_room()
    kill(child)

    with closing(sqlite3.connect(database)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert stored_in(database) == acknowledged


def test_a_start_without_the_log_of_a_killed_process_says_so_and_checks(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(forked("--database", database))
    saved_by(child, 20)
    kill(child)
    log_of(database).unlink()

    again = spawn(forked("--database", database))
    assert "may be missing" in warning(again, "log_lost")["detail"]
    assert again.result("system.check")["ok"]
    again.finish()
    third = spawn(forked("--database", database))
    kill(third)
    assert log_of(database).exists()
    fourth = spawn(forked("--database", database))
    assert saved_by(fourth, 1)
    fourth.finish()
    told = [each["params"]["slug"] for each in fourth.notifications if "slug" in each["params"]]
    assert told == []
