"""The command line: which command with which options, and the help that teaches them."""

import argparse
import io
import json
import sys
from typing import Any

from sidecar import __version__, config, limits
from sidecar.cli import audit, call, demo, doctor, recover, secrets
from sidecar.cli.backups import Backup, Restore, Verify
from sidecar.cli.browse import History, Runs, Search, Stats

_EXAMPLES = """examples:
  sim-sidecar serve --database my.db          what a desktop shell spawns
  sim-sidecar call system.info --ephemeral    one method, from a terminal or a script
  sim-sidecar call workflows.save --database my.db \\
      workflow:='{"name": "Hello", "data": {"nodes": []}}'
  sim-sidecar search hello --database my.db   what people ask most has a command
  sim-sidecar backup --database my.db         and verify, and restore
  sim-sidecar doctor                          what is right and wrong with this machine
  sim-sidecar demo                            the product at work, in a few seconds
"""


_COMMANDS: dict[str, tuple[str, Any]] = {
    "call": ("call one method and print its result", call),
    "search": ("find workflows by what they are called and what is in them", Search),
    "history": ("list the revisions of a workflow", History),
    "runs": ("list runs, newest first", Runs),
    "stats": ("show how much there is and what it takes", Stats),
    "secrets": ("keep provider keys, sealed", secrets),
    "audit": ("read, verify, export or prune the audit log", audit),
    "backup": ("make a backup, checked and read back", Backup),
    "verify": ("look at a backup as a restore would", Verify),
    "restore": ("go back to a backup, also where the database does not open", Restore),
    "recover": ("save what can be read of a damaged database", recover),
    "doctor": ("check this machine and the database, with cures", doctor),
    "demo": ("show the product at work on a database of your own", demo),
}


def _parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser of all, and that of each command."""
    parser = argparse.ArgumentParser(
        prog="sim-sidecar",
        description="The local back end of a desktop workflow app: JSON-RPC on stdio over one"
        " SQLite file. Without a command it serves.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", "-V", action="store_true", help="print the version and exit")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    text = "serve one database over stdin and stdout (default)"
    serve = commands.add_parser("serve", help=text, description=text)
    config.add_serve_options(serve)
    for name, (text, module) in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=module.EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_options(command)
    commands.add_parser(
        "openrpc",
        help="print the machine-readable contract",
        description="Print every method, param, result and error as OpenRPC, in JSON.",
        epilog="examples:\n  sim-sidecar openrpc > openrpc.json\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser, commands.choices


def _parse(words: list[str]) -> argparse.Namespace:
    """Read the words; options may stand before, between and after what a command is given."""
    parser, commands = _parsers()
    if words[:1] == ["search"]:
        return parser.parse_args(["search", *Search.arrange(words[1:])])
    if not words or words[0] not in _COMMANDS:
        return parser.parse_args(words)
    given = commands[words[0]].parse_intermixed_args(words[1:])
    given.command, given.version = words[0], False
    return given


def main(words: list[str]) -> int:
    """Run one command; returns its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A name in any script must not end a command where the locale cannot spell it.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    given = _parse(words)
    if given.version:
        return _version(as_json=given.json)
    if given.command == "openrpc":
        import sidecar.handlers  # noqa: F401, PLC0415 - fills the catalog
        from sidecar.describe import openrpc_json  # noqa: PLC0415 - after the catalog is full

        sys.stdout.buffer.write(openrpc_json())
        return 0
    if given.command in _COMMANDS:
        _text, module = _COMMANDS[given.command]
        return int(module.run(given))
    return explain_serving()


def _version(*, as_json: bool) -> int:
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
    """Say to a person at a terminal what this process is for."""
    sys.stderr.write(
        "sim-sidecar serves JSON-RPC 2.0 on stdin and stdout, one message a line; it is spawned\n"
        "by a desktop shell or a script. To try it from here:\n\n"
        '  echo \'{"jsonrpc":"2.0","id":1,"method":"system.ping"}\' | sim-sidecar serve'
        " --ephemeral\n"
        "  sim-sidecar call system.info --ephemeral\n"
        "  sim-sidecar --help\n"
    )
    return 2
