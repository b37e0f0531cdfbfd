"""`sim-sidecar backups`: list the backups, also where the database is missing or does not open."""

import argparse
import sys
from typing import Any

from sidecar import limits
from sidecar.cli.child import ChildEnded
from sidecar.cli.command import Command, add_common, call_method, database_path, serve_options
from sidecar.cli.tables import Drawn, cell, print_result, size_text, table, time_text
from sidecar.cli.terminal_text import visible

_HELP = "list the backups, also where the database is missing or does not open"
_EXAMPLES = """examples:
  sim-sidecar backups
  sim-sidecar backups --database my.db --json

Without a database, or beside a process that serves it, the folder backups beside
its place is listed. See backup, verify, restore.
"""


def _run(given: argparse.Namespace) -> int:
    """List the backups, newest first."""
    print_result(given, _list(given), _draw)
    return 0


def _list(given: argparse.Namespace) -> dict[str, Any]:
    """Return what `backups.list` answers, or the same about the default folder without a child."""
    try:
        result: dict[str, Any] = call_method(
            serve_options(given), "backups.list", {"limit": limits.PAGE_MAX}
        )
    except ChildEnded as ended:
        if given.ephemeral:
            raise
        sys.stderr.write(f"{visible(ended)} Its default folder is listed.\n")
        return _list_default_folder(given)
    return result


def _list_default_folder(given: argparse.Namespace) -> dict[str, Any]:
    """List the folder beside the place of the database."""
    import msgspec  # noqa: PLC0415 - only for this

    from sidecar.backups.directory import list_backups  # noqa: PLC0415 - loads the driver
    from sidecar.handlers.backups.views import view  # noqa: PLC0415 - loads the driver
    from sidecar.store.backup_names import DEFAULT  # noqa: PLC0415 - as above

    items = [view(each, b"") for each in list_backups(database_path(given).parent / DEFAULT)]
    return {"items": msgspec.to_builtins(items), "next_cursor": None}


def _draw(result: dict[str, Any]) -> Drawn:
    """Draw a table of backups."""
    if not result["items"]:
        return "No backups."
    drawn = table("", "made", "name", "why", "size", "count", "label")
    for item in result["items"]:
        drawn.add_row(
            cell(time_text(item["created_at"])),
            cell(item["name"]),
            cell(item["reason"]),
            cell(size_text(item["size_bytes"])),
            cell(item["counts"]["workflows"]),
            cell(item["label"] or ""),
        )
    return drawn


COMMAND = Command("backups", _HELP, _EXAMPLES, add_common, _run)
