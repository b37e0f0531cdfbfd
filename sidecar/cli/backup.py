"""`sim-sidecar backup`: make a backup of the database."""

import argparse
from typing import Any

from sidecar.cli.command import Command, add_common
from sidecar.cli.failures import CommandFailed
from sidecar.cli.tables import show_call, size_text

_HELP = "make a backup of the database, and check it"
_EXAMPLES = """examples:
  sim-sidecar backup
  sim-sidecar backup --label "before the move" --database my.db

The backup is a file in the folder backups beside the database, unless the setting
backup_directory names another. It is read back and checked. See backups, verify, restore.
"""


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Declare what the backup is called and what it holds."""
    parser.add_argument("--label", help="a note that the list of backups shows")
    parser.add_argument(
        "--include-secrets",
        action="store_true",
        help="put the provider keys into the backup too, encrypted as they are",
    )
    add_common(parser, reading=True)


def _run(given: argparse.Namespace) -> int:
    """Make a backup."""
    if given.ephemeral:
        raise CommandFailed("with --ephemeral there is nothing to back up.")
    params = {"label": given.label, "include_secrets": given.include_secrets}
    return show_call(given, "backups.create", params, describe)


def describe(result: dict[str, Any]) -> str:
    """Return the result of `backups.create` in plain words."""
    secrets = "with the encrypted keys" if result["secrets"] == "sealed" else "without secrets"
    database, size = size_text(result["database_bytes"]), size_text(result["size_bytes"])
    return (
        f"The backup was made and checked: {result['path']}\n"
        f"It holds a database of {database} in {size}:"
        f" {result['counts']['workflows']} workflows, {secrets}."
    )


COMMAND = Command("backup", _HELP, _EXAMPLES, _add_options, _run)
