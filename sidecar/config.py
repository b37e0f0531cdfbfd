"""How one serving process was asked to run: argv and environment, read once and frozen.

Owns defaults and the platform's user-data folder. Nothing secret is ever taken from here:
argv and environment are visible to other programs.
"""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import NamedTuple

from sidecar.log import LEVELS

DATABASE_VARIABLE = "SIM_SIDECAR_DATABASE"
"""Environment variable that names the database where no option does."""


class ServeConfig(NamedTuple):
    """Settings of `sim-sidecar serve`."""

    database: Path | None
    """The database file; None serves a fresh one that is removed at the end."""
    existing: bool
    """Whether the database must be there: a start that finds none makes none."""
    parent_pid: int | None
    """Process whose death ends this one; None is the parent seen at start."""
    events: bool
    """Whether audit and change events stream from the start."""
    log_level: str
    log_file: str | None
    threaded: bool
    """Whether the channel's threaded half is used even where descriptors can be polled."""
    dumpable: bool
    """Whether other programs may read the process's memory; then secrets never unlock."""
    passphrase_fd: int | None
    """Descriptor (Windows: handle) to read a passphrase from and unlock with, at the start."""


def user_data_folder() -> Path:
    """Where the platform keeps a user's application data."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Application Support")
    else:
        base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "sim-sidecar"


def default_database() -> Path:
    """The database used when none is named."""
    named = os.environ.get(DATABASE_VARIABLE)
    return Path(named) if named else user_data_folder() / "sim.db"


def add_serve_options(parser: ArgumentParser) -> None:
    """Declare the options of `serve`."""
    _add_place(parser)
    parser.add_argument(
        "--parent-pid",
        metavar="PID",
        type=int,
        help="end when this process dies (default: the process that started this one)",
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
        help="lowest level written (default: warning)",
    )
    parser.add_argument("--log-file", metavar="FILE", help="write the log there, not to stderr")
    parser.add_argument(
        "--threaded-io",
        action="store_true",
        help="move bytes by threads, as on Windows, even where pipes can be polled",
    )
    parser.add_argument(
        "--passphrase-fd",
        metavar="N",
        type=int,
        help="unlock secrets at the start with what this inherited descriptor holds"
        " (on Windows a handle), read to its end; never give a passphrase as an argument",
    )
    parser.add_argument(
        "--dumpable",
        action="store_true",
        help="let a profiler read the process's memory; secrets then never unlock",
    )


def _add_place(parser: ArgumentParser) -> None:
    """Where the database is, and whether it is made."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--database",
        metavar="FILE",
        type=Path,
        help=f"database file, made if missing (default: ${DATABASE_VARIABLE},"
        " else in the user-data folder)",
    )
    place.add_argument(
        "--ephemeral",
        action="store_true",
        help="serve a fresh database in a private folder that is removed at the end",
    )
    parser.add_argument(
        "--existing",
        action="store_true",
        help="make no database: end with code 10 where there is none",
    )


def _is_text(path: str) -> bool:
    """Whether a path can be told to SQLite and to a client, who both want Unicode."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def parse_serve(argv: list[str]) -> ServeConfig:
    """Read the options of `serve`; exits with code 2 and one line of help when they are wrong."""
    parser = ArgumentParser(
        prog="sim-sidecar serve",
        description="Serve one database over stdin and stdout: one JSON-RPC 2.0 message a line.",
        epilog="Try: echo "
        '\'{"jsonrpc":"2.0","id":1,"method":"system.ping"}\' | sim-sidecar serve --ephemeral',
    )
    add_serve_options(parser)
    given = parser.parse_args(argv)
    if given.passphrase_fd is not None and given.passphrase_fd <= 2:  # noqa: PLR2004 - stderr
        parser.error("--passphrase-fd must be another descriptor than stdin, stdout and stderr")
    if given.parent_pid is not None and given.parent_pid <= 0:
        parser.error("--parent-pid must be a positive process id")
    database = None if given.ephemeral else (given.database or default_database())
    if not _is_text(str(database)):
        parser.error("the database's path is not text in this locale; use UTF-8 or another path")
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
