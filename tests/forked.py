"""Processes of the program that are forked from one that has loaded its modules.

Loading takes most of the processor time of a short process, and the suite starts a thousand. What
such a process does is what `python -m sidecar` does after its imports: it is a child of the test,
with pipes, descriptors, arguments, variables, signals and an end of its own. What is to be proven
of a start itself, of what Python does then, and of memory, is proven with a process that is
started. Run as a program, this module is the process that is forked: one for each set of the
variables that Python reads at its start.

What a forked command serves with is forked too: from a process beside it that was forked before it
began, so that it has nothing of the command.
"""

import atexit
import ctypes
import fcntl
import functools
import gc
import importlib
import inspect
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from sidecar.own_command import own_command

ROOT = Path(__file__).resolve().parents[1]

PROGRAM = [sys.executable, "-m", "sidecar"]
"""How the command of a process begins that can be forked."""

MISBEHAVING = [sys.executable, str(ROOT / "tests" / "process" / "misbehaving.py")]
"""The same, of the program with methods that misbehave."""

OWN = own_command()
"""How a command begins with which the program starts itself."""

READ_AT_START = ("PYTHON", "SIM_TEST_LIMITS", "LANG", "LC_")
"""What the variables begin with that a Python reads at its start."""

COMMANDS_LOAD = (
    "rich.console", "rich.highlighter", "rich.measure", "rich.progress", "rich.table",
)  # fmt: skip
"""What commands load when they need it."""

SERVING_LOADS = (
    "sidecar.arguments", "sidecar.app", "sidecar.handlers.system.ping_shutdown",
    "sidecar.secrets.log_refusals", "sidecar.store.settings", "sidecar.wire.stdio_posix",
    "sidecar.wire.stdio_threads",
)  # fmt: skip
"""What a process that serves loads until it is ready."""

COURIER_LOADS = ("obstore", "obstore.store", "sidecar.courier")
"""What a courier loads until it has opened a place."""

PART_BYTES, DESCRIPTORS = 64 * 1024, 16
"""How much of an order is read at once, and most descriptors that come with it."""

PR_SET_CHILD_SUBREAPER = 36
NOT_FLUSHED = 120
"""With which a Python ends that could not flush its streams."""


_beside: socket.socket | None = None
"""Of a forked command: the socket for orders of the process beside it."""
_one_at_a_time = threading.Lock()


KINDS = ("serve", "courier")
"""The words of the processes that are no commands for people: they load other modules."""


_Started = subprocess.Popen


class ForkedProcess(subprocess.Popen[Any]):
    """A process that is forked instead of started; its command must begin with the program."""

    def _execute_child(self, *given: Any) -> None:
        """Order the process: what `subprocess` does to start it, by the same arguments."""
        named = _named(given)
        if named["args"][: len(MISBEHAVING)] == MISBEHAVING:
            self._order(named["args"][len(MISBEHAVING) :], named, "misbehaving")
            return
        assert named["args"][: len(PROGRAM)] == PROGRAM
        self._order(named["args"][len(PROGRAM) :], named)

    def _order(self, words: list[str], named: dict[str, Any], kind: str | None = None) -> None:
        """Order the process that has these words; they say of which kind it is, else `kind`."""
        assert named["preexec_fn"] is None
        variables = dict(os.environ if named["env"] is None else named["env"])
        pipes = [named[each] for each in ("p2cread", "c2pwrite", "errwrite")]
        standard = {number: pipe if pipe >= 0 else number for number, pipe in enumerate(pipes)}
        order = {
            "words": words,
            "numbers": [*standard, *named["pass_fds"]],
            "cwd": os.fspath(named["cwd"] or Path.cwd()),
            "variables": variables,
            "own_session": named["start_new_session"],
        }
        fixed = {name: text for name, text in variables.items() if name.startswith(READ_AT_START)}
        kind = kind or (words[0] if words and words[0] in KINDS else "command")
        with _one_at_a_time:
            door = _beside or _door(kind, tuple(sorted(fixed.items())))
            self.pid = _ordered(door, order, [*standard.values(), *named["pass_fds"]])
        self._child_created = True
        ends = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(named[end] for end in ends))  # type: ignore[attr-defined]


class OwnProcess(ForkedProcess):
    """A process that is forked where the program starts itself; every other one is started."""

    def _execute_child(self, *given: Any) -> None:
        """Order the process, or start it."""
        named = _named(given)
        if named["args"][: len(OWN)] == OWN:
            self._order(named["args"][len(OWN) :], named)
        else:
            _Started._execute_child(self, *given)  # type: ignore[attr-defined]


def _named(given: tuple[Any, ...]) -> dict[str, Any]:
    """Return the arguments of `Popen._execute_child` by name, the command as a list of texts."""
    named = inspect.signature(_Started._execute_child).bind(None, *given).arguments  # type: ignore[attr-defined]
    return {**named, "args": [os.fspath(word) for word in named["args"]]}


def _ordered(door: socket.socket, order: dict[str, Any], descriptors: list[int]) -> int:
    """Order a process; return its number when it is a child of this process."""
    prctl = ctypes.CDLL(None).prctl
    line = json.dumps(order).encode() + b"\n"
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # whose parent ends becomes a child of this process
    try:
        sent = socket.send_fds(door, [line], descriptors)
        door.sendall(line[sent:])
        return int(door.recv(PART_BYTES))
    finally:
        prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


@functools.cache
def _door(kind: str, fixed: tuple[tuple[str, str], ...]) -> socket.socket:
    """Start a process that is forked; return the socket for its orders, whose end ends it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked", str(theirs.fileno()), kind],
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


def _load(kind: str) -> None:
    """Load what processes of a kind load, and have the collector leave it alone."""
    names: tuple[str, ...] = COURIER_LOADS if kind == "courier" else SERVING_LOADS
    if kind == "command":
        from sidecar import cli

        found = pkgutil.iter_modules(cli.__path__, "sidecar.cli.")
        names = (*(each.name for each in found), *COMMANDS_LOAD, *SERVING_LOADS)
    if kind == "misbehaving":
        names = (*SERVING_LOADS, "tests.process.misbehaving")
    for name in names:
        importlib.import_module(name)
    gc.freeze()


def _next_child(door: socket.socket, kind: str) -> None:
    """Fork for each order; return in the child, as the process that was ordered."""
    while True:
        text, given, *_ = socket.recv_fds(door, PART_BYTES, DESCRIPTORS)
        while text and not text.endswith(b"\n"):
            text += door.recv(PART_BYTES)
        if not text:
            os._exit(0)
        waiting, go = os.pipe()
        between = os.fork()
        if between == 0:
            if os.fork():
                os._exit(0)
            os.close(go)
            os.read(waiting, 1)  # until the process between has ended
            os.close(waiting)
            door.sendall(str(os.getpid()).encode())
            door.close()
            _become(json.loads(text), given)
            if kind == "command":
                _fork_beside()
            return
        os.waitpid(between, 0)
        for descriptor in (waiting, go, *given):
            os.close(descriptor)


def _fork_beside() -> None:
    """Fork the process beside a command, of which those are forked that the command starts.

    It has the command's session and group, ends with it, and returns in each that it forks.
    """
    global _beside  # noqa: PLW0603 - of this process
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    if os.fork():
        theirs.close()
        _beside = ours
        subprocess.Popen = OwnProcess  # type: ignore[misc]
        return
    kept = theirs.fileno()
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _next_child(theirs, "serve")
    signal.signal(signal.SIGINT, signal.default_int_handler)


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


def _end(main: Callable[[], int]) -> NoReturn:
    """Run the program and end as Python does, but without taking the modules apart.

    That would copy the memory that is shared with the process that this one was forked from.
    """
    try:
        code: Any = main()
    except SystemExit as ended:
        code = ended.code or 0
    if not isinstance(code, int):
        sys.exit(code)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except OSError:
        code = NOT_FLUSHED
    os._exit(code)


if __name__ == "__main__":
    from sidecar.__main__ import main

    _load(sys.argv[2])
    _next_child(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
    _end(main)
