"""The options of `sim-sidecar serve` for people: their descriptions, and what is wrong with some.

`arguments` reads usual arguments without this module.
"""

from argparse import SUPPRESS, ArgumentParser
from typing import Any, Final, NoReturn

from sidecar.config import DATABASE_VARIABLE
from sidecar.log import LEVELS


class Parser(ArgumentParser):
    """A parser of arguments that prints no control character: a terminal would obey it."""

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print a help text or an error, which repeats what was typed."""
        shown = "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in message)
        super()._print_message(shown, file)


def add_serve_options(parser: ArgumentParser) -> None:
    """Add the options of `serve` to a parser."""
    _add_place(parser)
    parser.add_argument(
        "--parent-pid",
        metavar="PID",
        type=int,
        help="end when this process ends (default: the process that started this one)",
    )
    parser.add_argument(
        "--no-events",
        action="store_true",
        help="send no audit and change events until audit.subscribe asks for them",
    )
    parser.add_argument(
        "--log-level",
        choices=LEVELS,
        default="warning",
        help="lowest level that is written (default: warning)",
    )
    parser.add_argument("--log-file", metavar="FILE", help="write the log there, not to stderr")
    parser.add_argument(
        "--threaded-io",
        action="store_true",
        help="read and write in threads, as on Windows, even where pipes can be polled",
    )
    parser.add_argument(
        "--passphrase-fd",
        metavar="N",
        type=int,
        help="read a passphrase from this inherited descriptor (on Windows a handle), one line,"
        " and unlock secrets with it at the start; never give a passphrase as an argument",
    )
    parser.add_argument(
        "--dumpable",
        action="store_true",
        help="let other programs read the memory of the process; secrets then never unlock",
    )


def _add_place(parser: ArgumentParser) -> None:
    """Add the options that say where the database is and whether it is created."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--database",
        metavar="FILE",
        help=f"database file, created if missing (default: ${DATABASE_VARIABLE},"
        " else a file in the user-data folder)",
    )
    place.add_argument(
        "--ephemeral",
        action="store_true",
        help="serve a new database in a private folder that is removed at the end",
    )
    parser.add_argument(
        "--existing",
        action="store_true",
        help="create no database: end with exit code 10 when there is none",
    )
    # For the commands that only read: no host needs it.
    parser.add_argument("--reading", action="store_true", help=SUPPRESS)


DESCRIPTION: Final = (
    "Serve one database over stdin and stdout: one JSON-RPC 2.0 message a line. Where the database"
    " is missing, cut off or damaged it serves a rescue: only methods that help to bring it back."
)


def _parser() -> Parser:
    """Return the parser of the arguments of `serve`."""
    parser = Parser(
        prog="sim-sidecar serve",
        description=DESCRIPTION,
        epilog="Try: echo "
        '\'{"jsonrpc":"2.0","id":1,"method":"system.ping"}\' | sim-sidecar serve --ephemeral',
    )
    add_serve_options(parser)
    return parser


def parse(argv: list[str]) -> dict[str, Any]:
    """Return what the arguments say; exit with code 2 when they are wrong."""
    given = vars(_parser().parse_args(argv))
    if given["passphrase_fd"] is not None and given["passphrase_fd"] <= 2:  # noqa: PLR2004 - stderr
        refuse("--passphrase-fd must not be stdin, stdout or stderr")
    if given["parent_pid"] is not None and given["parent_pid"] <= 0:
        refuse("--parent-pid must be a positive process id")
    return given


def refuse(message: str) -> NoReturn:
    """Print what is wrong with the arguments, and exit with code 2."""
    _parser().error(message)
