"""Commands as processes that are forked from one that has loaded their modules.

Loading takes most of the processor time of a command. What such a process does is what
`python -m sidecar` does after its imports: it has descriptors, arguments, a folder, variables and
an end of its own, and the process that serves it is started as usual. Run as a program this is the
process that is forked: one for each set of the variables that Python reads at its start.
"""

import atexit
import fcntl
import functools
import gc
import importlib
import json
import os
import pkgutil
import socket
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

READ_AT_START = ("PYTHON", "SIM_TEST_LIMITS", "LANG", "LC_")
"""What the variables begin with that a Python reads at its start."""

LAZY = ("rich.console", "rich.highlighter", "rich.measure", "rich.progress", "rich.table")
"""What commands load when they need it."""

PART_BYTES, DESCRIPTORS = 64 * 1024, 16
"""How much of an order is read at once, and most descriptors that come with it."""


def start_forked(
    words: Sequence[str],
    descriptors: Mapping[int, int],
    *,
    cwd: Path = ROOT,
    variables: Mapping[str, str],
    own_session: bool = False,
) -> Callable[[], int]:
    """Start a command with these descriptors, by their numbers in it.

    Returns what waits for its end and returns its exit code. Until then no other is started.
    """
    fixed = {name: text for name, text in variables.items() if name.startswith(READ_AT_START)}
    door = _door(tuple(sorted(fixed.items())))
    order = {
        "words": [*words],
        "numbers": [*descriptors],
        "cwd": str(cwd),
        "variables": dict(variables),
        "own_session": own_session,
    }
    line = json.dumps(order).encode() + b"\n"
    sent = socket.send_fds(door, [line], [*descriptors.values()])
    door.sendall(line[sent:])
    return lambda: os.waitstatus_to_exitcode(int(door.recv(PART_BYTES)))


@functools.cache
def _door(fixed: tuple[tuple[str, str], ...]) -> socket.socket:
    """Start a process that is forked; return the socket for its orders, whose end ends it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.forked", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **dict(fixed)},
        )
    atexit.register(_close, ours, process)
    return ours


def _close(door: socket.socket, process: "subprocess.Popen[bytes]") -> None:
    door.close()
    process.wait(60)


def _load() -> None:
    """Load the modules of all commands, and have the collector leave them alone."""
    from sidecar import cli

    for found in pkgutil.iter_modules(cli.__path__, "sidecar.cli."):
        importlib.import_module(found.name)
    for name in LAZY:
        importlib.import_module(name)
    gc.freeze()


def _next_child(door: socket.socket) -> None:
    """Fork for each order; return in the child, as the process that was ordered."""
    while True:
        text, given, *_ = socket.recv_fds(door, PART_BYTES, DESCRIPTORS)
        while text and not text.endswith(b"\n"):
            text += door.recv(PART_BYTES)
        if not text:
            os._exit(0)
        child = os.fork()
        if child == 0:
            door.close()
            _become(json.loads(text), given)
            return
        for descriptor in given:
            os.close(descriptor)
        door.sendall(str(os.waitpid(child, 0)[1]).encode())


def _become(order: dict[str, Any], given: list[int]) -> None:
    """Make this process the one that was ordered."""
    numbers = order["numbers"]
    # First out of the way of each other.
    moved = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, max(numbers) + 1) for each in given]
    for descriptor, number in zip(moved, numbers, strict=True):
        os.dup2(descriptor, number)
    for descriptor in {*moved, *given} - {*numbers}:
        os.close(descriptor)
    if order["own_session"]:
        os.setsid()
        if os.isatty(0):
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["variables"])
    sys.argv = ["sidecar", *order["words"]]


if __name__ == "__main__":
    _load()
    _next_child(socket.socket(fileno=int(sys.argv[1])))
    from sidecar.__main__ import main

    sys.exit(main())
