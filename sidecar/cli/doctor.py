"""`sim-sidecar doctor`: one line a check, each with the cure for what is wrong.

Works without the database's lock and without network; the database itself is checked through a
child process, and only when nobody else serves it.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from sidecar import config
from sidecar.cli import doctor_checks as looks
from sidecar.cli.doctor_checks import Check
from sidecar.cli.terminal_text import visible

EXAMPLES = """examples:
  sim-sidecar doctor
  sim-sidecar doctor --database my.db --json

Exit code 1 when a check fails; a warning is no failure.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `doctor`."""
    parser.add_argument(
        "--database", metavar="FILE", type=Path, help="the database (default: the app's own)"
    )
    parser.add_argument("--json", action="store_true", help="the checks as one JSON array")


def run(given: argparse.Namespace) -> int:
    """Look at everything; returns 1 when something fails."""
    database: Path = (given.database or config.default_database()).absolute()
    checks = []
    for name, look in _looks(database):
        check = _look(name, look)
        checks.append(check)
        if not given.json:
            cure = f"\n       cure: {visible(check.cure)}" if check.cure else ""
            found = f"{check.name}: {visible(check.detail)}"
            sys.stdout.write(f"{f'[{check.state}]':6} {found}{cure}\n")
    if given.json:
        sys.stdout.write(json.dumps([check._asdict() for check in checks]) + "\n")
    return int(any(check.state == "fail" for check in checks))


def _looks(database: Path) -> list[tuple[str, Callable[[], Check]]]:
    """What is looked at, from the ground up; leftovers before a child clears some."""
    return [
        ("python", looks.python),
        ("packages", looks.packages),
        ("sqlite", looks.sqlite),
        ("clock", lambda: looks.clock(database)),
        ("folder", lambda: looks.folder(database.parent)),
        ("disk", lambda: looks.room(database.parent)),
        ("lock", lambda: looks.lock(database)),
        ("backups", lambda: looks.backups(database)),
        ("leftovers", lambda: looks.leftovers(database)),
        ("process", looks.process),
        ("database", lambda: looks.content(database)),
    ]


def _look(name: str, look: Callable[[], Check]) -> Check:
    """One look; when it cannot even be taken, that is what was found."""
    try:
        return look()
    except Exception as fault:  # noqa: BLE001 - the other looks are still worth taking
        detail = f"cannot be looked at: {type(fault).__name__}: {fault}"
        return Check("fail", name, detail, "Look at the file system and the installation.")
