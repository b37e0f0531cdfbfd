"""`sim-sidecar recover`: what can be saved of a damaged database, shown first, done when confirmed.

Opens the database by itself, as `restore` may: a process cannot serve what does not open. It takes
the database's lock, as a process does.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar import config
from sidecar.cli.progress import Bar
from sidecar.cli.terminal_text import lines as visible_lines
from sidecar.cli.terminal_text import visible
from sidecar.errors import ExitCode, SidecarError

if TYPE_CHECKING:
    from sidecar.store.repair.recover import Recovered

EXAMPLES = """examples:
  sim-sidecar recover --database my.db           what could be saved; asks before it does it
  sim-sidecar recover --database my.db --yes     does it

What cannot be read comes from the newest backup of the database, where that has it. The
damaged file is kept beside the new one: remove it when you no longer want it. A sound database
is left alone. Exit code 1 when nothing was done about a damaged one.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `recover`."""
    parser.add_argument(
        "--database", metavar="FILE", type=Path, help="the database (default: the app's own)"
    )
    parser.add_argument("--yes", action="store_true", help="do it without asking")
    parser.add_argument("--json", action="store_true", help="one line of JSON, and no question")


def run(given: argparse.Namespace) -> int:
    """Recover one database; returns the exit code."""
    from sidecar.store.lockfile import (  # noqa: PLC0415 - no other command pays for the driver
        AlreadyRunning,
        DatabaseLock,
    )

    path: Path = (given.database or config.default_database()).absolute()
    lock = DatabaseLock(path)
    try:
        lock.acquire()
    except AlreadyRunning as held:
        sys.stderr.write(f"Process {held.pid or '?'} serves {path}; end it first.\n")
        return ExitCode.ALREADY_RUNNING
    try:
        return _recover(path, given)
    except SidecarError as refused:
        sys.stderr.write(f"{visible(refused.message)}\n")
        return refused.exit_code
    finally:
        lock.release()


def _recover(path: Path, given: argparse.Namespace) -> int:
    from sidecar.backups.newest_backup import unpacked_newest_backup  # noqa: PLC0415 - see above
    from sidecar.clock import SystemClock  # noqa: PLC0415 - see above
    from sidecar.store.repair import recover  # noqa: PLC0415 - see above

    if recover.is_sound(path):
        return _leave(given)
    clock, bar = SystemClock(), Bar()
    with unpacked_newest_backup(path, clock, bar.tell, lambda: False) as backup:
        bar.end()
        if not given.yes:
            _tell(recover.recover_file(path, clock, _step, log=None, backup=backup), given)
            if given.json or not _agrees():
                return 1
        entry = recover.audit_entry_writer(clock)
        done = recover.recover_file(path, clock, _step, log=entry, backup=backup)
    _tell(done, given)
    return 0


def _leave(given: argparse.Namespace) -> int:
    """There is nothing to recover from."""
    if given.json:
        sys.stdout.write(json.dumps({"sound": True}) + "\n")
    else:
        sys.stdout.write("The database is sound: there is nothing to recover. It was left alone.\n")
    return 0


def _step(_table: str, _rows: int) -> None:
    """Ctrl-C ends it anywhere; until the end nothing is in place."""


def _agrees() -> bool:
    if not sys.stdin.isatty():
        sys.stderr.write("Nothing was changed. Do it with --yes.\n")
        return False
    sys.stdout.write("Put what can be saved in the database's place? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _tell(found: "Recovered", given: argparse.Namespace) -> None:
    if given.json:
        sys.stdout.write(json.dumps(found._asdict()) + "\n")
        return
    lines = [f"{'':24}{'saved':>10}{'lost':>10}{'from backup':>14}"]
    names = sorted({*found.salvaged, *found.lost, *found.from_backup})
    for name in names:
        counts = [each.get(name, 0) for each in (found.salvaged, found.lost, found.from_backup)]
        if any(counts):
            lines.append(f"{name:24}{counts[0]:>10}{counts[1]:>10}{counts[2]:>14}")
    if found.quarantine is not None:
        lines.append(f"Done. The damaged file is kept as {found.quarantine}; remove it some day.")
    sys.stdout.write(visible_lines("\n".join(lines)) + "\n")
