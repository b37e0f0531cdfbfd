"""What all commands share: the type of a command, common options, calls and the database's lock.

A command that cannot do its work raises one of the exceptions that `failures.report` explains.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sidecar import config
from sidecar.cli.child import run_with_child
from sidecar.cli.failures import CommandFailed
from sidecar.cli.progress import Bar
from sidecar.errors import ExitCode


class Command(NamedTuple):
    """One command of `sim-sidecar`."""

    name: str
    help: str
    """What the command does: one line without a full stop, for the list of all commands."""
    examples: str
    """The text that `--help` shows below the options: examples, then notes."""
    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    """Does the command's work with the options that were given; returns the exit code."""
    arrange: Callable[[list[str]], list[str]] | None = None
    """Puts the command's words in an order that argparse understands; None when any order is."""


def add_database(parser: argparse._ActionsContainer) -> None:
    """Declare `--database`."""
    parser.add_argument(
        "--database",
        metavar="FILE",
        type=Path,
        help=f"the database file (default: ${config.DATABASE_VARIABLE}, else sim.db in the"
        " user-data folder)",
    )


def add_common(parser: argparse.ArgumentParser, *, reading: bool = False) -> None:
    """Declare `--database`, `--ephemeral` and `--json`, which most commands have.

    A command that is `reading` also works beside a process that serves the database.
    """
    parser.set_defaults(reading=reading)
    place = parser.add_mutually_exclusive_group()
    add_database(place)
    place.add_argument(
        "--ephemeral",
        action="store_true",
        help="use a new, empty database that is removed when the command ends",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one line of JSON, also on a terminal"
    )


def database_path(given: argparse.Namespace) -> Path:
    """Return the absolute path of the database that the options or the environment name."""
    path: Path = given.database or config.default_database()
    return path.absolute()


def serve_options(given: argparse.Namespace, *, existing: bool = True) -> list[str]:
    """Return the options of `serve` that make a child serve the database that was named.

    With `existing` the child ends with an error where there is no database, instead of making one.
    For a command that only reads it serves beside another process that has the database open.
    """
    if given.ephemeral:
        return ["--ephemeral", "--no-events"]
    # One word: the name may begin with a hyphen.
    place = [f"--database={given.database or config.default_database()}", "--no-events"]
    if given.reading:
        place.append("--reading")
    return [*place, "--existing"] if existing else place


def call_method(options: list[str], method: str, params: dict[str, Any]) -> Any:
    """Call one method through a child that serves with these options; returns the result.

    A terminal shows a progress bar while the method reports progress.
    """
    return json.loads(call_method_raw(options, method, json.dumps(params).encode()))


def call_method_raw(options: list[str], method: str, params: bytes) -> bytes:
    """Call a method as `call_method` does, with the params and the result as lines of JSON."""
    with closing(Bar()) as bar:
        return run_with_child(options, lambda child: child.call_raw(method, params), bar.notified)


@contextmanager
def database_lock(database: Path) -> Iterator[None]:
    """Hold the database's lock, for a command that works on the file without a serving process.

    Raises:
        CommandFailed: a process serves the database.
    """
    from sidecar.store import lockfile  # noqa: PLC0415 - only these commands need the driver
    from sidecar.store.scratch import empty_scratch  # noqa: PLC0415 - only these commands need it

    lock = lockfile.DatabaseLock(database)
    try:
        lock.acquire()
    except lockfile.AlreadyRunning as held:
        text = f"Process {held.pid or '?'} serves {database}; end that process first."
        raise CommandFailed(text, ExitCode.ALREADY_RUNNING) from None
    try:
        empty_scratch(database)
        yield
    finally:
        lock.release()
