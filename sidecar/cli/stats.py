"""`sim-sidecar stats`: show counts and sizes."""

import argparse
from typing import TYPE_CHECKING, Any

from sidecar.cli.command import Command, add_common
from sidecar.cli.tables import cell, show_call, size_text, table

if TYPE_CHECKING:
    from rich.table import Table

_HELP = "show how much the database holds, and how large it is"
_EXAMPLES = """examples:
  sim-sidecar stats --database my.db
  sim-sidecar stats --json | jq .free_bytes
"""


def _run(given: argparse.Namespace) -> int:
    """Show how many rows there are of each kind, and how much space they take."""
    return show_call(given, "system.stats", {}, _draw)


def _draw(result: dict[str, Any]) -> "Table":
    drawn = table("", "what", "count")
    for name, value in result.items():
        if name == "methods":
            continue
        shown = size_text(value) if name.endswith("_bytes") else value
        drawn.add_row(cell(name.replace("_", " ").removesuffix(" bytes")), cell(shown))
    return drawn


COMMAND = Command("stats", _HELP, _EXAMPLES, add_common, _run)
