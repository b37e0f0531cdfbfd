"""`sim-sidecar history`: list the revisions of one workflow."""

import argparse
from typing import Any

from sidecar.cli.command import Command, add_common
from sidecar.cli.tables import Drawn, cell, name_cell, show_call, size_text, table, time_text

_HELP = "list the saved revisions of a workflow, newest first"
_EXAMPLES = """examples:
  sim-sidecar history my-workflow --database my.db
  sim-sidecar call workflows.revert id=my-workflow revision:=3 --database my.db

Every save that changes a workflow makes a revision. The second example makes
revision 3 the current one again.
"""


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the workflow's id and the common options."""
    parser.add_argument("id", metavar="ID", help="the workflow's id, as search shows it")
    parser.add_argument("--limit", type=int, help="show at most LIMIT revisions (default 50)")
    add_common(parser, reading=True)


def _run(given: argparse.Namespace) -> int:
    """List the revisions, newest first."""
    return show_call(given, "workflows.history", {"id": given.id, "limit": given.limit}, _draw)


def _draw(result: dict[str, Any]) -> Drawn:
    """Draw a table of revisions."""
    drawn = table("", "revision", "saved", "size", "name", "")
    for item in result["items"]:
        pinned = "kept because runs used it" if item["pinned_by_runs"] else ""
        texts = (item["revision"], time_text(item["created_at"]), size_text(item["size_bytes"]))
        drawn.add_row(*map(cell, texts), name_cell(item["name"]), cell(pinned))
    return drawn


COMMAND = Command("history", _HELP, _EXAMPLES, _add_options, _run)
