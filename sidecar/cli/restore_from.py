"""The part of `sim-sidecar restore --from URL` that brings the newest backup from a remote."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Final

from sidecar.cli import command
from sidecar.cli.failures import CommandFailed
from sidecar.cli.progress import Bar
from sidecar.cli.questions import ask
from sidecar.remotes.bring_back import Kind, Secret, bring_newest, open_url, secret_of
from sidecar.store.backup_names import DEFAULT

_MAX_CHARS: Final = 16_384
"""Most characters that are read from a descriptor: credentials and a code."""


def bring(given: argparse.Namespace) -> str:
    """Bring the newest backup into the folder of backups; return its path.

    Raises:
        CommandFailed: there is no terminal to ask on, or the descriptor gives too few lines.
    """
    credentials, secret = _secrets(given)
    database = command.database_path(given)
    done = 0
    with open_url(given.remote, credentials) as session, closing(Bar()) as bar:

        def report(size: int) -> None:
            nonlocal done
            done += size
            bar.draw("fetch", done, None, "bytes")

        found = bring_newest(session, given.store, secret, database.parent / DEFAULT, report)
    head = found.head
    for each in found.unsound:
        sys.stderr.write(
            f"Left out {each.subject}: what the remote has as number {each.n} of device"
            f" {each.device} is damaged.\n"
        )
    sys.stderr.write(
        f"Brought {found.backup.name}: number {head.n} of device {head.device},"
        f" entry {head.seq} {head.mac}.\n"
    )
    return str(found.backup.path)


def _secrets(given: argparse.Namespace) -> tuple[str, Secret]:
    """Return the credentials and what opens the key slot."""
    kind: Kind = "passphrase" if given.passphrase else "recovery"
    is_folder = str(given.remote).startswith("file:")
    if given.secrets_fd is not None:
        lines = _lines(given.secrets_fd)
        credentials = "" if is_folder else next(lines, "")
        return credentials, secret_of(kind, next(lines, ""))
    credentials = "" if is_folder else ask("Access key id and secret access key: ")
    question = "Passphrase: " if given.passphrase else "Recovery code: "
    return credentials, secret_of(kind, ask(question))


def _lines(descriptor: int) -> Iterator[str]:
    """Return the lines that a descriptor gives.

    Raises:
        CommandFailed: the descriptor is not open, or gives no text.
    """
    try:
        with os.fdopen(descriptor, encoding="utf-8") as file:
            return iter(file.read(_MAX_CHARS).splitlines())
    except (OSError, ValueError):
        text = f"Descriptor {descriptor} is not open, or holds no UTF-8."
        raise CommandFailed(text) from None
