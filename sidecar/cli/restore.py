"""`sim-sidecar restore`: put a backup in the place of the database.

A child process does the work, as for every command; it also serves a database that does not open.
Only when there is no file, `restore` works without a child, under the database's lock.
"""

import argparse
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from sidecar.cli import command
from sidecar.cli.failures import CommandFailed
from sidecar.cli.progress import Bar
from sidecar.cli.tables import print_result
from sidecar.cli.verify import add_backup, backup_params
from sidecar.clock import SystemClock

_HELP = "put a backup in the place of the database, even of one that does not open"
_EXAMPLES = """examples:
  sim-sidecar backups                                     lists the backups
  sim-sidecar restore sim_backup_20260318_123000.db.zst --dry-run
  sim-sidecar restore /media/stick/sim_backup_20260318_123000.db.zst --database my.db

  sim-sidecar restore --from file:///media/stick/remote   on a new machine: asks for
                                                          the recovery code
  sim-sidecar restore --from "s3://bucket/?endpoint=https://server"

The database that is replaced is backed up first. Where it does not open, its file
is kept under another name, and all secrets are those of the backup, if it has any.
A backup that is not sound is refused, and nothing is changed.
"""


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the backup, and what is restored of it."""
    add_backup(parser, nargs="?")
    parser.add_argument(
        "--from",
        dest="remote",
        metavar="URL",
        help="fetch the newest backup from a remote, with the recovery code, and restore it",
    )
    parser.add_argument(
        "--store", metavar="ID", help="the database, when a remote has several that the code opens"
    )
    parser.add_argument(
        "--passphrase",
        action="store_true",
        help="open the remote with the passphrase, if remotes.set allowed that",
    )
    parser.add_argument(
        "--secrets-fd",
        metavar="N",
        type=int,
        help="read the store's credentials, one line, if it is not a folder, and the recovery code,"
        " one line, from file descriptor N instead of asking for them",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be restored, and change nothing"
    )
    parser.add_argument(
        "--secrets",
        choices=("live", "backup"),
        default="live",
        help="keep the provider keys of the database (live, the default), or those of the backup",
    )
    command.add_common(parser)


def _run(given: argparse.Namespace) -> int:
    """Restore the backup."""
    print_result(given, _restore(given), describe)
    return 0


def _restore(given: argparse.Namespace) -> dict[str, Any]:
    """Restore through a child, or without one where there is no file."""
    if given.remote is not None:
        if given.backup is not None:
            raise CommandFailed("give either a backup or --from, not both.")
        from sidecar.cli.restore_from import bring  # noqa: PLC0415 - loads the vault

        given.backup = bring(given)
    if given.backup is None:
        raise CommandFailed("name a backup; sim-sidecar backups lists them.")
    params = {**backup_params(given.backup), "dry_run": given.dry_run, "secrets": given.secrets}
    # A missing or invalid backup must not create a database at a mistyped path.
    if not (given.ephemeral or command.database_path(given).exists()):
        return _restore_file(command.database_path(given), given)
    options = command.serve_options(given, existing=False)
    result: dict[str, Any] = command.call_method(options, "backups.restore", params)
    return result


def _restore_file(database: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Restore without a serving process, under the database's lock."""
    from sidecar.backups import directory  # noqa: PLC0415 - loads the driver
    from sidecar.backups.old_database import UnservedDatabase  # noqa: PLC0415 - loads the driver
    from sidecar.backups.restore import restore_backup  # noqa: PLC0415 - loads the driver
    from sidecar.handlers.backups.verify_restore import result_of  # noqa: PLC0415 - loads the driver
    from sidecar.store import backup_names  # noqa: PLC0415 - as above

    params = backup_params(given.backup)
    if "name" in params:
        path = directory.find(database.parent / backup_names.DEFAULT, params["name"])
    else:
        path = directory.require_file(Path(params["path"]))
    with command.database_lock(database), closing(Bar()) as bar:
        old = UnservedDatabase(database, SystemClock(), bar.draw)
        done = restore_backup(old, path, "backup", dry_run=given.dry_run)
    result: dict[str, Any] = msgspec.to_builtins(result_of(done))
    return result


def describe(result: dict[str, Any]) -> str:
    """Return the result of `backups.restore` in plain words."""
    done = "A restore would bring back" if result["dry_run"] else "Restored"
    counts = result["counts"]
    secrets = {
        "kept": "Provider keys stay as they are.",
        "from_backup": "Provider keys are those of the backup.",
        "none": "There are no provider keys.",
    }
    lines = [f"{done}: {counts['workflows']} workflows, {counts['runs']} runs."]
    lines.append(secrets[result["restored_secrets"]])
    if result.get("providers_lost"):
        lines.append(f"No longer there: the keys of {', '.join(result['providers_lost'])}.")
    changed = [each["key"] for each in result.get("settings_changed", ())]
    if changed:
        lines.append(f"Settings with another value afterwards: {', '.join(changed)}.")
    old = result.get("safety_backup") or result.get("kept_aside")
    if old:
        lines.append(f"The replaced database is kept as {old}.")
    lines += [f"  {each['kind']}: {each['detail']}" for each in result["findings"]]
    return "\n".join(lines)


COMMAND = command.Command("restore", _HELP, _EXAMPLES, _add_options, _run)
