"""`sim-sidecar export`: write workflows into a file."""

import argparse
from pathlib import Path
from typing import Any

from sidecar.cli.command import Command, add_common
from sidecar.cli.tables import Drawn, cell, show_call, size_text, table

_HELP = "write workflows into a file, for another database or another tool"
_EXAMPLES = """examples:
  sim-sidecar export workflows.json            all of them, for sim-sidecar import
  sim-sidecar export mail.json --tag mail --runs --redact
  sim-sidecar export all.zip --original        one file each, as its tool reads it
  sim-sidecar export one.json --id my-workflow --overwrite

Texts that look like an API key or a password are listed; --redact omits them.
"""
_TOLD = ("missing", "damaged", "credentials")


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the file, which workflows to export, and how."""
    parser.add_argument("file", metavar="FILE", type=Path, help="the file to write")
    parser.add_argument("--id", dest="ids", metavar="ID", action="append",
                        help="export only this workflow; can be given again")  # fmt: skip
    parser.add_argument("--category", help="export only workflows of this category")
    parser.add_argument("--tag", dest="tags", metavar="TAG", action="append",
                        help="export only workflows with this tag, or another --tag")  # fmt: skip
    parser.add_argument("--source", help="export only workflows that came from this tool")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--archived", action="store_true", default=None,
                       help="export only archived workflows")  # fmt: skip
    which.add_argument("--live", dest="archived", action="store_false",
                       help="export only workflows that are not archived")  # fmt: skip
    parser.add_argument("--original", dest="format", action="store_const", const="original",
                        help="write a zip with the documents as their tools read them")  # fmt: skip
    parser.add_argument("--runs", action="store_true", help="also export the run history")
    parser.add_argument("--redact", action="store_true",
                        help="leave out what looks like a credential")  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    add_common(parser, reading=True)


def _run(given: argparse.Namespace) -> int:
    """Export the workflows; returns the exit code of success."""
    names = ("ids", "category", "tags", "source", "archived", "format", "runs", "redact",
             "overwrite")  # fmt: skip
    params = {"path": str(given.file.absolute()), **{name: getattr(given, name) for name in names}}
    return show_call(given, "workflows.export", params, _draw)


def _draw(result: dict[str, Any]) -> Drawn:
    """Draw what was written, and a table of what was found."""
    runs = f" and {result['runs']} runs" if result["runs"] else ""
    size = size_text(result["size_bytes"])
    title = f"{result['workflows']} workflows{runs} in {result['path']}, {size}."
    listed, found = len(result["credentials"]), result["credentials_total"]
    if listed < found:
        title += f" The first {listed} of {found} texts that look like credentials are listed."
    if not any(result[name] for name in _TOLD):
        return title
    drawn = table(title, "workflow", "", "step", "member")
    for name in ("missing", "damaged"):
        for workflow_id in result[name]:
            drawn.add_row(cell(workflow_id), cell(name))
    for each in result["credentials"]:
        word = "credential" if each["certainty"] == "found" else "perhaps a credential"
        shown = f"{word}, left out" if result["redacted"] else word
        texts = (each["id"], shown, each["step"] or "", each["member"])
        drawn.add_row(*map(cell, texts))
    return drawn


COMMAND = Command("export", _HELP, _EXAMPLES, _add_options, _run)
