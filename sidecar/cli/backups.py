"""`sim-sidecar backup`, `verify` and `restore`: backups for people, with bars and plain words.

A database that opens is served by a child process, as for every command. Only where it does not
open does `restore` work on the file itself, under its lock, and keeps what was there aside.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from sidecar import config
from sidecar.cli.call import add_place, explain, place_options, tell_ended
from sidecar.cli.child import CallFailed, Child, ChildEnded
from sidecar.cli.progress import Bar
from sidecar.cli.terminal_text import lines as visible_lines
from sidecar.cli.terminal_text import visible, write_json
from sidecar.clock import SystemClock
from sidecar.errors import ExitCode, SidecarError

_MIB = 1024 * 1024

_UNOPENABLE = (ExitCode.RECOVERY_REQUIRED, ExitCode.DAMAGED)
"""How a start ends where only the file itself can be replaced."""


def _call(options: list[str], method: str, params: dict[str, Any]) -> dict[str, Any]:
    """One call through a child, with a bar for its progress."""
    bar = Bar()
    try:
        child = Child([*options, "--no-events"], bar.notified)
        try:
            result: dict[str, Any] = child.call(method, params)
            return result
        finally:
            bar.end()
            child.close()
    finally:
        bar.end()


def _run(given: argparse.Namespace, act: Callable[[], dict[str, Any]], tell: Any) -> int:
    """Do it, and say what came of it; returns the exit code."""
    try:
        result = act()
    except CallFailed as failed:
        sys.stderr.write(explain(failed.error))
        return 1
    except ChildEnded as ended:
        return tell_ended(ended)
    except SidecarError as failed:
        sys.stderr.write(explain(failed.as_wire()))
        return 1
    if given.json or not sys.stdout.isatty():
        write_json(result)
    else:
        sys.stdout.write(visible_lines(tell(result)))
    return 0 if result.get("ok", True) else 1


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / _MIB:.1f} MiB"


def _named(text: str) -> dict[str, str]:
    """A backup as a person names it: a listed one by its name, any other by its path."""
    path = Path(text)
    if path.name == text and not path.exists():
        return {"name": text}
    return {"path": str(path.absolute())}


class Backup:
    """`sim-sidecar backup`."""

    EXAMPLES = """examples:
  sim-sidecar backup                           beside the database, in the folder backups
  sim-sidecar backup --label "before the move" --database my.db
  sim-sidecar call backups.list                what there is
"""

    @staticmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--label", help="what to call it")
        parser.add_argument(
            "--include-secrets", action="store_true", help="take the sealed keys along"
        )
        add_place(parser)
        parser.add_argument("--json", action="store_true", help="one line of JSON")

    @staticmethod
    def run(given: argparse.Namespace) -> int:
        """Make one."""
        if given.ephemeral:
            sys.stderr.write("backup: with --ephemeral there is nothing to back up.\n")
            return ExitCode.USAGE
        params = {"label": given.label, "include_secrets": given.include_secrets}
        options = place_options(given, existing=True)
        return _run(given, lambda: _call(options, "backups.create", params), Backup._tell)

    @staticmethod
    def _tell(result: dict[str, Any]) -> str:
        secrets = "with the sealed keys" if result["secrets"] == "sealed" else "without secrets"
        return (
            f"Backed up, checked and read back: {result['path']}\n"
            f"{_mib(result['database_bytes'])} in {_mib(result['size_bytes'])},"
            f" {result['counts']['workflows']} workflows, {secrets}.\n"
        )


class Verify:
    """`sim-sidecar verify BACKUP`."""

    EXAMPLES = """examples:
  sim-sidecar verify /media/stick/sim_backup_20260318_123000.db.zst
  sim-sidecar verify sim_backup_20260318_123000.db.zst --database my.db

Exit code 1 when something is wrong with it.
"""

    @staticmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("backup", metavar="BACKUP", help="name of a listed backup, or a path")
        add_place(parser)
        parser.add_argument("--json", action="store_true", help="one line of JSON")

    @staticmethod
    def run(given: argparse.Namespace) -> int:
        """Look at one, through the database it may be of where that is free."""
        return _run(given, lambda: Verify._verify(given), Verify._tell)

    @staticmethod
    def _verify(given: argparse.Namespace) -> dict[str, Any]:
        params = _named(given.backup)
        try:
            return _call(place_options(given, existing=True), "backups.verify", params)
        except ChildEnded:
            if "path" not in params:
                raise
        # The app goes on serving its database, or there is none: the file is looked at alone.
        result = _call(["--ephemeral"], "backups.verify", params)
        if result["manifest"] is not None:
            result["manifest"]["this_database"] = None  # which one was not to be asked
        return result

    @staticmethod
    def _tell(result: dict[str, Any]) -> str:
        if result["ok"]:
            counts = result["manifest"]["counts"]
            return f"Sound: {counts['workflows']} workflows, {counts['runs']} runs.\n"
        lines = [f"  {each['kind']}: {visible(each['detail'])}\n" for each in result["findings"]]
        return "Not sound:\n" + "".join(lines)


class Restore:
    """`sim-sidecar restore BACKUP`."""

    EXAMPLES = """examples:
  sim-sidecar restore sim_backup_20260318_123000.db.zst --dry-run
  sim-sidecar restore /media/stick/sim_backup_20260318_123000.db.zst --database my.db

What is replaced is backed up first. Where the database does not open it is kept aside under
another name, and the secrets of the backup, if it has any, are there afterwards.
"""

    @staticmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("backup", metavar="BACKUP", help="name of a listed backup, or a path")
        parser.add_argument("--dry-run", action="store_true", help="only say what would happen")
        parser.add_argument(
            "--secrets",
            choices=("live", "backup"),
            default="live",
            help="whose secrets are there afterwards (default: live, those of now)",
        )
        add_place(parser)
        parser.add_argument("--json", action="store_true", help="one line of JSON")

    @staticmethod
    def run(given: argparse.Namespace) -> int:
        """Restore, through a child or on the file itself."""
        return _run(given, lambda: Restore._restore(given), Restore._tell)

    @staticmethod
    def _restore(given: argparse.Namespace) -> dict[str, Any]:
        params = {**_named(given.backup), "dry_run": given.dry_run, "secrets": given.secrets}
        database = (given.database or config.default_database()).absolute()
        if not given.ephemeral and not database.exists():
            # Nothing is made at a mistyped name by a backup that is not there, or not sound.
            return _offline(database, given.backup, dry_run=given.dry_run)
        try:
            return _call(place_options(given), "backups.restore", params)
        except ChildEnded as ended:
            if given.ephemeral or ended.code not in _UNOPENABLE:
                raise
            sys.stderr.write(f"The database does not open: {visible(ended)}\n")
        return _offline(database, given.backup, dry_run=given.dry_run)

    @staticmethod
    def _tell(result: dict[str, Any]) -> str:
        done = "Would restore" if result["dry_run"] else "Restored"
        counts = result["counts"]
        lines = [f"{done}: {counts['workflows']} workflows, {counts['runs']} runs."]
        secrets = {"kept": "stay as they are", "from_backup": "are the backup's", "none": "none"}
        lines.append(f"Secrets: {secrets[result['secrets']]}.")
        if result.get("providers_lost"):
            lines.append(f"No longer there: the keys of {', '.join(result['providers_lost'])}.")
        if result.get("safety_backup"):
            lines.append(f"What was there is in {result['safety_backup']}.")
        if result.get("kept_aside"):
            lines.append(f"What was there is kept as {result['kept_aside']}.")
        lines += [f"  {each['kind']}: {visible(each['detail'])}" for each in result["findings"]]
        return "\n".join(lines) + "\n"


def _offline(database: Path, backup: str, *, dry_run: bool) -> dict[str, Any]:
    """Restore without a process that serves, under the database's lock."""
    from sidecar.backups import directory  # noqa: PLC0415 - loads the driver
    from sidecar.backups import restore as restoring  # noqa: PLC0415 - loads the driver
    from sidecar.backups.old_database import UnservedDatabase  # noqa: PLC0415 - loads the driver
    from sidecar.handlers.backups.restore import result_of  # noqa: PLC0415 - loads the driver
    from sidecar.store.lockfile import DatabaseLock  # noqa: PLC0415 - the same

    named = _named(backup)
    if "name" in named:
        path = directory.find(database.parent / directory.DEFAULT, named["name"])
    else:
        path = directory.require_file(Path(named["path"]))
    lock = DatabaseLock(database)
    lock.acquire()
    bar = Bar()
    try:
        old = UnservedDatabase(database, SystemClock(), bar.tell)
        done = restoring.restore(old, path, "backup", dry_run=dry_run)
    finally:
        bar.end()
        lock.release()
    told: dict[str, Any] = msgspec.to_builtins(result_of(done))
    return told
