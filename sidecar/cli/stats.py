"""`sim-sidecar stats`: show counts and sizes."""

import argparse
from functools import partial
from typing import Any

from sidecar.cli.command import Command, add_common
from sidecar.cli.tables import Drawn, cell, show_call, size_text, table

_HELP = "show how much the database holds, and how large it is"
_EXAMPLES = """examples:
  sim-sidecar stats --database my.db
  sim-sidecar stats --json | jq .free_bytes
"""
_LABELS = {
    "archived": "archived workflows",
    "revisions": "older revisions",
    "live_bytes": "file, in use",
    "free_bytes": "file, free for reuse",
    "wal_bytes": "write-ahead log",
    "body_bytes": "workflow contents",
    "stored_bytes": "contents, compressed",
    "resident_bytes": "memory of the process",
}
"""Titles of rows for which the name of the result's member is not clear."""


def _run(given: argparse.Namespace) -> int:
    """Show how many rows there are of each kind, and how much space they take."""
    return show_call(given, "system.stats", {}, _draw)


def _draw(result: dict[str, Any]) -> Drawn:
    """Draw a table of counts and sizes."""
    drawn = table("", "what", "count")
    for name, value in result.items():
        if name == "methods":
            continue
        shown = size_text(value) if name.endswith("_bytes") else value
        drawn.add_row(cell(_LABELS.get(name, name.replace("_", " "))), cell(shown))
    return drawn


COMMAND = Command("stats", _HELP, _EXAMPLES, partial(add_common, reading=True), _run)
