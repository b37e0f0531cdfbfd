"""`sim-sidecar remotes`: set a remote, push to it, and list or verify its backups.

Every command starts a process of its own, which unlocks the secrets; they lock at its end.
"""

import argparse
import os
from pathlib import Path
from typing import Any

from sidecar.cli.acts import Act, Answer, help_text
from sidecar.cli.child import Child, run_with_child
from sidecar.cli.command import Command, add_common, serve_options
from sidecar.cli.failures import CommandFailed
from sidecar.cli.progress import Bar
from sidecar.cli.questions import ask
from sidecar.cli.tables import Drawn, cell, print_result, size_text, table, time_text
from sidecar.cli.unlocking import add_unlocking, read_descriptor, unlock
from sidecar.hardening import harden

_HELP = "push sealed backups and the audit log to a folder or an object store"
_EXAMPLES = """examples:
  sim-sidecar secrets init                        once; sets up what is sealed with
  sim-sidecar secrets recovery                    prints the code that opens a remote elsewhere
  sim-sidecar remotes set /media/stick/remote     a folder that exists
  sim-sidecar remotes set "s3://bucket/?endpoint=https://server"
  sim-sidecar remotes push                        makes a backup and sends what is due
  sim-sidecar remotes list
  sim-sidecar remotes verify                      reads everything and compares it
  sim-sidecar restore --from file:///media/stick/remote    on a new machine

An app that has the database open pushes by itself after each backup and each unlock.
"""


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the acts and their options."""
    parser.add_argument(
        "act", choices=_ACTS, metavar="ACT", help="what to do: one of the acts below"
    )
    parser.add_argument(
        "url", nargs="?", metavar="URL", help="set: the remote's URL, or the path of a folder"
    )
    parser.add_argument("--name", default="default", help="the remote, when there are several")
    parser.add_argument(
        "--credentials-fd",
        metavar="N",
        type=int,
        help="set: read the key's id and the secret key, one line, from file descriptor N",
    )
    add_unlocking(parser)
    add_common(parser)


def _run(given: argparse.Namespace) -> int:
    """Carry out the act; return 1 when a verification has found something."""
    if (given.act == "set") != (given.url is not None):
        needs = "needs" if given.act == "set" else "takes no"
        raise CommandFailed(f"{given.act} {needs} URL.")
    if given.ephemeral:
        raise CommandFailed("An ephemeral database has nothing to push.")
    harden()
    bar = Bar()
    code = 0

    def act(child: Child) -> None:
        nonlocal code
        if given.act != "status":
            unlock(child, given)
        result, shown = _ACTS[given.act].run(child, given)
        bar.close()
        code = 0 if result.get("ok", True) else 1
        print_result(given, result, shown if callable(shown) else lambda _: str(shown))

    try:
        run_with_child(serve_options(given), act, bar.notified)
    finally:
        bar.close()
    return code


def _status(child: Child, _given: argparse.Namespace) -> Answer:
    """Show the remotes, and what is to be pushed to each."""

    def draw(result: dict[str, Any]) -> Drawn:
        if not result["remotes"]:
            return "No remotes. Set one: sim-sidecar remotes set URL"
        drawn = table("", "name", "url", "pushed", "due", "failing")
        for each in result["remotes"]:
            due = f"{each['due_backups']} backups, {each['due_audit_entries']} entries"
            texts = (each["name"], each["url"], time_text(each["pushed_at"]), due)
            drawn.add_row(*map(cell, (*texts, each["failure"] or "")))
        return drawn

    return child.call("remotes.status"), draw


def _set(child: Child, given: argparse.Namespace) -> Answer:
    """Set a remote and test it."""
    is_url = "://" in given.url
    url = given.url if is_url else Path(os.path.abspath(given.url)).as_uri()  # noqa: PTH100 - keeps links
    params: dict[str, Any] = {"url": url, "name": given.name}
    if url.startswith("s3:"):
        if given.credentials_fd is None:
            params["credentials"] = ask("Access key id and secret access key: ")
        else:
            params["credentials"] = read_descriptor(given.credentials_fd)
    child.call("remotes.set", params)
    result = child.call("remotes.test", {"name": given.name})
    lacks = ", ".join(result["lacks"])
    text = f"The remote is set, but lacks: {lacks}." if lacks else "The remote is set, and works."
    return result, f"{text} Now push: sim-sidecar remotes push"


def _test(child: Child, given: argparse.Namespace) -> Answer:
    """Test a remote."""
    result = child.call("remotes.test", {"name": given.name})
    return result, "It works." if result[
        "ok"
    ] else f"The remote lacks: {', '.join(result['lacks'])}."


def _push(child: Child, given: argparse.Namespace) -> Answer:
    """Push what is due."""
    result = child.call("remotes.push", {"name": given.name})
    if not (result["backups"] or result["audit_entries"]):
        return result, "Everything was pushed before."
    backups = ", ".join(result["backups"]) or "no new backup"
    sent = size_text(result["sent_bytes"])
    return result, f"Pushed {backups} and {result['audit_entries']} entries of the log, {sent}."


def _list(child: Child, given: argparse.Namespace) -> Answer:
    """List the backups that a remote has."""

    def draw(result: dict[str, Any]) -> Drawn:
        if not result["backups"]:
            return "No backups."
        drawn = table("", "made", "name", "size", "device", "number")
        for each in result["backups"]:
            whose = "this one" if each["this_device"] else each["device"]
            texts = (time_text(each["created_at"]), each["name"], size_text(each["size_bytes"]))
            drawn.add_row(*map(cell, (*texts, whose, each["n"])))
        return drawn

    return child.call("remotes.list", {"name": given.name}), draw


def _verify(child: Child, given: argparse.Namespace) -> Answer:
    """Read everything in a remote and compare it."""
    result = child.call("remotes.verify", {"name": given.name, "deep": True})
    lines = [
        f"{result['heads']} heads and {result['objects']} objects of {result['devices']} devices: "
        + ("all sound." if result["ok"] else "not all sound.")
    ]
    lines += [f"  {each['kind']}: {each['detail']}" for each in result["findings"]]
    return result, "\n".join(lines)


def _delete(child: Child, given: argparse.Namespace) -> Answer:
    """Delete a remote from the database."""
    result = child.call("remotes.delete", {"name": given.name})
    return result, f"{given.name} was deleted here; its objects stay in the remote."


_ACTS = {
    "status": Act("show the remotes, and what is to be pushed", _status),
    "set": Act("set the remote at URL, and test it", _set),
    "test": Act("test whether a remote can do what is needed", _test),
    "push": Act("make a backup if something has changed, and push what is due", _push),
    "list": Act("list the backups that a remote has", _list),
    "verify": Act("read everything in a remote and compare it", _verify),
    "delete": Act("delete a remote here; its objects stay there", _delete),
}
COMMAND = Command("remotes", _HELP, help_text(_ACTS, _EXAMPLES), _add_options, _run)
