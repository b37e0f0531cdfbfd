"""`sim-sidecar recover`: what can be read of a damaged database, into a new one.

Works on the file itself, under its lock, because a damaged database may not open. Without --yes
it only tells; the damaged file is kept in any case.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from sidecar import config
from sidecar.cli.call import explain
from sidecar.cli.progress import Bar
from sidecar.clock import SystemClock
from sidecar.errors import SidecarError

EXAMPLES = """examples:
  sim-sidecar recover --database my.db            what could be saved; changes nothing
  sim-sidecar recover --database my.db --yes      do it; the damaged file is kept beside

What cannot be read is taken from the newest backup, where that has it.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--database", metavar="FILE", type=Path, help="the database (default: the app's own)"
    )
    parser.add_argument("--yes", action="store_true", help="do it, after a look at what it says")
    parser.add_argument("--json", action="store_true", help="one line of JSON")


def run(given: argparse.Namespace) -> int:
    """Tell, or do it; returns the exit code."""
    database = (given.database or config.default_database()).absolute()
    try:
        result = _recover(database, dry_run=not given.yes)
    except SidecarError as failed:
        sys.stderr.write(explain(failed.as_wire()))
        return int(failed.exit_code)
    if given.json or not sys.stdout.isatty():
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        sys.stdout.write(_told(result, database))
    return 0


def _recover(database: Path, *, dry_run: bool) -> dict[str, Any]:
    from sidecar.backups import directory, newest  # noqa: PLC0415 - loads the driver
    from sidecar.store import audit, recovery  # noqa: PLC0415 - the same
    from sidecar.store.lockfile import AlreadyRunning, DatabaseLock  # noqa: PLC0415 - the same

    clock, bar, lock = SystemClock(), Bar(), DatabaseLock(database)

    def step(table: str, rows: int) -> None:
        bar.tell(table, rows, None, "rows")

    def log(db: Any, recovered: recovery.Recovered) -> None:
        totals = {
            "salvaged": sum(recovered.salvaged.values()),
            "lost": sum(recovered.lost.values()),
            "from_backup": sum(recovered.from_backup.values()),
        }
        audit.append(db, clock.now_ms(), "recover", "database", json.dumps(totals))

    try:
        lock.acquire()
    except AlreadyRunning as refused:
        raise SystemExit(str(refused)) from None
    try:
        folder = database.parent / directory.DEFAULT
        with newest.unpacked(folder, database, clock, bar.tell, cancelled=lambda: False) as backup:
            found = recovery.recover_file(
                database, clock, step, log=None if dry_run else log, backup=backup
            )
    finally:
        bar.end()
        lock.release()
    return {
        "dry_run": dry_run,
        "salvaged": found.salvaged,
        "lost": found.lost,
        "from_backup": found.from_backup,
        "quarantine": found.quarantine,
    }


def _told(result: dict[str, Any], database: Path) -> str:
    said = ["Nothing was changed. It would be:" if result["dry_run"] else "Recovered."]
    for title, name in (
        ("read from the damaged file", "salvaged"),
        ("lost", "lost"),
        ("from the newest backup", "from_backup"),
    ):
        rows = {table: count for table, count in result[name].items() if count}
        counts = ", ".join(f"{count} {table}" for table, count in rows.items()) or "nothing"
        said.append(f"  {title}: {counts}")
    if result["quarantine"]:
        said.append(f"The damaged file is kept as {database.with_name(result['quarantine'])}")
    else:
        said.append(f'To do it: sim-sidecar recover --database "{database}" --yes')
    return "\n".join(said) + "\n"
