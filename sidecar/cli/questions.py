"""Questions to the person at the terminal: for a secret, which is not shown, and for a yes."""

import getpass
import os
import sys

from sidecar.cli.failures import CommandFailed
from sidecar.errors import ExitCode


def ask(question: str) -> str:
    """Ask for a secret on the terminal, which does not show what is typed.

    Raises:
        CommandFailed: there is no terminal, or nothing usable was typed.
    """
    if not _has_terminal():
        raise CommandFailed("There is no terminal to ask on; give --passphrase-fd or --keychain.")
    try:
        return getpass.getpass(question)
    except EOFError:
        raise CommandFailed("Nothing was typed, so nothing was done.") from None
    except UnicodeDecodeError:
        raise CommandFailed("What was typed is not UTF-8; set the terminal to UTF-8.") from None


def ask_twice(question: str) -> str:
    """Ask for a new secret until it was typed twice in the same way."""
    while True:
        first = ask(question)
        if first and first == ask("Once more: "):
            return first
        sys.stderr.write("The two differ, or nothing was typed. Please try again.\n")


def _has_terminal() -> bool:
    """Return whether stdin is a terminal, or the process has a controlling terminal."""
    if sys.stdin.isatty():
        return True
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True


def confirm(question: str, *, fact: str = "", refusal: int = ExitCode.USAGE) -> None:
    """Ask a yes-or-no question; return when the answer is yes.

    Raises:
        CommandFailed: the answer is no, or there is no terminal to ask on. Its exit code is
            `refusal`; without a terminal its text begins with `fact`.
    """
    if not sys.stdin.isatty():
        raise CommandFailed(f"{fact}Nothing was changed. Add --yes to go ahead.", refusal)
    sys.stdout.write(f"{fact}{question} [y/N] ")
    sys.stdout.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandFailed("Nothing was changed.", refusal)
