"""Signals that a host, a terminal or a debugger sends, whatever mask the process was born with."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.process.child_process import (
    ROOT,
    WAIT_S,
    Child,
    ended,
    environment,
    product,
    request,
    saving,
    until,
)
from tests.process.conftest import Spawn

COUNT = 120
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGXCPU)


def saves(count: int = COUNT) -> bytes:
    """Saves whose request ids are their numbers."""
    return b"".join(saving(f"w{n}", request_id=n, text="x" * 3000) for n in range(count))


def assert_all_answered(child: Child, *, already: int, reason: str) -> None:
    """All saves that were read are answered, and the end says why it came."""
    *lines, last = map(json.loads, child.rest())
    found = [each["id"] for each in lines if "id" in each]
    # What still stood in the pipe when the signal came is not accepted; nothing is in between.
    assert found == list(range(already, already + len(found)))
    assert last["params"]["reason"] == reason
    assert child.wait_exit() == 0
    assert child.stderr_text() == ""


def block() -> None:
    """Block the signals, as a thread of the host that spawns it may have done."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)


@pytest.mark.parametrize("before", [None, block])
@pytest.mark.parametrize("number", ENDING)
def test_every_signal_that_ends_a_process_ends_it_in_order(
    number: signal.Signals,
    before: Callable[[], None] | None,
    half: list[str],
    spawn: Spawn,
    database: Path,
) -> None:
    child = spawn(product("--database", database, *half), before=before)
    child.send(saves())
    child.answers(3)

    child.signal(number)

    assert_all_answered(child, already=3, reason="signal")


def test_a_hangup_that_was_ignored_at_the_start_stays_so(spawn: Spawn, database: Path) -> None:
    """What nohup does."""
    child = spawn(
        product("--database", database),
        before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN) and None,
    )
    child.signal(signal.SIGHUP)

    assert "result" in child.call("system.ping")


def test_ctrl_c_and_the_hosts_own_signal_right_after_it_are_one_request(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(product("--database", database))
    child.send(saves())
    child.answers(3)

    child.signal(signal.SIGSTOP)  # so that both signals arrive at the same time
    child.signal(signal.SIGINT)
    child.signal(signal.SIGTERM)
    child.signal(signal.SIGCONT)

    *_others, last = map(json.loads, child.rest())
    assert last["params"]["reason"] == "signal"
    assert child.wait_exit() == 0


def stopped(child: Child) -> bool:
    """Whether the process stands still, or has ended before it could."""
    state = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state in "TZ"


@pytest.mark.parametrize("wait_s", [4.0])
def test_the_time_limit_of_the_end_stands_still_while_the_process_is_stopped(
    wait_s: float, half: list[str], spawn: Spawn, database: Path
) -> None:
    """Stopped for longer than the limits, with the end of input read or still to be read."""
    children = []
    for number in range(3):
        child = spawn(product("--database", database.with_name(f"{number}.db"), *half))
        child.send(saves())
        child.close_stdin()
        if number:
            child.answers(number * 10)
        child.signal(signal.SIGSTOP)
        assert until(partial(stopped, child))
        children.append(child)

    assert not ended(children[0].pid, wait_s)  # the limits pass meanwhile

    for number, child in enumerate(children):
        child.signal(signal.SIGCONT)
        *lines, last = map(json.loads, child.rest())
        found = [each["id"] for each in lines if "id" in each]
        assert found == list(range(number * 10, COUNT))
        assert last["params"]["reason"] == "eof"
        assert child.wait_exit() == 0


# --- a host that dies while the process starts ------------------------------------------------

HOST = """
import os, subprocess, sys, time
pipe = subprocess.PIPE
child = subprocess.Popen(sys.argv[2:], stdin=pipe, stdout=pipe)
if os.fork() == 0:
    for descriptor in (1, 2):
        os.close(descriptor)
    os.read(int(os.environ["HELD"]), 1)  # a worker with copies of both pipes, until the test ends
    os._exit(0)
print(child.pid, flush=True)
time.sleep(float(sys.argv[1]))
os._exit(1)
"""


@pytest.mark.parametrize("after_s", [0.0, 0.03, 0.1, 0.25])
def test_it_ends_with_a_host_that_died_before_it_could_look(
    after_s: float, half: list[str], database: Path
) -> None:
    """The parent that it sees is then already another one, and no end of input comes.

    The session is one of its own, as a desktop has it: a process whose next parent is in its
    session too cannot tell that it had another one.
    """
    held, hold = os.pipe()
    host = subprocess.run(
        [sys.executable, "-c", HOST, str(after_s), *product("--database", database, *half)],
        stdout=subprocess.PIPE,
        env=environment(HELD=str(held)),
        pass_fds=(held,),
        cwd=ROOT,
        check=False,
        start_new_session=True,
        timeout=WAIT_S,
    )

    assert ended(int(host.stdout))
    os.close(hold)
    os.close(held)
    assert not database.with_name(database.name + ".lock").exists()


def test_a_process_that_leads_a_session_is_not_taken_for_orphaned(
    spawn: Spawn, database: Path
) -> None:
    """`setsid --fork` and systemd start a process whose parent is never seen by it."""
    child = spawn(["setsid", "--fork", *product("--database", database)])
    child.send(request("system.ping"))

    assert "result" in child.answer()
    child.close_stdin()
    assert child.rest()
