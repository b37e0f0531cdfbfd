"""`sim-sidecar runs`: list runs of workflows."""

import argparse
from typing import Any

from sidecar.cli.command import Command, add_common
from sidecar.cli.tables import Drawn, cell, show_call, table, time_text

_HELP = "list runs of workflows, newest first"
_EXAMPLES = """examples:
  sim-sidecar runs                        runs of all workflows
  sim-sidecar runs my-workflow --status error --database my.db
"""


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that choose which runs are listed."""
    parser.add_argument("id", metavar="ID", nargs="?", help="list only runs of this workflow")
    parser.add_argument(
        "--status",
        dest="statuses",
        action="append",
        choices=("running", "success", "error", "cancelled"),
        help="list only runs of this status; give it again for further ones",
    )
    parser.add_argument("--limit", type=int, help="show at most LIMIT runs (default 50)")
    add_common(parser, reading=True)


def _run(given: argparse.Namespace) -> int:
    """List the runs, newest first."""
    params = {"workflow_id": given.id, "statuses": given.statuses, "limit": given.limit}
    return show_call(given, "runs.list", params, _draw)


def _draw(result: dict[str, Any]) -> Drawn:
    """Draw a table of runs."""
    if not result["items"]:
        return "No runs."
    colours = {"success": "green", "error": "red", "interrupted": "red", "running": "cyan"}
    headings = ("run", "workflow", "started", "status", "duration", "tokens", "error")
    drawn = table("", *headings)
    for item in result["items"]:
        taken_ms = item["duration_ms"]
        states = [name for name in ("interrupted", "waiting") if item[name]]
        state = states[0] if states else item["status"]
        drawn.add_row(
            cell(item["id"]),
            cell(item["workflow_id"]),
            cell(time_text(item["started_at"])),
            cell(state, colours.get(state, "")),
            cell("-" if taken_ms is None else f"{taken_ms} ms"),
            cell(item["tokens_used"]),
            cell(item["error_message"] or ""),
        )
    return drawn


COMMAND = Command("runs", _HELP, _EXAMPLES, _add_options, _run)
