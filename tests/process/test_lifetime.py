"""Tests of the end of the process: by its input, a signal, a request, its parent, or by force."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.child_process import (
    ROOT,
    Child,
    ended,
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

IDLE_END_S = 1.0
DRAIN_S = 2.0
FORCED = 9


def leftovers(database: Path) -> list[str]:
    """Return the files next to the database, without `.known`, which stays."""
    kept = {database.name, f"{database.name}.known"}
    return sorted(path.name for path in database.parent.iterdir() if path.name not in kept)


def by_eof(child: Child) -> None:
    child.close_stdin()


def by_sigterm(child: Child) -> None:
    child.signal(signal.SIGTERM)


def by_sigint(child: Child) -> None:
    child.signal(signal.SIGINT)


def by_shutdown(child: Child) -> None:
    child.send(request("system.shutdown", request_id="bye"))


def by_exit(child: Child) -> None:
    child.send(notice("system.exit"))


ENDS = {
    "eof": by_eof,
    "signal": by_sigterm,
    "signal by ctrl-c": by_sigint,
    "shutdown": by_shutdown,
    "exit": by_exit,
}


@pytest.mark.parametrize("reason", ENDS)
def test_stdio_02_an_idle_process_ends_within_a_second_and_leaves_nothing(
    reason: str, half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(product("--database", database, *half))
    child.send(saving("kept"))
    assert "result" in child.answer()

    with within(IDLE_END_S):
        ENDS[reason](child)
        code = child.wait_exit()

    assert code == 0
    last = json.loads(child.rest()[-1])
    told = {"reason": reason.partition(" ")[0]}
    assert last == {"jsonrpc": "2.0", "method": "system.closing", "params": told}
    assert leftovers(database) == []
    assert child.stderr_text() == ""


def test_stdio_02_three_requests_and_the_end_of_input_give_three_answers(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(product("--database", database, *half))
    child.send(b"".join(saving(f"w{number}", request_id=number) for number in range(3)))
    lines, code = child.finish()

    answers = [message for message in map(json.loads, lines) if "id" in message]
    assert [answer["id"] for answer in answers] == [0, 1, 2]
    assert all("result" in answer for answer in answers)
    assert code == 0
    assert leftovers(database) == []


def test_stdio_02_a_last_line_without_its_end_is_served(spawn: Spawn, database: Path) -> None:
    child = spawn(product("--database", database))
    child.send(request("system.ping", request_id="last").rstrip())
    lines, code = child.finish()

    assert json.loads(lines[0])["id"] == "last"
    assert code == 0


@pytest.mark.parametrize("reason", ["signal", "signal by ctrl-c"])
def test_stdio_02_a_signal_lets_what_was_read_be_answered(
    reason: str, spawn: Spawn, database: Path
) -> None:
    child = spawn(product("--database", database))
    child.send(b"".join(saving(f"w{number}", request_id=number) for number in range(3)))
    assert child.answer()["id"] == 0  # one read has all three lines
    ENDS[reason](child)

    assert [answer["id"] for answer in child.answers(2)] == [1, 2]
    assert child.wait_exit() == 0


@pytest.mark.parametrize("stop", [request("system.shutdown", request_id=2), notice("system.exit")])
def test_stdio_02_what_was_accepted_before_the_request_to_end_is_answered(
    stop: bytes, spawn: Spawn, database: Path
) -> None:
    child = spawn(product("--database", database))
    child.send(saving("a", request_id=1) + stop + saving("b", request_id=3))
    lines, code = child.finish()

    answers = {each["id"]: each for each in map(json.loads, lines) if "id" in each}
    assert code == 0
    # A save that is read together with the request to end is either done or refused.
    assert {1, 3} <= answers.keys()
    refused = [each["error"]["data"]["slug"] for each in answers.values() if "error" in each]
    assert set(refused) <= {"shutting_down"}


def test_stdio_02_all_that_stands_before_an_exit_in_the_same_write_is_done(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(product("--database", database))
    before = b"".join(saving(f"w{number}", request_id=number) for number in range(70))
    check = request("system.check", request_id=70)
    child.send(before + check + notice("system.exit") + saving("late", request_id=71))
    lines, code = child.finish()

    answers = {each["id"]: each for each in map(json.loads, lines) if "id" in each}
    assert code == 0
    assert [number for number in range(71) if "result" not in answers[number]] == []
    assert "result" not in answers.get(71, {})
    assert json.loads(lines[-1])["params"] == {"reason": "exit"}


# --- the parent's death -----------------------------------------------------------------------

PARENT = """
import os, signal, subprocess, sys
pipe = subprocess.PIPE
child = subprocess.Popen(sys.argv[1:], stdin=pipe, stdout=pipe)
child.stdout.readline()
writer = os.dup(child.stdin.fileno())
os.set_inheritable(writer, True)
sibling = subprocess.Popen(
    [sys.executable, "-c", "import os, sys; print('held', flush=True); sys.stdin.read()"],
    stdin=int(os.environ["SIBLING_STDIN"]), stdout=pipe, pass_fds=[writer],
) if "SIBLING_STDIN" in os.environ else None
if sibling:
    sibling.stdout.readline()
print(child.pid, flush=True)
signal.pause()
"""


@pytest.mark.parametrize("sibling", [False, True])
def test_stdio_01_the_process_ends_with_its_killed_parent(
    sibling: bool,  # noqa: FBT001 - a parameter of the test
    half: list[str],
    database: Path,
    noise: list[subprocess.Popen[bytes]],
) -> None:
    held, hold = os.pipe()  # the sibling lives until this test closes `hold`
    env = environment(SIBLING_STDIN=str(held)) if sibling else environment()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, *product("--database", database, *half)],
        stdout=subprocess.PIPE,
        env=env,
        cwd=ROOT,
        pass_fds=(held,),
    )
    noise.append(parent)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())

    with within(IDLE_END_S):
        parent.kill()
        assert ended(pid)

    os.close(hold)
    os.close(held)
    assert leftovers(database) == []


def test_stdio_01_the_process_ends_with_a_parent_named_by_its_number(
    half: list[str], spawn: Spawn, database: Path, noise: list[subprocess.Popen[bytes]]
) -> None:
    shell = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    noise.append(shell)
    child = spawn(product("--database", database, "--parent-pid", str(shell.pid), *half))
    assert "result" in child.call("system.ping")

    with within(IDLE_END_S):
        shell.kill()
        shell.wait()
        code = child.wait_exit()

    assert code == 0
    assert json.loads(child.rest()[-1])["params"] == {"reason": "parent"}
    assert '"parent_died"' in child.stderr_text()


def test_stdio_01_a_named_parent_that_is_already_dead_ends_it_at_once(
    spawn: Spawn, database: Path
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    child = spawn(product("--database", database, "--parent-pid", str(gone.pid)))

    assert child.wait_exit() == 0


def test_stdio_01_a_named_parent_we_may_not_signal_counts_as_alive(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(product("--database", database, "--parent-pid", "1"))

    assert "result" in child.call("system.ping")


# --- handlers that never return ---------------------------------------------------------------


def hang(child: Child, method: str, tag: str) -> None:
    """Send a request whose handler never returns, and wait until it runs."""
    child.send(request(method, {"tag": tag}))
    if method == "test.hang_long":
        child.notification("$/progress")
    else:
        assert until(lambda: "hanging" in child.stderr_text())


HANGS = [("test.hang", ""), ("test.hang", "busy"), ("test.hang_long", "")]

SHORTER = "MODULES_FIRST_MS=3000 DRAIN_LIMIT_MS=500 DRAIN_CANCEL_MS=375"
"""Limits of a process whose handler uses the processor until its end."""


def test_stdio_03_a_handler_that_never_returns_cannot_stop_the_exit(
    half: list[str], spawn: Spawn, tmp_path: Path
) -> None:
    children: list[Child] = []
    for number, (method, tag) in enumerate(HANGS):
        for end in (by_eof, by_sigterm):  # all at once, because each takes the whole time limit
            database = tmp_path / f"{number}-{end.__name__}.db"
            env = environment(SIM_TEST_LIMITS=SHORTER) if tag == "busy" else None
            child = spawn(misbehaving("--database", database, *half), env=env)
            hang(child, method, tag)
            end(child)
            children.append(child)

    with within(DRAIN_S + 1.0):
        codes = [child.wait_exit() for child in children]

    assert codes == [FORCED] * len(children)
    spawn(product("--database", tmp_path / "0-by_eof.db"))  # the lock is free, the file whole


@pytest.mark.parametrize(("method", "tag"), HANGS)
def test_stdio_03_a_second_signal_ends_it_at_once(
    method: str, tag: str, half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(misbehaving("--database", database, *half))
    hang(child, method, tag)

    child.signal(signal.SIGTERM)
    assert not ended(child.pid, 0.3)
    with within(0.5):
        child.signal(signal.SIGTERM)
        code = child.wait_exit()

    assert code == FORCED


def test_stdio_03_the_death_of_the_parent_ends_a_handler_that_never_returns(
    half: list[str], spawn: Spawn, database: Path, noise: list[subprocess.Popen[bytes]]
) -> None:
    shell = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    noise.append(shell)
    child = spawn(misbehaving("--database", database, "--parent-pid", str(shell.pid), *half))
    hang(child, "test.hang", "")

    with within(DRAIN_S + 1.0):
        shell.kill()
        shell.wait()
        code = child.wait_exit()

    assert code == FORCED


# --- start and stop, again and again ----------------------------------------------------------


def cycle(rounds: int, options: list[str], spawn: Spawn, database: Path) -> None:
    """Start and stop `rounds` times, in different ways and at different moments."""
    ends = [by_eof, by_sigterm]
    for number in range(rounds):
        child = spawn(product("--database", database, *options))
        if number % 3 == 0:
            child.send(request("system.ping"))
        ends[number % 2](child)
        assert child.wait_exit() == 0, child.stderr_text()
        assert child.stderr_text() == ""
        child.close()
    assert leftovers(database) == []


def test_stdio_04_twenty_starts_and_stops_leave_nothing(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    cycle(10, half, spawn, database)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_stdio_04_two_hundred_starts_and_stops_leave_nothing(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    cycle(200, half, spawn, database)
