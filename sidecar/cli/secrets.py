"""`sim-sidecar secrets`: set up, keep, show and renew provider keys.

Every command is a process of its own, so each unlocks for itself and locks at its end. Values
and passphrases are asked for on the terminal; `set --stdin` takes a value from a pipe.
"""

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sidecar.cli.call import explain, place_options, tell_ended
from sidecar.cli.child import CallFailed, Child, ChildEnded
from sidecar.cli.tables import add_common, cell, put, table, time_text
from sidecar.cli.unlocking import NoTerminal, add_unlocking, ask, ask_twice, passphrase, unlock
from sidecar.cli.visible import lines

if TYPE_CHECKING:
    from rich.table import Table

EXAMPLES = """examples:
  sim-sidecar secrets init                 set up, with a passphrase asked for here
  sim-sidecar secrets init --keychain      or with the key in the system's keychain
  sim-sidecar secrets set openai           asks for the key
  pass show openai | sim-sidecar secrets set openai --stdin
  sim-sidecar secrets list
  sim-sidecar secrets recovery             a code for the drawer, told once
"""

_ACTS = {
    "status": "how secrets stand",
    "init": "set up, once",
    "list": "providers whose keys are kept",
    "set": "keep a provider's key",
    "get": "print a provider's key",
    "delete": "delete a provider's key",
    "passphrase": "change the passphrase",
    "recovery": "make a recovery code",
    "remove-slot": "remove one way to unlock, by its number",
    "rotate": "seal every key anew",
    "rekey": "replace every key there is; recovery codes end",
}
_NAMING = ("set", "get", "delete", "remove-slot")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    acts = "\n".join(f"{name}: {text}" for name, text in _ACTS.items())
    parser.add_argument("act", choices=_ACTS, metavar="ACT", help=acts.replace("\n", "; "))
    parser.add_argument("name", nargs="?", metavar="PROVIDER", help="the provider, or a slot")
    parser.add_argument("--stdin", action="store_true", help="set: take the value from a pipe")
    add_unlocking(parser)
    add_common(parser)


def run(given: argparse.Namespace) -> int:
    """Do one of them; returns the exit code."""
    if (given.act in _NAMING) != (given.name is not None):
        wants = "needs a PROVIDER" if given.act in _NAMING else "takes no PROVIDER"
        sys.stderr.write(f"sim-sidecar secrets {given.act} {wants}.\n")
        return 2
    try:
        # Only setting up may begin a database; a mistyped name must not look like an empty one.
        child = Child([*place_options(given, existing=given.act != "init"), "--no-events"])
        try:
            _DO[given.act](child, given)
        finally:
            child.close()
    except NoTerminal:
        sys.stderr.write("There is no terminal to ask on; give --passphrase-fd or --keychain.\n")
        return 2
    except CallFailed as failed:
        sys.stderr.write(explain(failed.error))
        return 1
    except ChildEnded as ended:
        return tell_ended(ended)
    return 0


def _say(given: argparse.Namespace, result: dict[str, Any], text: str) -> None:
    if given.json:
        put(given, result, _no_table)
    else:
        # In a pipe a key is printed byte for byte, to be used; on a terminal, to be seen.
        shown = lines(text) if sys.stdout.isatty() else text
        sys.stdout.write(f"{shown}\n")


def _no_table(_result: dict[str, Any]) -> "Table":
    raise AssertionError


def _status(child: Child, given: argparse.Namespace) -> None:
    def draw(result: dict[str, Any]) -> "Table":
        drawn = table(f"Secrets are {result['state']}.", "slot", "kind", "label", "made")
        for slot in result["slots"]:
            texts = (slot["slot"], slot["kind"], slot["label"], time_text(slot["created_at"]))
            drawn.add_row(*map(cell, texts))
        return drawn

    put(given, child.call("secrets.status"), draw)


def _init(child: Child, given: argparse.Namespace) -> None:
    if given.keychain:
        params: dict[str, Any] = {"keychain": True}
    elif given.passphrase_fd is not None:
        params = {"passphrase": passphrase(given)}
    else:
        params = {"passphrase": ask_twice("New passphrase: ")}
    result = child.call("secrets.initialize", params)
    advice = "Now make a recovery code: sim-sidecar secrets recovery"
    _say(given, result, f"Secrets are set up. {advice}")


def _list(child: Child, given: argparse.Namespace) -> None:
    def draw(result: dict[str, Any]) -> "Table":
        drawn = table("", "provider", "ends in", "set", "last read", "")
        for item in result["items"]:
            again = "to be entered again" if item["state"] == "enter_again" else ""
            times = (time_text(item["updated_at"]), time_text(item["last_used_at"]))
            hint = f"…{item['hint']}" if item["hint"] else ""
            drawn.add_row(*map(cell, (item["provider"], hint, *times, again)))
        return drawn

    if given.passphrase_fd is not None or given.keychain or given.recovery:
        unlock(child, given)
    put(given, child.call("secrets.list"), draw)


def _set(child: Child, given: argparse.Namespace) -> None:
    unlock(child, given)
    value = sys.stdin.read().rstrip("\r\n") if given.stdin else ask(f"Key of {given.name}: ")
    result = child.call("secrets.set", {"provider": given.name, "value": value})
    _say(
        given, result, f"The key of {given.name} is {'kept' if result['created'] else 'replaced'}."
    )


def _get(child: Child, given: argparse.Namespace) -> None:
    unlock(child, given)
    result = child.call("secrets.get", {"provider": given.name})
    _say(given, result, result["value"])


def _delete(child: Child, given: argparse.Namespace) -> None:
    unlock(child, given)
    result = child.call("secrets.delete", {"provider": given.name})
    child.call("system.purge")
    _say(given, result, f"The key of {given.name} is gone; no byte of it is left in the file.")


def _passphrase(child: Child, given: argparse.Namespace) -> None:
    old = passphrase(given, "Passphrase: ")
    child.call("secrets.unlock", {"passphrase": old})
    params = {"old_passphrase": old, "new_passphrase": ask_twice("New passphrase: ")}
    _say(given, child.call("secrets.change_passphrase", params), "The passphrase is another one.")


def _recovery(child: Child, given: argparse.Namespace) -> None:
    unlock(child, given)
    result = child.call("secrets.add_recovery")
    text = "Write this down; it opens everything, and is told only this once:"
    _say(given, result, f"{text}\n\n  {result['recovery_code']}\n")


def _remove_slot(child: Child, given: argparse.Namespace) -> None:
    unlock(child, given)
    slot = int(given.name) if given.name.isdecimal() else -1
    result = child.call("secrets.remove_slot", {"slot": max(slot, 0)})
    _say(given, result, f"Slot {given.name} opens nothing any more.")


def _rotate(child: Child, given: argparse.Namespace) -> None:
    unlock(child, given)
    result = child.call("secrets.rotate")
    _say(given, result, f"Sealed anew: {result['resealed']}.")


def _rekey(child: Child, given: argparse.Namespace) -> None:
    status = child.call("secrets.status")
    kinds = {slot["kind"] for slot in status["slots"]}
    params: dict[str, Any] = {}
    if "passphrase" in kinds:
        params = {"passphrase": passphrase(given)}
        child.call("secrets.unlock", params)
    else:
        unlock(child, given)
    result = child.call("secrets.rekey", params)
    advice = " Recovery codes ended; make a new one." if "recovery" in kinds else ""
    _say(given, result, f"Every key is another one; sealed anew: {result['resealed']}.{advice}")


_DO: dict[str, Callable[[Child, argparse.Namespace], None]] = {
    "status": _status,
    "init": _init,
    "list": _list,
    "set": _set,
    "get": _get,
    "delete": _delete,
    "passphrase": _passphrase,
    "recovery": _recovery,
    "remove-slot": _remove_slot,
    "rotate": _rotate,
    "rekey": _rekey,
}
