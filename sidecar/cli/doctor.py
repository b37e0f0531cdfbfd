"""`sim-sidecar doctor`: check the computer, the installation and the database.

Each check prints one line, with the cure where something is wrong. The doctor needs neither the
database's lock nor a network. The database's content is checked through a child process, and only
when no other process serves it.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from sidecar.cli import doctor_checks as checks
from sidecar.cli.command import Command, add_database, database_path
from sidecar.cli.doctor_checks import Finding
from sidecar.cli.terminal_text import visible

_HELP = "check the computer, the installation and the database"
_EXAMPLES = """examples:
  sim-sidecar doctor
  sim-sidecar doctor --database my.db --json

It changes nothing, and says how to mend what is wrong. Exit code 1 when a check
fails; a warning is not a failure.
"""


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the database and the form of the output."""
    add_database(parser)
    parser.add_argument("--json", action="store_true", help="print all checks as one JSON array")


def _run(given: argparse.Namespace) -> int:
    """Make every check; returns 1 when one fails."""
    found = []
    for name, check in _checks(database_path(given)):
        try:
            finding = check()
        except Exception as fault:  # noqa: BLE001 - the other checks are still worth making
            detail = f"could not be checked: {type(fault).__name__}: {fault}"
            finding = Finding("fail", detail, "Look at the file system and the installation.")
        found.append({"state": finding.state, "name": name, **finding._asdict()})
        if not given.json:
            cure = f"\n       cure: {visible(finding.cure)}" if finding.cure else ""
            line = f"{f'[{finding.state}]':6} {name}: {visible(finding.detail)}"
            sys.stdout.write(f"{line}{cure}\n")
    if given.json:
        sys.stdout.write(json.dumps(found) + "\n")
    return int(any(each["state"] == "fail" for each in found))


def _checks(database: Path) -> list[tuple[str, Callable[[], Finding]]]:
    """Return all checks: the ground first, and leftovers before a child that may remove some."""
    return [
        ("python", checks.python),
        ("packages", checks.packages),
        ("sqlite", checks.sqlite),
        ("clock", lambda: checks.clock(database)),
        ("folder", lambda: checks.folder(database.parent)),
        ("disk", lambda: checks.free_space(database.parent)),
        ("lock", lambda: checks.lock(database)),
        ("backups", lambda: checks.backups(database)),
        ("leftovers", lambda: checks.leftovers(database)),
        ("process", checks.process),
        ("database", lambda: checks.content(database)),
    ]


COMMAND = Command("doctor", _HELP, _EXAMPLES, _add_options, _run)
