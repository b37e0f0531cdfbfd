"""How a command unlocks secrets: by passphrase, recovery code or keychain.

No option takes a passphrase itself: among the arguments it would stand in the shell's history and
in every list of processes. Scripts pass it through a descriptor of its own (`--passphrase-fd`).
"""

import argparse
from typing import Any

from sidecar import limits
from sidecar.cli.child import Child
from sidecar.cli.failures import CommandFailed
from sidecar.cli.questions import ask
from sidecar.passphrase_input import read_passphrase


def add_unlocking(parser: argparse.ArgumentParser) -> None:
    """Declare the options that choose how a command unlocks."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--recovery", action="store_true", help="unlock with the recovery code, asked for here"
    )
    group.add_argument(
        "--keychain", action="store_true", help="use this computer's keychain, not a passphrase"
    )
    group.add_argument(
        "--passphrase-fd",
        metavar="N",
        type=int,
        help="read the passphrase, one line, from file descriptor N instead of asking for it",
    )


def passphrase(given: argparse.Namespace) -> str:
    """Return the passphrase, from the descriptor that was named or from the terminal.

    Raises:
        CommandFailed: the descriptor or the terminal gave none.
    """
    if given.passphrase_fd is None:
        return ask("Passphrase: ")
    return read_descriptor(given.passphrase_fd)


def read_descriptor(descriptor: int) -> str:
    """Return the first line that a file descriptor gives, without its end.

    Raises:
        CommandFailed: it cannot be read, holds no text, or gives none in time.
    """
    try:
        text = read_passphrase(descriptor, limits.PASSPHRASE_PERSON_WAIT_MS).decode()
    except TimeoutError:
        seconds = limits.PASSPHRASE_PERSON_WAIT_MS // 1000
        text = f"Descriptor {descriptor} gave no passphrase within {seconds} s."
        raise CommandFailed(text) from None
    except (OSError, ValueError) as fault:
        why = "is not open" if isinstance(fault, OSError) or descriptor < 0 else "holds no UTF-8"
        raise CommandFailed(
            f"Descriptor {descriptor} {why}; a passphrase was to be read from it."
        ) from None
    if not text:
        raise CommandFailed(f"Descriptor {descriptor} holds no passphrase.")
    return text


def proof(status: dict[str, Any], given: argparse.Namespace) -> dict[str, Any]:
    """Return the params of `secrets.unlock` for the way to unlock that the options choose.

    `status` is the result of `secrets.status`: where no passphrase unlocks, the keychain is used.
    """
    kinds = {slot["kind"] for slot in status["slots"]}
    if given.recovery:
        return {"recovery_code": ask("Recovery code: ")}
    if given.keychain or (kinds and "passphrase" not in kinds):
        return {"keychain": True}
    return {"passphrase": passphrase(given)}


def unlock(child: Child, given: argparse.Namespace) -> None:
    """Unlock secrets in the way that the options choose, if they are locked."""
    status = child.call("secrets.status")
    if status["state"] == "locked":
        child.call("secrets.unlock", proof(status, given))
