"""What a host may give as stdin, stdout and stderr: in any mode, made by anyone."""

import fcntl
import json
import os
import pty
import select
import subprocess
import threading
import time
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.process.child_process import ROOT, WAIT_S, environment, notice, product, request, saving
from tests.process.conftest import Spawn

SMALL_PIPE_BYTES = 4096
COUNT = 30


def small(descriptor: int) -> None:
    """Let a pipe hold as little as a pipe can."""
    fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, SMALL_PIPE_BYTES)


def requests() -> bytes:
    """Saves of some KiB, and as many answers of some KiB."""
    saves = [
        request("workflows.save", {"workflow": {"id": f"w{n}", "name": "n", "data": "x" * 4000}}, n)
        for n in range(COUNT)
    ]
    gets = [request("workflows.get", {"id": f"w{n}"}, COUNT + n) for n in range(COUNT)]
    return b"".join(saves + gets)


def feed(descriptor: int, data: bytes) -> threading.Thread:
    """Write all of it in a thread; the descriptor may be in non-blocking mode."""

    def write() -> None:
        rest = memoryview(data)
        while rest:
            select.select([], [descriptor], [], WAIT_S)
            try:
                rest = rest[os.write(descriptor, rest[:SMALL_PIPE_BYTES]) :]
            except BlockingIOError:
                continue

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return thread


def ids(reader: int, count: int) -> list[int]:
    """The ids of that many answers, read in small pieces; every line is whole."""
    deadline, buffer = time.monotonic() + WAIT_S, b""
    found: list[int] = []
    while len(found) < count and time.monotonic() < deadline:
        if not select.select([reader], [], [], 1.0)[0]:
            continue
        data = os.read(reader, 512)
        if not data:
            break
        *lines, buffer = (buffer + data).split(b"\n")
        found += [each["id"] for each in map(json.loads, lines) if "id" in each]
    return found


def discard(reader: int) -> None:
    """Read events and all else until the end, which waits for that; a terminal ends with EIO."""
    with suppress(OSError):
        while select.select([reader], [], [], WAIT_S)[0] and os.read(reader, 512):
            continue


def pipe_out() -> tuple[int, int]:
    """A small pipe in non-blocking mode, as (ours, the child's)."""
    reader, writer = os.pipe()
    small(writer)
    os.set_blocking(writer, False)
    return reader, writer


def terminal_out() -> tuple[int, int]:
    """A terminal in non-blocking mode, as (ours, the child's)."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(slave, False)
    return master, slave


@pytest.mark.parametrize(
    ("make", "options"),
    [(pipe_out, []), (pipe_out, ["--threaded-io"]), (terminal_out, [])],
)
def test_all_is_answered_over_descriptors_in_non_blocking_mode(
    make: Callable[[], tuple[int, int]],
    options: list[str],
    database: Path,
    noise: list[subprocess.Popen[bytes]],
) -> None:
    stdin, feeder = os.pipe()
    small(stdin)
    os.set_blocking(stdin, False)
    reader, stdout = make()
    child = subprocess.Popen(
        product("--database", database, *options),
        stdin=stdin,
        stdout=stdout,
        env=environment(),
        cwd=ROOT,
    )
    noise.append(child)
    os.close(stdin)
    thread = feed(feeder, requests())

    assert ids(reader, 2 * COUNT) == list(range(2 * COUNT))
    thread.join(WAIT_S)
    assert child.poll() is None
    os.close(feeder)
    os.close(stdout)
    discard(reader)
    assert child.wait(WAIT_S) == 0
    os.close(reader)


def test_a_silent_host_on_non_blocking_stdin_is_waited_for(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    stdin, feeder = os.pipe()
    os.set_blocking(stdin, False)
    child = spawn(product("--database", database, *half), stdin=stdin)
    os.close(stdin)
    os.write(feeder, request("system.ping"))
    assert child.answer()["id"] == 1

    os.write(feeder, request("system.ping", request_id=2))

    assert child.answer()["id"] == 2
    os.close(feeder)
    assert child.wait_exit() == 0


def test_the_log_goes_on_after_a_non_blocking_stderr_was_full(spawn: Spawn, database: Path) -> None:
    reader, stderr = pipe_out()
    child = spawn(product("--database", database), stderr=stderr)
    os.close(stderr)

    def fail(count: int) -> None:
        child.send(notice("workflows.get", {"id": "unknown"}) * count)
        child.result("system.ping")

    def lines() -> int:
        """Lines of refused notices that stand in the pipe, until it stays empty."""
        data = b""
        while select.select([reader], [], [], 0.5)[0]:
            data += os.read(reader, 65536)
        return data.count(b"notification_failed")

    fail(300)
    assert lines() > 200
    fail(5)
    assert lines() == 5
    os.close(reader)


STRANGER = 54321
"""A user without an entry in the password file."""


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="starts a process as another user")
def test_stdout_that_another_user_made_is_served(spawn: Spawn, database: Path) -> None:
    """/proc does not open a pipe of another user; sudo, pkexec and container starters make them."""
    stdin, feeder = os.pipe()
    reader, stdout = os.pipe()
    for descriptor in (stdin, stdout):
        os.fchown(descriptor, STRANGER, STRANGER)
        os.fchmod(descriptor, 0o600)
    # root opens every pipe again; without this capability it is a user like any other.
    without = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
    child = spawn(
        [*without, *product("--database", database)], stdin=stdin, stdout=stdout, ready=False
    )
    os.close(stdin)
    os.close(stdout)
    feed(feeder, saving("a", request_id=0)).join(WAIT_S)

    assert ids(reader, 1) == [0], child.stderr_text()
    os.close(feeder)
    assert child.wait_exit() == 0
    os.close(reader)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_byte_order_mark_before_the_first_line_is_skipped(
    end: bytes, half: list[str], spawn: Spawn, database: Path
) -> None:
    """PowerShell and .NET write one, often by itself, before the first request."""
    child = spawn(product("--database", database, *half))
    child.send(b"\xef\xbb\xbf")
    child.send(request("system.ping").rstrip(b"\n") + end)
    assert "result" in child.answer()

    child.send(b"\xef\xbb\xbf" + request("system.ping"))

    assert child.answer()["error"]["data"]["slug"] == "parse_error"
