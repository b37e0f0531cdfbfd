"""`sim-sidecar recover`: rescue what can be read of a damaged database.

It shows what can be rescued before it does anything. It opens the database itself, as `restore`
may, because a process cannot serve a database that does not open; it holds the database's lock.
"""

import argparse
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar.cli.command import Command, add_database, database_lock, database_path
from sidecar.cli.failures import CommandFailed
from sidecar.cli.progress import Bar
from sidecar.cli.questions import confirm
from sidecar.cli.terminal_text import write_text
from sidecar.errors import SidecarError

if TYPE_CHECKING:
    from sidecar.store.repair.recover import Recovered

_HELP = "rescue what can be read of a damaged database"
_EXAMPLES = """examples:
  sim-sidecar recover --database my.db         shows what can be rescued, and asks
  sim-sidecar recover --database my.db --yes   rescues it without asking

What cannot be read is taken from the newest backup, if that has it. All of it goes
into a new file in the database's place. The damaged file stays beside it under
another name: delete it when you no longer need it. A sound database is left alone.
Exit code 1 when the database is damaged and was not recovered.
"""


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the database and how much is asked."""
    add_database(parser)
    parser.add_argument("--yes", action="store_true", help="recover without asking")
    parser.add_argument("--json", action="store_true", help="print one line of JSON, ask nothing")


def _run(given: argparse.Namespace) -> int:
    """Recover the database, under its lock."""
    path = database_path(given)
    with database_lock(path):
        try:
            return _recover(path, given)
        except SidecarError as refused:
            raise CommandFailed(refused.message, refused.exit_code) from None


def _recover(path: Path, given: argparse.Namespace) -> int:
    """Show what can be rescued, ask, and rescue it; returns the exit code."""
    from sidecar.backups import newest_backup  # noqa: PLC0415 - loads the driver
    from sidecar.clock import SystemClock  # noqa: PLC0415 - only for this
    from sidecar.store.repair import recover  # noqa: PLC0415 - loads the driver

    if recover.is_sound(path):
        text = "The database is sound, there is nothing to recover. It was left alone."
        write_text(given, {"sound": True}, text)
        return 0
    clock = SystemClock()
    with (
        closing(Bar()) as bar,
        newest_backup.unpacked_newest_backup(path, clock, bar.draw, lambda: False) as backup,
    ):
        bar.close()
        if not given.yes:
            would = recover.recover_file(path, clock, _step, log=None, backup=backup)
            write_text(given, would.by_noun()._asdict(), _describe(would))
            if given.json:
                return 1
            confirm("Put what can be rescued in the database's place?", refusal=1)
        entry = recover.audit_entry_writer(clock)
        done = recover.recover_file(path, clock, _step, log=entry, backup=backup)
    write_text(given, done.by_noun()._asdict(), _describe(done))
    return 0


def _step(_table: str, _rows: int) -> None:
    """Ignore the progress of a recovery; Ctrl-C may end it anywhere before the file is replaced."""


def _describe(found: "Recovered") -> str:
    """Return a table of how many rows were rescued, and the damaged file's new name."""
    lines = [f"{'':24}{'rescued':>10}{'lost':>10}{'from backup':>14}"]
    for name in sorted({*found.salvaged, *found.lost, *found.from_backup}):
        counts = [each.get(name, 0) for each in (found.salvaged, found.lost, found.from_backup)]
        if any(counts):
            lines.append(f"{name:24}{counts[0]:>10}{counts[1]:>10}{counts[2]:>14}")
    if found.kept_aside is not None:
        lines.append(f"Done. The damaged file is kept as {found.kept_aside}; delete it some day.")
    return "\n".join(lines)


COMMAND = Command("recover", _HELP, _EXAMPLES, _add_options, _run)
