"""Puts another file in the place of the database, completely or not at all, also after a kill.

A plan is written first (`<database>.swap`) and then carried out in steps, each of which may be
repeated; a start that finds the plan completes it. SQLite would apply an old `-wal` beside a new
main file to it, so the old files are removed before the new one gets its name. The caller has
closed every SQLite connection to the database.

A staged file without a plan is unfinished work of a killed process and is removed at the start.
"""

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from sidecar import files
from sidecar.clock import Clock
from sidecar.errors import RecoveryRequired, StorageFailed
from sidecar.store import file_lock
from sidecar.store.database_files import SQLITE_LEFTOVERS, remove_database
from sidecar.store.traces import PLAN, QUARANTINE

STAGED = ".staged"
KEPT = ("", "-wal", "-journal")
"""The suffixes of the files that are kept of an old database: those with a part of its data."""
RETRY_LIMIT_MS = 5000
"""On Windows, virus scanners and indexers keep a new file open for moments."""
RETRY_PAUSE_S = 0.05
RETRY_SHARING = sys.platform == "win32"

AfterStep = Callable[[str], None]
"""Called with the name of each step when it is done; tests stop the process there."""


def ignore_step(_step: str) -> None:
    """Do nothing after a step."""


class Plan(NamedTuple):
    """The name of the staged file, its SHA-256, and the name under which the old file is kept."""

    staged: str
    sha256: str
    keep: str | None


def staged_path(path: Path) -> Path:
    """Return the path at which the file that is to replace `path` is built."""
    return files.beside(path, STAGED)


def remnants(path: Path) -> list[Path]:
    """Return the paths of a database file, its log and its journal, whether or not they exist."""
    return [files.beside(path, suffix) for suffix in KEPT]


def stage(built: Path, path: Path) -> None:
    """Rename a finished file to the name from which `replace` puts it in the place of `path`.

    The file of an earlier plan, which could not be carried out, is kept under another name.
    """
    staged = staged_path(path)
    if staged.exists() and files.beside(path, PLAN).exists():
        number = 1
        while (kept := files.beside(path, f"{QUARANTINE}staged-{number}")).exists():
            number += 1
        staged.replace(kept)
    remove_database(staged)
    built.replace(staged)


def replace(
    path: Path,
    clock: Clock,
    *,
    sha256: str | None = None,
    keep: str | None = None,
    after_step: AfterStep = ignore_step,
) -> None:
    """Put `staged_path(path)` in the place of `path`, keeping the old file under the name `keep`.

    `sha256` is the hash that the staged file had when it was finished.

    Raises:
        FileExistsError: there is a file of the name `keep`.
        StorageFailed: the staged file was changed since it was finished; nothing was replaced.
        OSError: one of the two files is in place, unharmed, and no plan is left.
        RecoveryRequired: the plan could not be withdrawn either, so that nothing may be written
            to the file: the next start completes the plan.
    """
    if keep is not None and any(map(os.path.lexists, remnants(path.with_name(keep)))):
        raise FileExistsError(keep)
    staged = staged_path(path)
    files.sync_file(staged)
    after_step("staged_synced")
    plan = Plan(staged.name, files.sha256_of(staged), keep)
    if sha256 not in (None, plan.sha256):
        remove_database(staged)
        raise StorageFailed("The new file was changed before it was put in place.")
    files.write_whole(files.beside(path, PLAN), msgspec.json.encode(plan._asdict()))
    after_step("plan_written")
    try:
        _carry_out(path, plan, clock, after_step)
    except OSError:
        _withdraw(path, plan)
        raise


def complete_interrupted(path: Path, clock: Clock, after_step: AfterStep = ignore_step) -> bool:
    """Complete a swap that was interrupted; return whether there was one.

    Raises:
        RecoveryRequired: neither the staged file nor the database is the one of the plan.
    """
    record = files.beside(path, PLAN)
    files.beside(record, ".partial").unlink(missing_ok=True)
    try:
        plan = _parse(record.read_bytes())
    except FileNotFoundError:
        remove_database(staged_path(path))
        return False
    staged = path.with_name(plan.staged)
    if staged.exists() and files.sha256_of(staged) != plan.sha256:
        _discard(path, staged, record)
        return False
    if not staged.exists() and not (path.exists() and files.sha256_of(path) == plan.sha256):
        message = f"A replacement of {path} was interrupted and its new file is gone."
        raise RecoveryRequired(message, reason="unfinished")
    _carry_out(path, plan, clock, after_step)
    return True


def _parse(content: bytes) -> Plan:
    """Read a plan, and refuse names that lead to another folder."""
    try:
        found = msgspec.json.decode(content)
        plan = Plan(found["staged"], found["sha256"], found["keep"])
        names = [plan.staged] if plan.keep is None else [plan.staged, plan.keep]
        if all(Path(name).name == name and name not in ("", "..") for name in names):
            return plan
    except (msgspec.DecodeError, ValueError, KeyError, TypeError) as fault:
        message = "The plan of a replacement is damaged."
        raise RecoveryRequired(message, reason="unfinished") from fault
    message = "The plan of a replacement names a file in another folder."
    raise RecoveryRequired(message, reason="unfinished")


def _withdraw(path: Path, plan: Plan) -> None:
    """Remove a plan that failed: the next start would otherwise undo what is written until then."""
    try:
        files.beside(path, PLAN).unlink(missing_ok=True)
        files.sync_folder(path.parent)
        remove_database(path.with_name(plan.staged))
    except OSError as fault:
        message = f"A replacement of {path} failed; the next start completes it."
        hint = "Start the program again."
        raise RecoveryRequired(message, hint=hint, reason="unfinished") from fault


def _discard(path: Path, staged: Path, record: Path) -> None:
    """Remove a plan whose staged file is damaged; while that exists, `path` is the old file."""
    if not path.exists():
        message = f"The file that was to replace {path} is damaged, and the old one is gone."
        raise RecoveryRequired(message, reason="unfinished")
    record.unlink()
    files.sync_folder(path.parent)
    remove_database(staged)


def _carry_out(path: Path, plan: Plan, clock: Clock, after_step: AfterStep) -> None:
    """Take the steps of a plan, passing over those that an earlier attempt has taken."""
    staged = path.with_name(plan.staged)
    if staged.exists():
        if plan.keep is not None:
            _link_or_copy(path, path.with_name(plan.keep))
            after_step("old_kept")
        for suffix in SQLITE_LEFTOVERS:
            leftover = files.beside(path, suffix)
            retry_while_open_elsewhere(partial(leftover.unlink, missing_ok=True), clock)
            after_step(f"{suffix}_removed")
        files.sync_folder(path.parent)
        after_step("leftovers_synced")
        with file_lock.passed_to(staged, path):
            retry_while_open_elsewhere(partial(os.replace, staged, path), clock)
        after_step("replaced")
    files.sync_folder(path.parent)
    after_step("replaced_synced")
    files.beside(path, PLAN).unlink(missing_ok=True)
    files.sync_folder(path.parent)
    after_step("plan_removed")


def _link_or_copy(path: Path, other: Path) -> None:
    """Link or copy the old file, and a log or journal that has a part of it, to another name."""
    for suffix in reversed(KEPT):
        source, target = files.beside(path, suffix), files.beside(other, suffix)
        if target.exists() or not source.exists():
            continue
        try:
            os.link(source, target)
        except OSError:
            unfinished = files.beside(target, ".partial")
            unfinished.unlink(missing_ok=True)
            files.create_private(unfinished)
            import shutil  # noqa: PLC0415 - only where a file cannot have two names

            shutil.copyfile(source, unfinished)
            files.sync_file(unfinished)
            unfinished.replace(target)
    files.sync_folder(path.parent)


def retry_while_open_elsewhere(
    act: Callable[[], object], clock: Clock, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Call `act`, again for a bounded time while another program on Windows has the file open."""
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
