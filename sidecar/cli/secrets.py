"""`sim-sidecar secrets`: set up, store, print and renew the API keys of providers.

Every command starts a process of its own, which unlocks the secrets; they lock at its end.
Keys and passphrases are asked for on the terminal; `set --stdin` reads a key from a pipe.
"""

import argparse
import sys
from typing import Any

from sidecar.cli.acts import Act, Answer, help_text
from sidecar.cli.child import Child, run_with_child
from sidecar.cli.command import Command, add_common, serve_options
from sidecar.cli.failures import CommandFailed
from sidecar.cli.questions import ask, ask_twice, confirm
from sidecar.cli.tables import Drawn, cell, print_result, table, time_text
from sidecar.cli.terminal_text import write_text
from sidecar.cli.unlocking import add_unlocking, passphrase, proof, read_descriptor, unlock
from sidecar.hardening import harden

_HELP = "store the API keys of providers, encrypted"
_EXAMPLES = """examples:
  sim-sidecar secrets init              asks for a new passphrase
  sim-sidecar secrets init --keychain   uses this computer's keychain instead
  sim-sidecar secrets set openai        asks for the passphrase, then for the key
  pass show openai | sim-sidecar secrets set openai --stdin
  sim-sidecar secrets list
  sim-sidecar secrets recovery          prints a recovery code: write it down
  sim-sidecar secrets passphrase --recovery    when the passphrase is forgotten

Each way to unlock (passphrase, keychain, recovery code) is one numbered slot.
"""


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the acts, and the options of each."""
    parser.add_argument(
        "act", choices=_ACTS, metavar="ACT", help="what to do: one of the acts below"
    )
    parser.add_argument("name", nargs="?", metavar="PROVIDER", help="the provider, or slot number")
    parser.add_argument("--stdin", action="store_true", help="set: read the key from stdin")
    parser.add_argument("--new-passphrase-fd", metavar="N", type=int,
                        help="passphrase: read the new one from file descriptor N")  # fmt: skip
    parser.add_argument("--yes", action="store_true", help="reset: go ahead without asking")
    add_unlocking(parser)
    add_common(parser)


def _run(given: argparse.Namespace) -> int:
    """Carry out the act; return the exit code of success."""
    _refuse_misfits(given)
    harden()
    # Only `init` may begin a database: a mistyped name must not look like an empty one.
    options = serve_options(given, existing=given.act != "init")

    def act(child: Child) -> None:
        result, shown = _ACTS[given.act].run(child, given)
        if isinstance(shown, str):
            write_text(given, result, shown)
        else:
            print_result(given, result, shown)

    run_with_child(options, act)
    return 0


def _refuse_misfits(given: argparse.Namespace) -> None:
    """Refuse a provider or an option that the act would ignore, and a missing provider.

    Raises:
        CommandFailed: something does not fit.
    """
    if (given.act in _NAMING) != (given.name is not None):
        name = "the number of a slot" if given.act == "remove-slot" else "a PROVIDER"
        needs = f"needs {name}" if given.act in _NAMING else "takes no PROVIDER"
        raise CommandFailed(f"{given.act} {needs}.")
    for option, acts in _FITTING.items():
        if getattr(given, option) not in (None, False) and given.act not in acts:
            raise CommandFailed(f"{given.act} has no use for --{option.replace('_', '-')}.")
    if given.stdin and given.passphrase_fd == 0:
        raise CommandFailed("The key and the passphrase cannot both come from stdin.")


def _call_unlocked(child: Child, given: argparse.Namespace, method: str, **params: Any) -> Any:
    """Unlock secrets and call the method; returns its result."""
    unlock(child, given)
    return child.call(method, params)


def _status(child: Child, _given: argparse.Namespace) -> Answer:
    """Show whether secrets are set up, with a table of the slots that unlock them."""

    def draw(result: dict[str, Any]) -> Drawn:
        drawn = table(f"Secrets are {result['state']}.", "slot", "kind", "label", "made")
        for slot in result["slots"]:
            texts = (slot["slot"], slot["kind"], slot["label"], time_text(slot["created_at"]))
            drawn.add_row(*map(cell, texts))
        return drawn

    return child.call("secrets.status"), draw


def _init(child: Child, given: argparse.Namespace) -> Answer:
    """Set secrets up, with a new passphrase or with the keychain."""
    if given.keychain:
        params: dict[str, Any] = {"keychain": True}
    elif given.passphrase_fd is not None:
        params = {"passphrase": passphrase(given)}
    else:
        params = {"passphrase": ask_twice("New passphrase: ")}
    result = child.call("secrets.initialize", params)
    return result, "Secrets are set up. Now make a recovery code: sim-sidecar secrets recovery"


def _list(child: Child, given: argparse.Namespace) -> Answer:
    """List the providers; the last characters of their keys are shown only when it unlocks."""

    def draw(result: dict[str, Any]) -> Drawn:
        drawn = table("", "provider", "ends in", "set", "last read", "")
        for item in result["items"]:
            again = "must be entered again" if item["state"] == "enter_again" else ""
            times = (time_text(item["updated_at"]), time_text(item["last_used_at"]))
            hint = f"…{item['hint']}" if item["hint"] else ""
            drawn.add_row(*map(cell, (item["provider"], hint, *times, again)))
        return drawn

    if given.passphrase_fd is not None or given.keychain or given.recovery:
        unlock(child, given)
    return child.list_all("secrets.list"), draw


def _set(child: Child, given: argparse.Namespace) -> Answer:
    """Store the key of a provider."""
    unlock(child, given)
    value = _read_key() if given.stdin else ask(f"Key of {given.name}: ")
    result = child.call("secrets.set", {"provider": given.name, "value": value})
    done = "stored" if result["created"] else "replaced"
    return result, f"The key of {given.name} was {done}."


def _read_key() -> str:
    """Return the key that stdin holds, without the line's end."""
    try:
        return sys.stdin.buffer.read().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise CommandFailed("The key on stdin is not UTF-8.") from None


def _get(child: Child, given: argparse.Namespace) -> Answer:
    """Print the key of a provider."""
    result = _call_unlocked(child, given, "secrets.get", provider=given.name)
    return result, result["value"]


def _delete(child: Child, given: argparse.Namespace) -> Answer:
    """Delete the key of a provider, and overwrite what the file still held of it."""
    result = _call_unlocked(child, given, "secrets.delete", provider=given.name)
    child.call("system.purge")
    return result, f"The key of {given.name} was deleted; no byte of it is left in the file."


def _passphrase(child: Child, given: argparse.Namespace) -> Answer:
    """Change the passphrase, after unlocking with the old one or in another way."""
    old = proof(child.call("secrets.status"), given)
    child.call("secrets.unlock", old)
    if "passphrase" in old:
        old = {"old_passphrase": old["passphrase"]}
    if given.new_passphrase_fd is None:
        new = ask_twice("New passphrase: ")
    else:
        new = read_descriptor(given.new_passphrase_fd)
    result = child.call("secrets.change_passphrase", {**old, "new_passphrase": new})
    return result, "The passphrase was changed."


def _recovery(child: Child, given: argparse.Namespace) -> Answer:
    """Make a recovery code and print it."""
    result = _call_unlocked(child, given, "secrets.add_recovery")
    text = "Write this code down. It unlocks all keys, and it is never shown again:"
    return result, f"{text}\n\n  {result['recovery_code']}\n"


def _keychain(child: Child, given: argparse.Namespace) -> Answer:
    """Add a slot that unlocks with the keychain."""
    result = _call_unlocked(child, given, "secrets.add_keychain")
    return result, "From now on this computer's keychain unlocks secrets, too."


def _remove_slot(child: Child, given: argparse.Namespace) -> Answer:
    """Remove the slot of this number; a text that is no number is refused as slot 0."""
    slot = int(given.name) if given.name.isdecimal() else 0
    result = _call_unlocked(child, given, "secrets.remove_slot", slot=slot)
    return result, f"Slot {given.name} was removed."


def _rotate(child: Child, given: argparse.Namespace) -> Answer:
    """Replace the data key and encrypt every provider's key with it."""
    result = _call_unlocked(child, given, "secrets.rotate")
    return result, f"The data key was replaced. Keys encrypted again: {result['resealed']}."


def _rekey(child: Child, given: argparse.Namespace) -> Answer:
    """Replace every encryption key, which takes the passphrase if there is one."""
    kinds = {slot["kind"] for slot in child.call("secrets.status")["slots"]}
    params: dict[str, Any] = {}
    if "passphrase" in kinds:
        if given.recovery or given.keychain:
            cure = "set a new one first: sim-sidecar secrets passphrase --recovery"
            raise CommandFailed(f"rekey needs the passphrase. If it is forgotten, {cure}")
        params = {"passphrase": passphrase(given)}
        child.call("secrets.unlock", params)
    else:
        unlock(child, given)
    result = child.call("secrets.rekey", params)
    advice = " Old recovery codes no longer work; make a new one." if "recovery" in kinds else ""
    done = f"All encryption keys were replaced. Keys encrypted again: {result['resealed']}."
    return result, done + advice


def _reset(child: Child, given: argparse.Namespace) -> Answer:
    """Give up every provider's key, after a yes."""
    count = child.call("secrets.status")["secrets"]
    if not given.yes:
        fact = f"Provider keys that will be lost for good: {count}. All other data stays. "
        confirm("Give the keys up?", fact=fact)
    result = child.call("secrets.reset", {"losing": count})
    return result, "All keys were given up. Set secrets up again: sim-sidecar secrets init"


_ACTS = {
    "status": Act("show whether secrets are set up, and the ways to unlock them", _status),
    "init": Act("set secrets up, once", _init),
    "list": Act("list the providers that have a key", _list),
    "set": Act("store the key of PROVIDER", _set),
    "get": Act("print the key of PROVIDER", _get),
    "delete": Act("delete the key of PROVIDER", _delete),
    "passphrase": Act("change the passphrase", _passphrase),
    "recovery": Act("make a recovery code, which unlocks without the passphrase", _recovery),
    "keychain": Act("let this computer's keychain unlock, too", _keychain),
    "remove-slot": Act("remove one way to unlock, by its number in status", _remove_slot),
    "rotate": Act("encrypt every provider's key with a new data key", _rotate),
    "rekey": Act("replace all encryption keys; recovery codes stop working", _rekey),
    "reset": Act("give up every provider's key, and start over when nothing unlocks", _reset),
}
_NAMING = ("set", "get", "delete", "remove-slot")
_FITTING = {
    "stdin": ("set",),
    "yes": ("reset",),
    "new_passphrase_fd": ("passphrase",),
    "recovery": _ACTS.keys() - {"status", "init", "reset"},
    "keychain": _ACTS.keys() - {"status", "keychain", "reset"},
    "passphrase_fd": _ACTS.keys() - {"status", "reset"},
    "ephemeral": ("status", "list"),
}
"""The acts that use an option; with another act the option is refused instead of ignored."""

COMMAND = Command("secrets", _HELP, help_text(_ACTS, _EXAMPLES), _add_options, _run)
