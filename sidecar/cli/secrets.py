"""`sim-sidecar secrets`: set up, keep, show and renew provider keys.

Every command is a process of its own, so each unlocks for itself and locks at its end. Values
and passphrases are asked for on the terminal; `set --stdin` takes a value from a pipe.
"""

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sidecar.cli.ask_passphrase import (
    Unusable,
    add_unlocking,
    ask,
    ask_twice,
    passphrase,
    read_descriptor,
    unlock,
)
from sidecar.cli.call import explain, place_options, tell_ended
from sidecar.cli.child import CallFailed, Child, ChildEnded
from sidecar.cli.tables import add_common, cell, put, table, time_text
from sidecar.cli.terminal_text import lines
from sidecar.hardening import harden

if TYPE_CHECKING:
    from rich.table import Table

EXAMPLES = """examples:
  sim-sidecar secrets init                 set up, with a passphrase asked for here
  sim-sidecar secrets init --keychain      or with the key in the system's keychain
  sim-sidecar secrets set openai           asks for the key
  pass show openai | sim-sidecar secrets set openai --stdin
  sim-sidecar secrets list
  sim-sidecar secrets recovery             a code for the drawer, told once
  sim-sidecar secrets passphrase           another one; --recovery when the old one is forgotten
  sim-sidecar secrets keychain             this computer's keychain unlocks, too
  sim-sidecar secrets reset                when nothing unlocks any more: gives every key up
"""

_ACTS = {
    "status": "how secrets stand",
    "init": "set up, once",
    "list": "providers whose keys are kept",
    "set": "keep a provider's key",
    "get": "print a provider's key",
    "delete": "delete a provider's key",
    "passphrase": "change the passphrase, by the old one or another proof",
    "recovery": "make a recovery code",
    "keychain": "let this computer's keychain unlock, too",
    "remove-slot": "remove one way to unlock, by its number",
    "rotate": "seal every key anew",
    "rekey": "replace every key there is; recovery codes end",
    "reset": "give every key up, to begin anew when nothing unlocks",
}
_NAMING = ("set", "get", "delete", "remove-slot")
_FITS = {
    "stdin": ("set",),
    "yes": ("reset",),
    "new_passphrase_fd": ("passphrase",),
    "recovery": tuple(act for act in _ACTS if act not in ("status", "init", "reset")),
    "keychain": tuple(act for act in _ACTS if act not in ("status", "keychain", "reset")),
    "passphrase_fd": tuple(act for act in _ACTS if act not in ("status", "reset")),
    "ephemeral": ("status", "list"),
}
"""Which acts an option says something to; where it says nothing it is refused, not ignored."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    acts = "\n".join(f"{name}: {text}" for name, text in _ACTS.items())
    parser.add_argument("act", choices=_ACTS, metavar="ACT", help=acts.replace("\n", "; "))
    parser.add_argument("name", nargs="?", metavar="PROVIDER", help="the provider, or a slot")
    parser.add_argument("--stdin", action="store_true", help="set: take the value from a pipe")
    parser.add_argument(
        "--new-passphrase-fd", metavar="N", type=int, help="passphrase: read the new one from there"
    )
    parser.add_argument("--yes", action="store_true", help="reset: do it without asking")
    add_unlocking(parser)
    add_common(parser)


def run(given: argparse.Namespace) -> int:
    """Do one of them; returns the exit code."""
    wrong = _misfit(given)
    if wrong is not None:
        sys.stderr.write(f"sim-sidecar secrets {given.act} {wrong}.\n")
        return 2
    harden()
    try:
        # Only setting up may begin a database; a mistyped name must not look like an empty one.
        child = Child([*place_options(given, existing=given.act != "init"), "--no-events"])
        try:
            _DO[given.act](child, given)
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
    return 0


def _misfit(given: argparse.Namespace) -> str | None:
    """What does not fit the act, None when all does."""
    if (given.act in _NAMING) != (given.name is not None):
        name = "the number of a slot" if given.act == "remove-slot" else "a PROVIDER"
        return f"needs {name}" if given.act in _NAMING else "takes no PROVIDER"
    for option, acts in _FITS.items():
        if getattr(given, option) not in (None, False) and given.act not in acts:
            return f"has no use for --{option.replace('_', '-')}"
    if given.stdin and given.passphrase_fd == 0:
        return "cannot read the value and the passphrase from the same input; use two"
    return None


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
    value = _read_value() if given.stdin else ask(f"Key of {given.name}: ")
    result = child.call("secrets.set", {"provider": given.name, "value": value})
    _say(
        given, result, f"The key of {given.name} is {'kept' if result['created'] else 'replaced'}."
    )


def _read_value() -> str:
    try:
        return sys.stdin.buffer.read().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise Unusable("The value is not UTF-8.") from None


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
    proof = _proof(child, given)
    child.call("secrets.unlock", proof)
    if "passphrase" in proof:
        proof = {"old_passphrase": proof["passphrase"]}
    if given.new_passphrase_fd is None:
        new = ask_twice("New passphrase: ")
    else:
        new = read_descriptor(given.new_passphrase_fd)
    result = child.call("secrets.change_passphrase", {**proof, "new_passphrase": new})
    _say(given, result, "The passphrase was changed.")


def _proof(child: Child, given: argparse.Namespace) -> dict[str, Any]:
    """What the person proves himself by, as `secrets.unlock` takes it."""
    kinds = {slot["kind"] for slot in child.call("secrets.status")["slots"]}
    if given.recovery:
        return {"recovery_code": ask("Recovery code: ")}
    if given.keychain or (kinds and "passphrase" not in kinds):
        return {"keychain": True}
    return {"passphrase": passphrase(given)}


def _keychain(child: Child, given: argparse.Namespace) -> None:
    unlock(child, given)
    result = child.call("secrets.add_keychain")
    _say(given, result, "This computer's keychain unlocks, too.")


def _reset(child: Child, given: argparse.Namespace) -> None:
    count = child.call("secrets.status")["count"]
    question = f"Provider keys that will be lost for good: {count}. All else stays."
    if not given.yes:
        if not sys.stdin.isatty():
            raise Unusable(f"{question} Do it with --yes.")
        sys.stdout.write(f"{question}\nGive them up? [y/N] ")
        sys.stdout.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise Unusable("Nothing was changed.")
    result = child.call("secrets.reset", {"losing": count})
    _say(given, result, "Secrets can be set up anew: sim-sidecar secrets init")


def _recovery(child: Child, given: argparse.Namespace) -> None:
    unlock(child, given)
    result = child.call("secrets.add_recovery")
    text = "Write this down; it opens everything, and is told only this once:"
    _say(given, result, f"{text}\n\n  {result['recovery_code']}\n")


def _remove_slot(child: Child, given: argparse.Namespace) -> None:
    unlock(child, given)
    slot = int(given.name) if given.name.isdecimal() else -1
    result = child.call("secrets.remove_slot", {"slot": max(slot, 0)})
    _say(given, result, f"Slot {given.name} was removed.")


def _rotate(child: Child, given: argparse.Namespace) -> None:
    unlock(child, given)
    result = child.call("secrets.rotate")
    _say(given, result, f"The data key was replaced; {result['resealed']} re-sealed.")


def _rekey(child: Child, given: argparse.Namespace) -> None:
    status = child.call("secrets.status")
    kinds = {slot["kind"] for slot in status["slots"]}
    params: dict[str, Any] = {}
    if "passphrase" in kinds:
        if given.recovery or given.keychain:
            cure = "set a new one first: sim-sidecar secrets passphrase --recovery"
            raise Unusable(f"A rekey needs the passphrase; if it is forgotten, {cure}")
        params = {"passphrase": passphrase(given)}
        child.call("secrets.unlock", params)
    else:
        unlock(child, given)
    result = child.call("secrets.rekey", params)
    advice = " Recovery codes ended; make a new one." if "recovery" in kinds else ""
    _say(given, result, f"All keys were replaced; {result['resealed']} re-sealed.{advice}")


_DO: dict[str, Callable[[Child, argparse.Namespace], None]] = {
    "status": _status,
    "init": _init,
    "list": _list,
    "set": _set,
    "get": _get,
    "delete": _delete,
    "passphrase": _passphrase,
    "recovery": _recovery,
    "keychain": _keychain,
    "remove-slot": _remove_slot,
    "rotate": _rotate,
    "rekey": _rekey,
    "reset": _reset,
}
