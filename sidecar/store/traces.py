"""Finds the traces of an earlier database at a path that has no database now.

A path without any trace is new, and a start creates a database there. These are traces: a log or
journal of SQLite (`-wal`, `-journal`), the plan of a replacement (`.swap`), the marker that each
served database has (`.known`), the copy made before a migration (`.before-v2`), and a damaged file
that was kept (`.damaged-…`). Backups in the default folder are a trace too, unless the marker of
another database is in the folder: several databases may share a folder of backups, and backups of
another database say nothing about this path.
"""

from pathlib import Path
from typing import Final

from sidecar import files
from sidecar.store.backup_names import DEFAULT, is_backup_name

KNOWN: Final = ".known"
"""Suffix of the marker that a database has been here; created when it is first opened."""
BEFORE: Final = ".before-v"
"""Suffix of the copy made before a migration; the number of the version follows it."""
PLAN: Final = ".swap"
"""Suffix of the plan of a replacement; see `swap`."""
QUARANTINE: Final = ".damaged-"
"""The text between the database's name and the time in the name of a damaged file."""

_SUFFIXES: Final = ("-wal", "-journal", PLAN, KNOWN)


def companions(path: Path) -> list[str]:
    """Return the names of the files that are only beside a database that has been used.

    Raises:
        OSError: the folder exists but cannot be read.
    """
    try:
        names = [found.name for found in path.parent.iterdir()]
    except FileNotFoundError:
        return []
    whole = {path.name + suffix for suffix in _SUFFIXES}
    begun = (path.name + BEFORE, path.name + QUARANTINE)
    return sorted(name for name in names if name in whole or name.startswith(begun))


def orphaned_backups(path: Path) -> list[str]:
    """Return the name of the default folder of backups when no other database owns what is there.

    Called where the database is missing, so that no other start pays for it.

    Raises:
        OSError: a folder exists but cannot be read.
    """
    try:
        found = any(is_backup_name(each.name) for each in (path.parent / DEFAULT).iterdir())
        if not found:
            return []
        own = path.name + KNOWN
        others = (each.name for each in path.parent.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [] if any(name.endswith(KNOWN) and name != own for name in others) else [DEFAULT]


def mark_known(path: Path) -> None:
    """Create the marker file by which a later start knows that a database was here."""
    marker = files.beside(path, KNOWN)
    if not marker.exists():
        files.create_private(marker)
