"""`sim-sidecar verify`: check one backup."""

import argparse
from pathlib import Path
from typing import Any

from sidecar.cli.child import ChildEnded
from sidecar.cli.command import Command, add_common, call_method, serve_options
from sidecar.cli.tables import print_result

_HELP = "check that a backup can be restored"
_EXAMPLES = """examples:
  sim-sidecar verify /media/stick/sim_backup_20260318_123000.db.zst
  sim-sidecar verify sim_backup_20260318_123000.db.zst --database my.db

It unpacks the backup and checks what a restore checks. The database is not
changed. Exit code 1 when something is wrong with the backup.
"""


def add_backup(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
    """Declare the argument that names a backup."""
    parser.add_argument(
        "backup",
        metavar="BACKUP",
        nargs=nargs,
        help="a backup's name, as sim-sidecar backups shows it, or its path",
    )


def backup_params(text: str) -> dict[str, str]:
    """Return a backup as methods name it: by name when it is in the folder, else by path."""
    path = Path(text)
    if path.name == text and not path.exists():
        return {"name": text}
    return {"path": str(path.absolute())}


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the backup and the common options."""
    add_backup(parser)
    add_common(parser)


def _run(given: argparse.Namespace) -> int:
    """Check the backup; returns 1 when it is not sound."""
    result = _verify(given)
    print_result(given, result, describe)
    return 0 if result["ok"] else 1


def _verify(given: argparse.Namespace) -> dict[str, Any]:
    """Check the backup through a child that serves the database, or through an empty database."""
    params = backup_params(given.backup)
    result: dict[str, Any]
    try:
        result = call_method(serve_options(given), "backups.verify", params)
    except ChildEnded:
        if "path" not in params:
            raise
        # The app is serving the database now, or there is none; the file alone can be checked.
        result = call_method(["--ephemeral", "--no-events"], "backups.verify", params)
        if result["backup"] is not None:
            result["backup"]["this_database"] = None  # which one it is of could not be asked
    return result


def describe(result: dict[str, Any]) -> str:
    """Return the result of `backups.verify` in plain words."""
    if result["ok"]:
        counts = result["backup"]["counts"]
        return f"The backup is sound: {counts['workflows']} workflows, {counts['runs']} runs."
    findings = [f"  {each['kind']}: {each['detail']}" for each in result["findings"]]
    return "\n".join(["The backup is not sound:", *findings])


COMMAND = Command("verify", _HELP, _EXAMPLES, _add_options, _run)
