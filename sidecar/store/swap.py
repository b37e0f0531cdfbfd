"""Put another file in the database's place, wholly or not at all, whatever kills the process.

A plan is written down first (`<database>.swap`), then carried out in steps that may each be done
again; a start that finds the plan finishes it. An old `-wal` left beside a new main file would be
played into it, so those files go before the new one comes. Who replaces a database must have
closed every SQLite handle on it: compaction, restore and the import of a legacy file.

A staged file without a plan is unfinished work of a killed process, and removed at the start; so
are the files that backups come from and restores are made of.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sidecar import files
from sidecar.clock import Clock
from sidecar.errors import RecoveryRequired
from sidecar.store.database_files import SQLITE_LEFTOVERS, remove_database

INTENT = ".swap"
STAGED = ".staged"
SNAPSHOT = ".snapshot"
"""Copy that a backup is packed from."""
INCOMING = ".incoming"
"""Database of a backup that is to be restored, until it may be staged."""
FROM_BACKUP = ".from-backup"
"""Database of a backup that a recovery takes rows from. Not removed by `redo`, which a recovery
does first, but at the start."""
CHECKING = ".checking"
"""The same of one that is only looked at."""
RETRY_LIMIT_MS = 5000
"""Windows: virus scanners and indexers hold a fresh file for moments."""
RETRY_PAUSE_S = 0.05
RETRY_SHARING = sys.platform == "win32"

AfterStep = Callable[[str], None]
"""Called with the name of each step when it is done; tests stop there."""


def go_on(_step: str) -> None:
    """Do nothing after a step."""


class Intent(NamedTuple):
    """The plan: which staged file, its content, and the name the old file is kept under."""

    staged: str
    sha256: str
    keep: str | None


def staged_path(path: Path) -> Path:
    """Where the file that is to replace `path` is built."""
    return files.beside(path, STAGED)


def replace(
    path: Path, clock: Clock, *, keep: str | None = None, after_step: AfterStep = go_on
) -> None:
    """Put `staged_path(path)` in the place of `path`; the old file is kept as `keep` if named.

    Raises:
        FileExistsError: `keep` names something that exists.
        OSError: one of the files is in place, whole, and no plan is left.
        RecoveryRequired: nor could the plan be taken back: nothing may be written to the file,
            since the next start goes on with the plan.
    """
    if keep is not None and path.with_name(keep).exists():
        raise FileExistsError(keep)
    staged = staged_path(path)
    files.sync_file(staged)
    after_step("staged_synced")
    intent = Intent(staged.name, files.sha256_of(staged), keep)
    files.write_whole(files.beside(path, INTENT), json.dumps(intent._asdict()).encode())
    after_step("intent_written")
    try:
        _carry_out(path, intent, clock, after_step)
    except OSError:
        _call_off(path, intent)
        raise


def redo(path: Path, clock: Clock, after_step: AfterStep = go_on) -> bool:
    """At the start: finish a replacement that was interrupted; True when there was one.

    Raises:
        RecoveryRequired: neither the staged file nor the database is what the plan says.
    """
    record = files.beside(path, INTENT)
    files.beside(record, ".partial").unlink(missing_ok=True)
    for suffix in (SNAPSHOT, INCOMING, CHECKING):
        remove_database(files.beside(path, suffix))
    try:
        intent = _parse(record.read_bytes())
    except FileNotFoundError:
        remove_database(staged_path(path))
        return False
    staged = path.with_name(intent.staged)
    if staged.exists() and files.sha256_of(staged) != intent.sha256:
        _give_up(path, staged, record)
        return False
    if not staged.exists() and not (path.exists() and files.sha256_of(path) == intent.sha256):
        message = f"A replacement of {path} was interrupted and its new file is gone."
        raise RecoveryRequired(message, hint=f"Restore a backup, then remove {record.name}.")
    _carry_out(path, intent, clock, after_step)
    return True


def _parse(content: bytes) -> Intent:
    """Read a plan; names with a folder in them are never followed."""
    try:
        found = json.loads(content)
        intent = Intent(found["staged"], found["sha256"], found["keep"])
        names = [intent.staged] if intent.keep is None else [intent.staged, intent.keep]
        if all(Path(name).name == name and name not in ("", "..") for name in names):
            return intent
    except (ValueError, KeyError, TypeError) as fault:
        raise RecoveryRequired("The plan of a replacement is damaged.") from fault
    raise RecoveryRequired("The plan of a replacement names a file elsewhere.")


def _call_off(path: Path, intent: Intent) -> None:
    """Take back a plan that failed, or the next start would undo what is written until then."""
    try:
        files.beside(path, INTENT).unlink(missing_ok=True)
        files.sync_folder(path.parent)
        remove_database(path.with_name(intent.staged))
    except OSError as fault:
        message = f"A replacement of {path} failed and will be done by the next start."
        raise RecoveryRequired(message, hint="Start the program again.") from fault


def _give_up(path: Path, staged: Path, record: Path) -> None:
    """Drop a plan whose staged file is damaged: while it exists, `path` is still the old file."""
    if not path.exists():
        message = f"The file that was to replace {path} is damaged, and the old one is gone."
        raise RecoveryRequired(message)
    record.unlink()
    files.sync_folder(path.parent)
    remove_database(staged)


def _carry_out(path: Path, intent: Intent, clock: Clock, after_step: AfterStep) -> None:
    """The steps after the plan; each leaves alone what an earlier try has done."""
    staged = path.with_name(intent.staged)
    if staged.exists():
        if intent.keep is not None and path.exists():
            _keep(path, path.with_name(intent.keep))
            after_step("old_kept")
        for suffix in SQLITE_LEFTOVERS:
            leftover = files.beside(path, suffix)
            patiently(partial(leftover.unlink, missing_ok=True), clock)
            after_step(f"{suffix}_removed")
        files.sync_folder(path.parent)
        after_step("leftovers_synced")
        patiently(partial(os.replace, staged, path), clock)
        after_step("replaced")
    files.sync_folder(path.parent)
    after_step("replaced_synced")
    files.beside(path, INTENT).unlink(missing_ok=True)
    files.sync_folder(path.parent)
    after_step("intent_removed")


def _keep(path: Path, kept: Path) -> None:
    """Give the old file, and a WAL it may still need, a second name; copy where links are none."""
    for suffix in ("-wal", ""):
        source, target = files.beside(path, suffix), files.beside(kept, suffix)
        if target.exists() or not source.exists():
            continue
        try:
            os.link(source, target)
        except OSError:
            unfinished = files.beside(target, ".partial")
            unfinished.unlink(missing_ok=True)
            files.create_private(unfinished)
            shutil.copyfile(source, unfinished)
            files.sync_file(unfinished)
            unfinished.replace(target)
    files.sync_folder(path.parent)


def patiently(
    act: Callable[[], object], clock: Clock, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Do a file operation, again for a bounded time while Windows says somebody has it open."""
    deadline_ms = clock.monotonic_ms() + RETRY_LIMIT_MS
    while True:
        try:
            act()
        except PermissionError:
            if not RETRY_SHARING or clock.monotonic_ms() >= deadline_ms:
                raise
            sleep(RETRY_PAUSE_S)
        else:
            return
