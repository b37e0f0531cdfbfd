"""Tests of the start: the first line, failures, one process per database, and unchanged files."""

import hashlib
import json
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sidecar import limits
from sidecar.cli.doctor_checks import leftovers
from sidecar.ephemeral import EphemeralFolder
from sidecar.notifications import SystemReady
from sidecar.schema_hash import SCHEMA_HASH
from tests.described_errors import assert_start_failed
from tests.process.child_process import (
    Child,
    environment,
    misbehaving,
    notice,
    product,
    request,
    saving,
    until,
)
from tests.process.conftest import Spawn
from tests.promptness import within

pytestmark = pytest.mark.usefixtures("usual_limits")


def refusal(child: Child) -> dict[str, Any]:
    """Return the JSON line of a start that failed, which writes nothing to stdout."""
    assert child.rest() == []
    lines = child.stderr_text().splitlines()
    assert len(lines) == 1, lines
    told: dict[str, Any] = json.loads(lines[0])
    assert_start_failed(told)
    assert told["exit_code"] == child.process.returncode
    return told


# --- 20: the first line -----------------------------------------------------------------------


def test_stdio_20_the_first_line_is_ready_with_all_that_a_client_needs(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    with within(1.0):
        child = spawn(product("--database", database, *half))

    ready = msgspec.convert(child.ready, SystemReady)
    assert child.ready.keys() == {field.name for field in msgspec.structs.fields(SystemReady)}
    assert ready.pid == child.pid
    assert ready.database == str(database)
    assert ready.limits == limits.PUBLISHED
    assert ready.protocol_version == limits.PROTOCOL_VERSION
    assert ready.schema_hash == SCHEMA_HASH
    assert ready.migrated_from is None
    assert ready.head is not None
    assert ready.head.seq == 0


def test_stdio_20_nothing_is_refused_for_lack_of_a_handshake(spawn: Spawn, database: Path) -> None:
    child = spawn(product("--database", database), ready=False)
    child.send(request("workflows.list"))
    assert child.answer()["result"]["items"] == []
    assert child.notifications[0]["method"] == "system.ready"


def test_the_first_answer_costs_no_heavy_import(spawn: Spawn, database: Path) -> None:
    argv = product("--database", database)
    child = spawn([argv[0], "-X", "importtime", *argv[1:]])
    child.result("workflows.save", {"workflow": {"name": "x", "data": {}}})
    child.result("workflows.list")
    child.finish()
    loaded = {line.rpartition("|")[2].strip() for line in child.stderr_text().splitlines()}

    assert "sidecar.app" in loaded
    heavy = {
        "jsonrpcserver",
        "asyncio",
        "jsonschema",
        "cryptography",
        "rich",
        "zstandard",
        "inspect",
    }
    assert not loaded & heavy
    assert not loaded & {"sidecar.cli", "sidecar.describe", "subprocess", "socket"}


def test_jsonrpcserver_is_loaded_when_a_line_first_needs_it(spawn: Spawn, database: Path) -> None:
    child = spawn(misbehaving("--database", database))
    child.result("system.ping")
    before = child.result("test.modules")
    child.send(b"[]\n[1]\n")
    child.answers(2)

    assert "jsonrpcserver" not in before
    assert "jsonrpcserver" in child.result("test.modules")


# --- 20: starts that fail ---------------------------------------------------------------------


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE notes (text TEXT)")
        db.execute("INSERT INTO notes VALUES ('mine')")
        db.commit()


def not_sqlite(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 1000)


def ours(path: Path) -> None:
    child = Child(product("--database", path)).wait_ready()
    child.finish()
    child.close()


def newer(path: Path) -> None:
    ours(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 9999")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


REFUSED = {
    "foreign": (foreign, 4, "not_ours"),
    "not SQLite": (not_sqlite, 4, "not_ours"),
    "newer": (newer, 5, "newer_schema"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_stdio_20_a_file_that_cannot_be_served_is_refused_untouched(
    kind: str, spawn: Spawn, tmp_path: Path
) -> None:
    make, exit_code, slug = REFUSED[kind]
    path = tmp_path / "sim.db"
    make(path)
    before = {each.name: hashlib.sha256(each.read_bytes()).digest() for each in tmp_path.iterdir()}

    child = spawn(product("--database", path), ready=False)

    assert child.wait_exit() == exit_code
    assert refusal(child)["slug"] == slug
    after = {each.name: hashlib.sha256(each.read_bytes()).digest() for each in tmp_path.iterdir()}
    assert before == after


def test_stdio_20_a_folder_in_the_databases_place_is_refused(spawn: Spawn, tmp_path: Path) -> None:
    (tmp_path / "sim.db").mkdir()
    child = spawn(product("--database", tmp_path / "sim.db"), ready=False)

    assert child.wait_exit() in {4, 7}
    refusal(child)


def test_stdio_20_a_place_that_cannot_be_written_is_refused(spawn: Spawn, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    child = spawn(product("--database", tmp_path / "file" / "sim.db"), ready=False)

    assert child.wait_exit() == 7
    refusal(child)


def test_stdio_20_a_log_file_that_cannot_be_opened_is_refused(spawn: Spawn, database: Path) -> None:
    child = spawn(product("--database", database, "--log-file", "/no/such/log"), ready=False)

    assert child.wait_exit() == 7
    assert refusal(child)["slug"] == "storage_failed"
    assert not database.exists()


@pytest.mark.parametrize(
    "options",
    [
        ["--no-such"],
        ["--parent-pid", "0"],
        ["--parent-pid", "x"],
        ["--database", "a", "--ephemeral"],
    ],
)
def test_wrong_usage_ends_with_two_and_says_why(options: list[str], spawn: Spawn) -> None:
    child = spawn(product(*options), ready=False)

    assert child.wait_exit() == 2
    assert child.rest() == []
    assert "usage" in child.stderr_text()


def test_version_is_told_without_serving(spawn: Spawn) -> None:
    child = spawn([sys.executable, "-m", "sidecar", "--version"], ready=False)

    assert child.wait_exit() == 0
    assert child.rest()[0].startswith(b"sim-sidecar ")


# --- 19: one process per database -------------------------------------------------------------


def test_stdio_19_a_second_process_is_refused_and_told_who_holds_the_database(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    holder = spawn(product("--database", database, *half))
    second = spawn(product("--database", database, *half), ready=False)

    assert second.wait_exit() == 3
    told = refusal(second)
    assert told["slug"] == "already_running"
    assert told["pid"] == holder.pid
    assert "result" in holder.call("system.ping")


def kill(child: Child) -> None:
    child.signal(signal.SIGKILL)


def end(child: Child) -> None:
    child.close_stdin()


@pytest.mark.parametrize("stop", [kill, end])
def test_stdio_19_the_lock_ends_with_its_process(
    stop: Callable[[Child], None], spawn: Spawn, database: Path
) -> None:
    first = spawn(product("--database", database))
    stop(first)
    first.wait_exit()

    again = spawn(product("--database", database))
    assert "result" in again.call("system.ping")


# --- ephemeral, and other options -------------------------------------------------------------


def test_an_ephemeral_process_leaves_nothing(half: list[str], spawn: Spawn, tmp_path: Path) -> None:
    env = environment(TMPDIR=str(tmp_path))
    child = spawn(product("--ephemeral", *half), env=env)
    child.result("workflows.save", {"workflow": {"name": "x", "data": {}}})
    assert Path(child.ready["database"]).stat().st_mode & 0o077 == 0
    assert Path(child.ready["database"]).parent.stat().st_mode & 0o077 == 0

    assert child.finish()[1] == 0
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_ephemeral_process_left_is_found_and_goes_with_the_next_start(
    spawn: Spawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    env = environment(TMPDIR=str(tmp_path))
    alive = spawn(product("--ephemeral"), env=env)
    killed = spawn(product("--ephemeral"), env=env)
    kill(killed)
    killed.wait_exit()
    assert {each.suffix for each in tmp_path.iterdir()} == {"", ".lock"}
    assert len(list(tmp_path.iterdir())) == 4
    found = leftovers(tmp_path / "none.db")
    assert (found.state, found.detail) == ("warn", str(Path(killed.ready["database"]).parent))

    third = spawn(product("--ephemeral"), env=env)

    left = {Path(each.ready["database"]).parent for each in (alive, third)}
    assert set(tmp_path.iterdir()) == left | {each.with_suffix(".lock") for each in left}
    assert "result" in alive.call("workflows.list")
    for child in (alive, third):
        assert child.finish()[1] == 0
    assert list(tmp_path.iterdir()) == []


def test_an_ephemeral_folder_whose_database_is_not_served_yet_is_left_alone(
    spawn: Spawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with EphemeralFolder() as folder:
        (folder / "sim.db").write_bytes(b"half of a copy")
        other = spawn(product("--ephemeral"), env=environment(TMPDIR=str(tmp_path)))
        assert other.finish()[1] == 0
        assert (folder / "sim.db").read_bytes() == b"half of a copy"

    assert list(tmp_path.iterdir()) == []


def test_serving_is_what_happens_without_a_word(spawn: Spawn, tmp_path: Path) -> None:
    path = tmp_path / "named" / "by-variable.db"
    env = environment(SIM_SIDECAR_DATABASE=str(path))
    child = spawn([sys.executable, "-m", "sidecar"], env=env)

    assert child.ready["database"] == str(path)
    assert child.finish()[1] == 0


def test_no_events_are_sent_until_they_are_asked_for(spawn: Spawn, database: Path) -> None:
    child = spawn(product("--database", database, "--no-events"))
    child.send(saving("silent") + request("system.ping", request_id=2))
    assert [each["id"] for each in child.answers(2)] == [1, 2]
    child.result("system.ping")
    assert child.notifications == []

    child.result("audit.subscribe", {"after": 0})
    assert child.notification("audit.event")["seq"] == 1


def test_failures_of_notifications_go_to_the_log_file(spawn: Spawn, tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = spawn(product("--database", tmp_path / "sim.db", "--log-file", log))
    child.send(notice("no.such"))
    child.result("system.ping")

    assert until(lambda: "notification_failed" in log.read_text())
    assert log.stat().st_mode & 0o077 == 0
    assert child.stderr_text() == ""
