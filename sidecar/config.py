"""The settings of one serving process, read once from its arguments and its environment.

Has the defaults and the platform's folder for user data. Secrets are never given in this way:
other programs can see the arguments and the environment of a process.
"""

import os
import sys
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from sidecar.errors import StorageFailed
from sidecar.log import LEVELS

DATABASE_VARIABLE = "SIM_SIDECAR_DATABASE"
"""The environment variable that names the database when no option does."""


class Parser(ArgumentParser):
    """A parser of arguments that prints no control character: a terminal would obey it."""

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print a help text or an error, which repeats what was typed."""
        shown = "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in message)
        super()._print_message(shown, file)


class ServeConfig(msgspec.Struct, frozen=True):
    """The settings of `sim-sidecar serve`."""

    database: Path | None
    """The database file; None serves a new one that is removed at the end."""
    existing: bool
    """Whether the database must exist: a start that finds none does not create it."""
    parent_pid: int | None
    """The process that this one ends with; None for the process that started this one."""
    events: bool
    """Whether audit and change events are sent from the start."""
    log_level: str
    log_file: str | None
    threaded: bool
    """Whether threads read and write even where the descriptors can be polled."""
    dumpable: bool
    """Whether other programs may read the memory of the process; secrets then never unlock."""
    passphrase_fd: int | None
    """The descriptor (on Windows the handle) to read a passphrase from, to unlock at the start."""


def user_data_folder() -> Path:
    """Return the folder for this program in the platform's folder for user data.

    Raises:
        StorageFailed: there is no such folder for this user.
    """
    if sys.platform == "win32":
        named, inside = "LOCALAPPDATA", ("AppData", "Local")
    elif sys.platform == "darwin":
        named, inside = "", ("Library", "Application Support")
    else:
        named, inside = "XDG_DATA_HOME", (".local", "share")
    base = Path(os.environ.get(named, ""))
    if not base.is_absolute():  # the XDG specification has a relative path ignored
        base = _home().joinpath(*inside)
    return base / "sim-sidecar"


def _home() -> Path:
    """Return the user's own folder.

    Raises:
        StorageFailed: the environment does not name it, and the user has no entry in the system.
    """
    if sys.platform == "win32":
        home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises without one
    else:
        home = Path(os.environ.get("HOME", ""))
        if not home.is_absolute():
            import pwd  # noqa: PLC0415 - POSIX only

            with suppress(KeyError):
                home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    if not home.is_absolute():
        message = "There is no folder for user data: HOME is not set to an absolute path."
        raise StorageFailed(message, hint=f"Name a file with --database or in {DATABASE_VARIABLE}.")
    return home


def default_database() -> Path:
    """Return the path of the database to serve when no option names one.

    Raises:
        StorageFailed: there is no folder for user data.
    """
    named = os.environ.get(DATABASE_VARIABLE)
    return Path(named) if named else user_data_folder() / "sim.db"


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
        type=Path,
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


def _is_text(path: str) -> bool:
    """Return whether a path is valid Unicode, which SQLite and clients require."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def parse_serve(argv: list[str]) -> ServeConfig:
    """Return the settings that these arguments make; exit with code 2 when they are wrong.

    Raises:
        StorageFailed: no database is named, and there is no folder for user data.
    """
    parser = Parser(
        prog="sim-sidecar serve",
        description="Serve one database over stdin and stdout: one JSON-RPC 2.0 message a line.",
        epilog="Try: echo "
        '\'{"jsonrpc":"2.0","id":1,"method":"system.ping"}\' | sim-sidecar serve --ephemeral',
    )
    add_serve_options(parser)
    given = parser.parse_args(argv)
    if given.passphrase_fd is not None and given.passphrase_fd <= 2:  # noqa: PLR2004 - stderr
        parser.error("--passphrase-fd must not be stdin, stdout or stderr")
    if given.parent_pid is not None and given.parent_pid <= 0:
        parser.error("--parent-pid must be a positive process id")
    database = None if given.ephemeral else (given.database or default_database())
    if not _is_text(str(database)):
        parser.error("the path of the database is not text in this locale; use UTF-8")
    return ServeConfig(
        database=database,
        existing=given.existing,
        parent_pid=given.parent_pid,
        events=not given.no_events,
        log_level=given.log_level,
        log_file=given.log_file,
        threaded=given.threaded_io or sys.platform == "win32",
        dumpable=given.dumpable,
        passphrase_fd=given.passphrase_fd,
    )
