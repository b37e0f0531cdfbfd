"""Tests of the watchdog alone, without loop and store; each test starts a process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sidecar.errors import ExitCode

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

PROGRAM = """
import os, sys, time
from sidecar import limits
from sidecar.wire import watchdog
from sidecar.wire.parent import Parent
watchdog._FORCE_AFTER_MS = 200
limits.PARENT_CHECK_MS = 20
limits.SIGNAL_REPEAT_MS = {repeat_ms}
def say(text):
    os.write(1, (text + "\\n").encode())
def stop(reason):
    say("stop " + reason)
dog = watchdog.Watchdog(stop, lambda: say("hung up"), Parent({parent}, os.getppid()))
dog.start(None)
say("started")
{then}
"""


def start(then: str, parent: object = None, repeat_ms: int = 0) -> subprocess.Popen[str]:
    """Start a process that has only a watchdog, and wait until it has started."""
    program = PROGRAM.format(then=then, parent=parent, repeat_ms=repeat_ms)
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert child.stdout is not None
    # Not readline(), whose buffer may hold output that communicate() would then not return.
    said = b"started\n"
    assert os.read(child.stdout.fileno(), len(said)) == said
    return child


def test_a_signal_stops_and_the_limit_ends_what_does_not() -> None:
    child = start("while True: pass")
    began = time.monotonic()
    child.send_signal(signal.SIGTERM)

    told, _ = child.communicate(timeout=120)

    assert told == "stop signal\n"
    assert child.returncode == ExitCode.FORCED
    assert time.monotonic() - began > 0.1


def test_a_second_signal_ends_it_at_once() -> None:
    child = start("watchdog._FORCE_AFTER_MS = 60_000\nwhile True: pass")
    child.send_signal(signal.SIGINT)
    assert child.stdout is not None
    assert child.stdout.readline() == "stop signal\n"
    child.send_signal(signal.SIGTERM)

    child.communicate(timeout=120)

    assert child.returncode == ExitCode.FORCED


def test_signals_at_the_same_time_are_one_request_to_end() -> None:
    """Ctrl-C reaches the whole group of a terminal, and then the host ends its child."""
    child = start("time.sleep(60)", repeat_ms=60_000)
    began = time.monotonic()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTERM):
        child.send_signal(number)

    told, _ = child.communicate(timeout=120)

    assert told.startswith("stop signal")
    assert told.count("stop") == 1
    assert child.returncode == ExitCode.FORCED
    assert time.monotonic() - began > 0.15  # its limit has ended it, and not a signal


def test_the_death_of_a_named_parent_stops() -> None:
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    child = start("time.sleep(30)", parent.pid)
    parent.communicate(b"\n")

    told, _ = child.communicate(timeout=120)

    assert told == "stop parent\n"
    assert child.returncode == ExitCode.FORCED


def test_a_parent_that_died_before_the_start_stops_too() -> None:
    parent = subprocess.Popen([sys.executable, "-c", ""])
    parent.wait()
    program = PROGRAM.format(then="time.sleep(30)", parent=parent.pid, repeat_ms=0)
    child = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )

    assert "stop parent" in child.stdout
    assert child.returncode == ExitCode.FORCED


def test_an_end_of_input_behind_a_handler_that_never_returns_ends_it() -> None:
    child = start("dog.input_ended()\nwhile True: pass")

    told, _ = child.communicate(timeout=120)

    assert told == "hung up\n"
    assert child.returncode == ExitCode.FORCED


def test_a_loop_that_goes_on_after_the_end_of_input_is_left_alone() -> None:
    """It beats a hundred times as often as it must, and for longer than it may be silent."""
    child = start(
        "watchdog._FORCE_AFTER_MS = 1000\n"
        "dog.input_ended()\n"
        "until = time.monotonic() + 1.3\n"
        "while time.monotonic() < until:\n    dog.beat()\n    time.sleep(0.01)\n"
        "sys.exit(5)"
    )

    child.communicate(timeout=120)

    assert child.returncode == 5


def test_an_idle_process_is_left_alone() -> None:
    child = start("time.sleep(0.6)\nsys.exit(5)", os.getpid())

    told, _ = child.communicate(timeout=120)

    assert (told, child.returncode) == ("", 5)
