"""Ask a person for what unlocks secrets: on the terminal, never as an argument.

A passphrase among the arguments would stand in the shell's history and in every list of
processes. Scripts give it through a descriptor of its own (`--passphrase-fd`).
"""

import argparse
import getpass
import os
import sys
from typing import Any

from sidecar.cli.child import Child


class Unusable(Exception):
    """What was given, or typed, is of no use; the text says why and what to do."""


class NoTerminal(Unusable):
    """There is nobody to ask."""

    def __init__(self) -> None:
        """Say what to do instead."""
        super().__init__("There is no terminal to ask on; give --passphrase-fd or --keychain.")


def add_unlocking(parser: argparse.ArgumentParser) -> None:
    """Declare how a command may unlock."""
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--recovery", action="store_true", help="unlock with the recovery code")
    way.add_argument("--keychain", action="store_true", help="use the system's keychain")
    way.add_argument(
        "--passphrase-fd", metavar="N", type=int, help="read the passphrase from this descriptor"
    )


def ask(question: str) -> str:
    """A secret from the terminal, which does not show it.

    Raises:
        NoTerminal: standard input and the controlling terminal are neither.
    """
    if not _has_terminal():
        raise NoTerminal
    try:
        return getpass.getpass(question)
    except EOFError:
        raise Unusable("Nothing was typed, and nothing was done.") from None
    except UnicodeDecodeError:
        raise Unusable("What was typed is not UTF-8; set the terminal to it.") from None


def ask_twice(question: str) -> str:
    """A new secret, typed twice until both are the same."""
    while True:
        first = ask(question)
        if first and first == ask("Once more: "):
            return first
        sys.stderr.write("They are not the same, or empty. Again.\n")


def _has_terminal() -> bool:
    if sys.stdin.isatty():
        return True
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True


def passphrase(given: argparse.Namespace, question: str = "Passphrase: ") -> str:
    """The passphrase, from the descriptor named or from the terminal.

    Raises:
        Unusable: the descriptor cannot be read, or holds no text.
    """
    return ask(question) if given.passphrase_fd is None else read_descriptor(given.passphrase_fd)


def read_descriptor(descriptor: int) -> str:
    """The line that a descriptor holds.

    Raises:
        Unusable: it cannot be read, or holds no text.
    """
    try:
        with os.fdopen(descriptor, "rb") as held:
            text = held.read().decode().rstrip("\r\n")
    except (OSError, ValueError) as fault:
        why = "is not open" if isinstance(fault, OSError) else "holds no UTF-8"
        if descriptor < 0:
            why = "is none"
        raise Unusable(
            f"Descriptor {descriptor} {why}; a passphrase was to be read there."
        ) from None
    if not text:
        raise Unusable(f"Descriptor {descriptor} holds no passphrase.")
    return text


def unlock(child: Child, given: argparse.Namespace) -> dict[str, Any]:
    """Unlock in whichever way was asked for; the status."""
    status: dict[str, Any] = child.call("secrets.status")
    if status["state"] != "locked":
        return status
    kinds = {slot["kind"] for slot in status["slots"]}
    if given.recovery:
        params: dict[str, Any] = {"recovery_code": ask("Recovery code: ")}
    elif given.keychain or "passphrase" not in kinds:
        params = {"keychain": True}
    else:
        params = {"passphrase": passphrase(given)}
    unlocked: dict[str, Any] = child.call("secrets.unlock", params)
    return unlocked
