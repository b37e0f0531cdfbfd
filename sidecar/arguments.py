"""Reads the arguments of `serve`: usual ones at once, others with the parser for people.

Importing argparse and reading with it would take a tenth of a start.
"""

import sys
from pathlib import Path
from typing import Any, Final

from sidecar.config import ServeConfig, default_database
from sidecar.log import LEVELS

_FLAGS: Final = {
    "ephemeral": False, "existing": False, "reading": False, "no_events": False,
    "threaded_io": False, "dumpable": False,
}  # fmt: skip
_VALUES: Final = {
    "database": None, "parent_pid": None, "log_level": "warning", "log_file": None,
    "passphrase_fd": None,
}  # fmt: skip
"""The options of `serve` without and with a value, and their defaults; `serve_parser` describes
them."""
_NUMBERS: Final = {"parent_pid": 0, "passphrase_fd": 2}
"""The keys whose values are numbers, with the number that the value must exceed."""


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
    given = _read_usual(argv)
    if given is None:
        from sidecar import serve_parser  # noqa: PLC0415 - only unusual arguments need argparse

        given = serve_parser.parse(argv)
    named = given["database"]
    database = (
        None if given["ephemeral"] else (default_database() if named is None else Path(named))
    )
    if not _is_text(str(database)):
        from sidecar import serve_parser  # noqa: PLC0415 - the same

        serve_parser.refuse("the path of the database is not text in this locale; use UTF-8")
    return ServeConfig(
        database=database,
        existing=given["existing"],
        reading=given["reading"],
        parent_pid=given["parent_pid"],
        events=not given["no_events"],
        log_level=given["log_level"],
        log_file=given["log_file"],
        threaded=given["threaded_io"] or sys.platform == "win32",
        dumpable=given["dumpable"],
        passphrase_fd=given["passphrase_fd"],
    )


def _read_usual(argv: list[str]) -> dict[str, Any] | None:
    """Read whole names of options with sound values; None where there is anything else."""
    given: dict[str, Any] = {**_VALUES, **_FLAGS}
    words = iter(argv)
    for word in words:
        option, equals, value = word.partition("=")
        name = option.removeprefix("--").replace("-", "_")
        if name == option or "_" in option:
            return None
        if name in _FLAGS and not equals:
            given[name] = True
        elif name in _VALUES:
            given[name] = value = value if equals else next(words, "")
            if not value or value.startswith("-"):
                return None
        else:
            return None
    for name in _NUMBERS:
        if given[name] is not None:
            if not (given[name].isdecimal() and int(given[name]) > _NUMBERS[name]):
                return None
            given[name] = int(given[name])
    both = given["ephemeral"] and given["database"] is not None
    return None if both or given["log_level"] not in LEVELS else given
