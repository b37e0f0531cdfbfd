"""Tests of the end of a conversation: delivered writes are done also when stdout is not read."""

import json
import os
import select
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.process.child_process import (
    MIB,
    ROOT,
    Child,
    ended,
    environment,
    misbehaving,
    notice,
    product,
    quiet,
    request,
    saving,
    until,
)
from tests.process.conftest import Spawn

COUNT = 50
ALREADY_RUNNING, UNDELIVERED = 3, 11

HOST = """
import os, signal, socket, subprocess, sys
how, requests, argv = sys.argv[1], open(sys.argv[2], "rb").read(), sys.argv[3:]
if "socket" in how:
    (ours, stdin), (reader, stdout) = socket.socketpair(), socket.socketpair()
    child = subprocess.Popen(argv, stdin=stdin, stdout=stdout)
    stdin.close(), stdout.close()
    write, read = ours.fileno(), reader.fileno()
else:
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    write, read = child.stdin.fileno(), child.stdout.fileno()
first = b""
while not first.endswith(b"\\n"):
    first += os.read(read, 65536)
if "stdout" in how:
    os.close(read)
if "paused" in how:
    child.send_signal(signal.SIGSTOP)
while requests:
    requests = requests[os.write(write, requests):]
print(child.pid, flush=True)
if "killed" in how:
    os.kill(os.getpid(), signal.SIGKILL)
if "term" in how:
    child.terminate()
if "paused" in how:
    child.send_signal(signal.SIGCONT)
os._exit(0)
"""


def deliver(how: str, lines: bytes, database: Path, *options: str) -> None:
    """Have a host send lines and go in some way; wait until the process that it started has ended.

    The host has died when this returns, and its child was never waited for.
    """
    file = database.with_name("requests")
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(lines)
    argv = [sys.executable, "-c", HOST, how, str(file), *product("--database", database, *options)]
    host = subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment(), cwd=ROOT)
    assert host.stdout is not None
    pid = int(host.stdout.readline())
    host.wait()
    host.stdout.close()
    assert ended(pid)


def names(database: Path) -> list[str]:
    """Return the names of the workflows in the file, read by another program."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        return [name for (name,) in db.execute("SELECT name FROM workflows ORDER BY name")]


HOW = [
    "exits",
    "exits socket",
    "killed",
    "killed socket",
    "closes stdout and exits",
    "term",
    "paused term",
]


@pytest.mark.parametrize("how", HOW)
def test_what_a_host_has_written_before_it_went_is_done(
    how: str, half: list[str], database: Path
) -> None:
    lines = b"".join(saving(f"{number:02}", text="x" * 500) for number in range(COUNT))

    deliver(how, lines, database, *half)

    assert names(database) == [f"{number:02}" for number in range(COUNT)]


def test_deletes_are_done_and_reads_are_not_started_when_stdout_has_no_reader(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(product("--database", database))
    for name in ("a", "b", "c", "d"):
        data = {"b": "x" * MIB}
        child.result("workflows.save", {"workflow": {"id": name, "name": name, "data": data}})
    reads = 40
    child.send(b"".join(request("workflows.get", {"id": "d"}, number) for number in range(reads)))
    assert quiet(child.pid)  # so many answers wait that no further request starts
    child.send(
        request("workflows.delete", {"id": "a"})
        + request("workflows.delete_many", {"ids": ["b", "c"]})
        + request("system.check")
        + notice("workflows.save", {"workflow": {"name": "e", "data": {}}})
        + saving("f")
    )
    assert child.process.stdout is not None

    child.process.stdout.close()

    assert child.wait_exit() == UNDELIVERED
    told = json.loads(child.stderr_text())
    assert (told["event"], told["level"]) == ("undelivered", "error")
    assert 1 < told["requests_not_run"] <= reads + 1
    assert names(database) == ["d", "e", "f"]


def test_a_secret_is_not_read_when_stdout_has_no_reader(spawn: Spawn, database: Path) -> None:
    child = spawn(product("--database", database))
    child.result("secrets.initialize", {"passphrase": "a long passphrase"})
    child.result("secrets.set", {"provider": "p", "value": "k"})
    child.send(b"".join(request("rpc.discover", request_id=number) for number in range(200)))
    assert quiet(child.pid)
    child.send(request("secrets.get", {"provider": "p"}) + saving("after"))
    assert child.process.stdout is not None

    child.process.stdout.close()

    assert child.wait_exit() == UNDELIVERED
    assert names(database) == ["after"]
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        actions = [action for (action,) in db.execute("SELECT action FROM access_log")]
    assert "key_access" not in actions


def test_a_slow_reader_gets_every_line_whole_after_the_end_of_input(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(product("--database", database, "--no-events", *half))
    body = {"b": "x" * MIB}
    child.result("workflows.save", {"workflow": {"id": "w", "name": "w", "data": body}})
    child.send(b"".join(request("workflows.get", {"id": "w"}, number) for number in range(10)))
    child.close_stdin()
    began, data = time.monotonic(), b""

    while piece := os.read(child.stdout(), 64 * 1024):
        data += piece
        select.select([], [], [], 0.02)  # the pace of the reader: 3 MiB a second

    assert time.monotonic() - began > 2.5, "longer than long methods may take to end"
    lines = data.split(b"\n")
    assert lines.pop() == b""
    assert [json.loads(line).get("id") for line in lines] == [*range(10), None]
    assert json.loads(lines[-1])["method"] == "system.closing"
    assert child.wait_exit() == 0
    assert child.stderr_text() == ""


def end_slowly(child: Child) -> None:
    """Bring a process to an end that lasts until its answers are read."""
    body = {"b": "x" * MIB}
    child.result("workflows.save", {"workflow": {"id": "w", "name": "w", "data": body}})
    child.send(b"".join(request("workflows.get", {"id": "w"}, number) for number in range(10)))
    child.close_stdin()


def holder(database: Path) -> dict[str, object]:
    """Return what the lock file says of the process that has the database."""
    told: dict[str, object] = json.loads(database.with_name(f"{database.name}.lock").read_text())
    return told


def test_a_start_waits_for_a_process_that_is_ending(spawn: Spawn, database: Path) -> None:
    first = spawn(product("--database", database))
    end_slowly(first)
    assert until(lambda: holder(database).get("ending"))

    second = spawn(product("--database", database), ready=False)
    assert until(lambda: Path(f"/proc/{second.pid}/wchan").exists())
    assert second.process.poll() is None
    first.rest()

    assert second.wait_ready().result("workflows.get", {"id": "w"})["workflow"]["name"] == "w"
    assert first.wait_exit() == 0


def test_a_process_that_takes_long_to_end_is_reported_as_ending(
    spawn: Spawn, database: Path
) -> None:
    first = spawn(misbehaving("--database", database))
    end_slowly(first)
    assert until(lambda: holder(database).get("ending"))
    second = spawn(product("--database", database), ready=False)

    while second.process.poll() is None:  # a reader that goes on, but slowly
        os.read(first.stdout(), 1024)
        select.select([], [], [], 0.05)

    assert second.wait_exit() == ALREADY_RUNNING
    told = json.loads(second.stderr_text())
    assert (told["slug"], told["pid"], told["ending"]) == ("already_running", first.pid, True)
