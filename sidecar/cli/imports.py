"""`sim-sidecar import`: bring in workflows of other tools, or of this program."""

import argparse
from pathlib import Path
from typing import Any

from sidecar.cli.command import (
    Command,
    add_common,
    call_method,
    database_path,
    serve_options,
)
from sidecar.cli.tables import Drawn, cell, print_result, table

_HELP = "bring in workflows from a file, a folder or a zip archive"
_EXAMPLES = """examples:
  sim-sidecar import flow.json                 one workflow, or an export of many
  sim-sidecar import ~/Downloads/flows.zip     every .json, .yaml and .yml file in it
  sim-sidecar import flows/ --dry-run          only tell what would be done
  sim-sidecar import flows/ --replace          bring what has changed up to date

Workflows of n8n, Node-RED, Flowise, Langflow, Sim, ComfyUI, Dify, Step Functions,
Logic Apps and others are known by what is in the file; any other JSON comes in too.
The same import again makes nothing twice. Exit code 1 when something was refused.
"""


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Declare what to import, and what becomes of what is there."""
    parser.add_argument("path", metavar="PATH", type=Path, help="a file, a folder or a zip archive")
    policy = parser.add_mutually_exclusive_group()
    policy.add_argument("--skip", dest="policy", action="store_const", const="skip", default="new",
                        help="leave what was imported before as it is")  # fmt: skip
    policy.add_argument("--replace", dest="policy", action="store_const", const="replace",
                        help="replace what was imported before; keeps revisions")  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be done")
    add_common(parser)


def _run(given: argparse.Namespace) -> int:
    """Import; returns 1 when a file or a document was refused."""
    params = {
        "path": str(given.path.absolute()),
        "policy": given.policy,
        "dry_run": given.dry_run,
    }
    if given.dry_run and not database_path(given).exists():
        given.ephemeral = True  # the database would be made empty, and a dry run makes none
    options = serve_options(given, existing=False)
    result = call_method(options, "workflows.import", params)
    print_result(given, result, _draw)
    return 1 if result["refused"] else 0


def _draw(result: dict[str, Any]) -> Drawn:
    """Draw how many came in, and a table of those that did not."""
    names = ("created", "replaced", "skipped", "refused")
    title = ", ".join(f"{name} {result[name]}" for name in names).capitalize() + "."
    if result["items_omitted"]:
        title += f" The last {result['items_omitted']} of these are not listed."
    refused = [each for each in result["items"] if each["outcome"] == "refused"]
    if not refused:
        return title
    drawn = table(title, "file", "item", "refused")
    for each in refused:
        place = "" if each["index"] is None else each["index"] + 1
        drawn.add_row(cell(each["path"]), cell(place), cell(each["reason"].replace("_", " ")))
    return drawn


COMMAND = Command("import", _HELP, _EXAMPLES, _add_options, _run)
