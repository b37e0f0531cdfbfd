"""`sim-sidecar inspect`: show a database, or the traffic of a host, on a page in the browser."""

import argparse
import json

from sidecar.cli.command import Command, add_database, database_path
from sidecar.cli.failures import CommandFailed
from sidecar.errors import ExitCode

_HELP = "show a database, or the traffic of a host and its sidecar, on a page in the browser"
_EXAMPLES = """examples:
  sim-sidecar inspect --database my.db            only reads
  sim-sidecar inspect --database my.db --write    also call methods that change it
  sim-sidecar inspect --through -- sim-sidecar serve --database my.db

The first form copies the database, whether an app has it open or not, and shows the
copy: workflows as drawn graphs, runs and sizes as charts, the audit log, backups with
a trial restore, and a form for every method. The app is left alone; a button takes a
new copy. With --write the page works on the file itself, which no app may have open.

The second form is for the person who embeds the sidecar: let the app start it in the
place of the sidecar. All bytes pass unchanged, and so do the exit code and signals;
the page shows each frame with its time, to be sent again or copied as a command. The
address of the page is in a line on stderr: {"event":"inspector","url":...}.

The page is served on this machine only, and only to a browser that has the address,
which holds a random token. Passphrases and keys in frames are hidden. The page needs no network.
"""
_USAGE = """sim-sidecar inspect [--database FILE] [--write] [--port N]
       sim-sidecar inspect --through [--port N] -- COMMAND [ARGUMENT ...]"""
_NOT_FOUND, _NOT_STARTED = 127, 126
"""The exit codes of shells for a command that does not exist, and one that cannot be run."""
_PORT_MAX = 65_535


def _port(text: str) -> int:
    """Return a port."""
    if not (text.isascii() and text.isdigit() and int(text) <= _PORT_MAX):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a number from 0 to {_PORT_MAX}")
    return int(text)


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Declare what is inspected, and whether it may be changed."""
    parser.usage = _USAGE
    add_database(parser)
    parser.add_argument(
        "--write", action="store_true", help="allow methods that change the database"
    )
    parser.add_argument(
        "--through",
        action="store_true",
        help="run the command after --, and show the traffic between it and the host",
    )
    parser.add_argument(
        "--port", type=_port, default=0, help="the port of the page (default: any free port)"
    )
    parser.add_argument("--command", dest="words", default="[]", help=argparse.SUPPRESS)


def _arrange(words: list[str]) -> list[str]:
    """Join the words after `--`, which may look like options of this command, into one."""
    if "--" not in words:
        return words
    at = words.index("--")
    return [*words[:at], f"--command={json.dumps(words[at + 1 :])}"]


def _run(given: argparse.Namespace) -> int:
    """Serve the page until the person ends it."""
    command: list[str] = json.loads(given.words)
    if given.through:
        if given.database is not None or given.write:
            raise CommandFailed("--through cannot be combined with --database or --write.")
        if not command:
            raise CommandFailed("name the command of the sidecar after --through --.")
        return _inspect_through(command, given.port)
    if command:
        raise CommandFailed("a command after -- needs --through.")
    return _inspect_database(given)


def _inspect_through(command: list[str], port: int) -> int:
    """Forward the traffic of a host and the command; end the process as the command ends."""
    from sidecar.inspector import start  # noqa: PLC0415 - only this command opens a socket

    try:
        start.inspect_through(command, port=port)
    except FileNotFoundError:
        raise CommandFailed(f"there is no command {command[0]}.", _NOT_FOUND) from None
    except OSError as fault:
        text = f"{command[0]} cannot be started: {fault.strerror or fault}."
        raise CommandFailed(text, _NOT_STARTED) from fault
    return 0


def _inspect_database(given: argparse.Namespace) -> int:
    """Show a database until Ctrl-C."""
    from sidecar.inspector import start  # noqa: PLC0415 - only this command opens a socket
    from sidecar.inspector.served import Ended  # noqa: PLC0415 - the same

    try:
        start.inspect_database(database_path(given), writable=given.write, port=given.port)
    except Ended as ended:
        raise CommandFailed(str(ended), ended.code or ExitCode.INTERNAL) from None
    return 0


COMMAND = Command("inspect", _HELP, _EXAMPLES, _add_options, _run, _arrange)
