"""The command line: all commands, how their words are read, and what happens without a command."""

import argparse
import json
import sys

from sidecar import __version__, limits, serve_parser
from sidecar.cli import (
    audit,
    backup,
    backups,
    call,
    demo,
    diff,
    doctor,
    export,
    history,
    imports,
    inspect,
    openrpc,
    recover,
    remotes,
    restore,
    runs,
    search,
    secrets,
    stats,
    verify,
)
from sidecar.cli.child import CallFailed, ChildEnded
from sidecar.cli.command import Command
from sidecar.cli.failures import CommandFailed, report
from sidecar.errors import SidecarError

_MODULES = (call, search, history, diff, imports, export, runs, stats, secrets, audit, backup,
            backups, verify, restore, recover, remotes, doctor, inspect, demo, openrpc)  # fmt: skip
COMMANDS: dict[str, Command] = {module.COMMAND.name: module.COMMAND for module in _MODULES}
"""Every command but `serve`, by name, in the order in which `--help` lists them."""

_DESCRIPTION = """\
Store a desktop app's workflows, runs, settings, provider keys and audit log in
one SQLite file. Without a command sim-sidecar serves that file to the program
that starts it, by JSON-RPC 2.0 on stdin and stdout. The commands below are for
people at a terminal, and for scripts.
"""
_EXAMPLES = """examples:
  sim-sidecar demo                          see what it does, in a few seconds
  sim-sidecar serve --database my.db        what an app starts and talks to
  sim-sidecar call system.info --ephemeral  call one method
  sim-sidecar call workflows.save --database my.db \\
      workflow:='{"name": "Hello", "data": {"nodes": []}}'
  sim-sidecar search hello --database my.db
  sim-sidecar doctor                        see what is wrong, and how to mend it

Every command explains itself: sim-sidecar COMMAND --help
"""


def _parsers() -> tuple[serve_parser.Parser, dict[str, serve_parser.Parser]]:
    """Return the parser of the whole command line, and the parser of each command."""
    parser = serve_parser.Parser(
        prog="sim-sidecar",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", "-V", action="store_true", help="print the version and exit")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    text = "serve one database over stdin and stdout (this is the default)"
    serve_parser.add_serve_options(
        commands.add_parser("serve", help=text, description=serve_parser.DESCRIPTION)
    )
    for command in COMMANDS.values():
        subparser = commands.add_parser(
            command.name,
            help=command.help,
            description=f"{command.help[0].upper()}{command.help[1:]}.",
            epilog=command.examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_options(subparser)
    return parser, commands.choices


def _parse(words: list[str]) -> argparse.Namespace:
    """Read the words; a command's options may stand before, between and after its other words."""
    parser, subparsers = _parsers()
    command = COMMANDS.get(words[0]) if words else None
    if command is None:
        return parser.parse_args(words)
    if command.arrange is not None:
        return parser.parse_args([command.name, *command.arrange(words[1:])])
    given = subparsers[command.name].parse_intermixed_args(words[1:])
    given.command, given.version = command.name, False
    return given


def main(words: list[str]) -> int:
    """Run one command; returns its exit code."""
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    given = _parse(words)
    if given.version:
        return _print_version(as_json=given.json)
    if given.command not in COMMANDS:
        return explain_serving()
    try:
        return COMMANDS[given.command].run(given)
    except (CommandFailed, CallFailed, ChildEnded, SidecarError) as failure:
        return report(given.command, failure)


def _print_version(*, as_json: bool) -> int:
    """Print the version, as JSON with those of the protocol, Python and SQLite; returns 0."""
    if not as_json:
        sys.stdout.write(f"sim-sidecar {__version__}\n")
        return 0
    from sidecar.store.pragmas import sqlite_version  # noqa: PLC0415 - loads the driver

    facts = {
        "version": __version__,
        "protocol_version": limits.PROTOCOL_VERSION,
        "python": ".".join(map(str, sys.version_info[:3])),
        "sqlite": sqlite_version(),
    }
    sys.stdout.write(json.dumps(facts) + "\n")
    return 0


def explain_serving() -> int:
    """Explain to a person at a terminal what serving is for; returns the code of wrong usage."""
    sys.stderr.write(
        "sim-sidecar serves JSON-RPC 2.0 on stdin and stdout, one message a line, to the program\n"
        "that starts it. This is a terminal, so there is no such program. You can try:\n\n"
        "  sim-sidecar demo\n"
        "  sim-sidecar call system.info --ephemeral\n"
        '  echo \'{"jsonrpc":"2.0","id":1,"method":"system.ping"}\' | sim-sidecar serve'
        " --ephemeral\n"
        "  sim-sidecar --help\n"
    )
    return 2
