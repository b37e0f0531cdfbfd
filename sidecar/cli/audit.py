"""`sim-sidecar audit`: read the log, prove that nobody changed it, take it along, cut it."""

import argparse
import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sidecar.cli.ask_passphrase import Unusable, add_unlocking, unlock
from sidecar.cli.call import explain, place_options, tell_ended
from sidecar.cli.child import CallFailed, Child, ChildEnded
from sidecar.cli.tables import add_common, cell, put, table, time_text
from sidecar.hardening import harden

if TYPE_CHECKING:
    from rich.table import Table

EXAMPLES = """examples:
  sim-sidecar audit list --limit 20
  sim-sidecar audit verify                 asks for the passphrase if the log is sealed
  sim-sidecar audit verify --expect 41:9f2c…   against a head you have kept elsewhere
  sim-sidecar audit export log.jsonl       signed; any tool can check it
  sim-sidecar audit prune --older-than-days 365
"""

_DAY_MS = 86_400_000
_SOUND = ("ok", "unsealed", "locked", "pruned")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("act", choices=("list", "verify", "export", "prune"), metavar="ACT",
                        help="list, verify, export or prune")  # fmt: skip
    parser.add_argument("file", nargs="?", metavar="FILE", type=Path, help="export: a new file")
    parser.add_argument("--limit", type=int, help="list: the newest so many (default 50)")
    parser.add_argument("--expect", metavar="SEQ:MAC", help="verify: a head kept elsewhere")
    parser.add_argument("--older-than-days", type=int, help="prune: entries older than this go")
    parser.add_argument("--keep", type=int, help="prune: all but the newest so many go")
    parser.add_argument(
        "--locked", action="store_true", help="verify: look at order and ends only, without a key"
    )
    add_unlocking(parser)
    add_common(parser)


def run(given: argparse.Namespace) -> int:
    """Do one of them; returns the exit code, 1 when the log is not what it should be."""
    harden()
    try:
        child = Child([*place_options(given, existing=True), "--no-events"])
        try:
            return _run(child, given)
        finally:
            child.close()
    except Unusable as unusable:
        sys.stderr.write(f"{unusable}\n")
        return 2
    except CallFailed as failed:
        sys.stderr.write(explain(failed.error))
        return 1
    except ChildEnded as ended:
        return tell_ended(ended)


def _run(child: Child, given: argparse.Namespace) -> int:
    if given.act == "list":
        limit = given.limit or 50
        newest = child.ready["head"]["seq"]
        params = {"after": max(0, newest - limit), "limit": limit}
        put(given, child.call("audit.list", params), _draw_list)
        return 0
    if not given.locked:
        unlock(child, given)
    if given.act == "verify":
        return _verify(child, given)
    if given.act == "export":
        if given.file is None:
            sys.stderr.write("sim-sidecar audit export needs a FILE.\n")
            return 2
        result = child.call("audit.export", {"path": str(given.file.absolute())})
        put(given, result, _draw_facts)
        return 0 if result["status"] in _SOUND else 1
    return _prune(child, given)


def _verify(child: Child, given: argparse.Namespace) -> int:
    params: dict[str, Any] = {}
    if given.expect is not None:
        found = re.fullmatch(r"([0-9]{1,15}):([0-9a-f]{64})", given.expect.lower())
        if found is None:
            raise Unusable("--expect wants SEQ:MAC: an entry's number, a colon, 64 hex digits.")
        params = {"expect": {"seq": int(found[1]), "mac": found[2]}}
    result = child.call("audit.verify", params)
    put(given, result, _draw_facts)
    return 0 if result["status"] in _SOUND else 1


def _prune(child: Child, given: argparse.Namespace) -> int:
    if (given.keep is None) == (given.older_than_days is None):
        sys.stderr.write("sim-sidecar audit prune needs --older-than-days or --keep.\n")
        return 2
    if given.keep is not None:
        params = {"keep": given.keep}
    else:
        params = {"before_at": time.time_ns() // 1_000_000 - given.older_than_days * _DAY_MS}
    put(given, child.call("audit.prune", params), _draw_facts)
    return 0


def _draw_list(result: dict[str, Any]) -> "Table":
    drawn = table("", "seq", "when", "action", "of", "details")
    for item in result["items"]:
        details = json.dumps(item["details"]) if item["details"] else ""
        texts = (item["seq"], time_text(item["at"]), item["action"], item["resource"], details)
        drawn.add_row(*map(cell, texts))
    return drawn


def _draw_facts(result: dict[str, Any]) -> "Table":
    drawn = table("", "what", "is")
    for name, value in result.items():
        shown = f"{value['seq']}:{value['mac']}" if name == "head" else value
        drawn.add_row(cell(name.replace("_", " ")), cell("-" if shown is None else shown))
    return drawn
