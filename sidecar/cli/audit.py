"""`sim-sidecar audit`: list, verify, export or prune the audit log."""

import argparse
import json
import re
from pathlib import Path
from typing import Any

from sidecar.cli.child import Child, run_with_child
from sidecar.cli.command import Command, add_common, serve_options
from sidecar.cli.failures import CommandFailed
from sidecar.cli.tables import Drawn, cell, print_result, table, time_text
from sidecar.cli.unlocking import add_unlocking, unlock
from sidecar.hardening import harden

_HELP = "list, verify, export or prune the audit log"
_EXAMPLES = """examples:
  sim-sidecar audit list --limit 20
  sim-sidecar audit verify                   finds out whether it was changed
  sim-sidecar audit verify --expect 41:9f2c…   and compares it with a noted head
  sim-sidecar audit export log.jsonl         writes the log to a signed file
  sim-sidecar audit prune --older-than-days 365

The log has an entry for every change, and for every reading of a key. Once secrets
are set up it is sealed, so verify, export and prune ask for the passphrase.
Exit code 1 when the log is not what this program wrote.
"""
_DAY_MS = 86_400_000
_SOUND = ("ok", "unsealed", "locked", "pruned")
"""Results of a verification in which nothing is wrong with the log."""


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the acts, and the options of each."""
    parser.add_argument("act", choices=_ACTS, metavar="ACT",
                        help="list, verify, export or prune")  # fmt: skip
    parser.add_argument("file", nargs="?", metavar="FILE", type=Path,
                        help="export: the file to write, which must not exist")  # fmt: skip
    parser.add_argument("--limit", type=int, help="list: show the newest LIMIT (default 50)")
    parser.add_argument("--expect", metavar="SEQ:MAC",
                        help="verify: a head noted earlier must be in the log")  # fmt: skip
    parser.add_argument("--older-than-days", metavar="DAYS", type=int,
                        help="prune: delete entries that are older")  # fmt: skip
    parser.add_argument("--keep-last", metavar="COUNT", type=int,
                        help="prune: delete all but the newest COUNT entries")  # fmt: skip
    parser.add_argument("--dry-run", action="store_true",
                        help="prune: only count the entries, delete none")  # fmt: skip
    parser.add_argument("--locked", action="store_true",
                        help="verify: check without a key, only order and both ends")  # fmt: skip
    add_unlocking(parser)
    add_common(parser)


def _run(given: argparse.Namespace) -> int:
    """Carry out the act; returns 1 when the log is not what it should be."""
    harden()
    act = _ACTS[given.act]
    given.reading = given.act == "list"
    result = run_with_child(serve_options(given), lambda child: act(child, given))
    print_result(given, result, _draw_list if given.act == "list" else _draw_facts)
    return 0 if result.get("status", "ok") in _SOUND else 1


def _list(child: Child, given: argparse.Namespace) -> dict[str, Any]:
    """List the newest entries."""
    limit = given.limit or 50
    after = max(0, child.ready["head"]["seq"] - limit)
    result: dict[str, Any] = child.call("audit.list", {"after": after, "limit": limit})
    return result


def _verify(child: Child, given: argparse.Namespace) -> dict[str, Any]:
    """Verify the log, without its key where `--locked` says so."""
    params: dict[str, Any] = {}
    if given.expect is not None:
        found = re.fullmatch(r"([0-9]{1,15}):([0-9a-f]{64})", given.expect.lower())
        if found is None:
            raise CommandFailed(
                "--expect needs SEQ:MAC: the number of an entry, a colon, 64 hex digits."
            )
        params = {"expect": {"seq": int(found[1]), "mac": found[2]}}
    return _call_unlocked(child, given, "audit.verify", params)


def _export(child: Child, given: argparse.Namespace) -> dict[str, Any]:
    """Export the log to a signed file."""
    if given.file is None:
        raise CommandFailed("export needs the name of a FILE to write.")
    return _call_unlocked(child, given, "audit.export", {"path": str(given.file.absolute())})


def _prune(child: Child, given: argparse.Namespace) -> dict[str, Any]:
    """Delete old entries."""
    if given.keep_last is None and given.older_than_days is None:
        raise CommandFailed("prune needs --older-than-days or --keep-last.")
    params: dict[str, Any] = {"keep_last": given.keep_last, "dry_run": given.dry_run}
    if given.older_than_days is not None:
        params["older_than_ms"] = given.older_than_days * _DAY_MS
    return _call_unlocked(child, given, "audit.prune", params)


_ACTS = {"list": _list, "verify": _verify, "export": _export, "prune": _prune}


def _call_unlocked(
    child: Child, given: argparse.Namespace, method: str, params: dict[str, Any]
) -> dict[str, Any]:
    """Unlock secrets, unless `--locked` forbids it, and call the method."""
    if not given.locked:
        unlock(child, given)
    result: dict[str, Any] = child.call(method, params)
    return result


def _draw_list(result: dict[str, Any]) -> Drawn:
    """Draw a table of log entries."""
    drawn = table("", "seq", "when", "action", "resource", "details")
    for item in result["items"]:
        details = json.dumps(item["details"]) if item["details"] else ""
        texts = (item["seq"], time_text(item["at"]), item["action"], item["resource"], details)
        drawn.add_row(*map(cell, texts))
    return drawn


def _draw_facts(result: dict[str, Any]) -> Drawn:
    """Draw a table of what verify, export or prune found."""
    drawn = table("", "what", "value")
    for name, value in result.items():
        shown = f"{value['seq']}:{value['mac']}" if name == "head" else value
        drawn.add_row(cell(name.replace("_", " ")), cell("-" if shown is None else shown))
    return drawn


COMMAND = Command("audit", _HELP, _EXAMPLES, _add_options, _run)
