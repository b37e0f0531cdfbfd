"""The settings of one serving process, and where its database is when no argument names one.

Has the defaults and the platform's folder for user data. Secrets are never given in this way:
other programs can see the arguments and the environment of a process.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from sidecar.errors import StorageFailed

DATABASE_VARIABLE = "SIM_SIDECAR_DATABASE"
"""The environment variable that names the database when no option does."""


class ServeConfig(msgspec.Struct, frozen=True):
    """The settings of `sim-sidecar serve`."""

    database: Path | None
    """The database file; None serves a new one that is removed at the end."""
    existing: bool
    """Whether the database must exist: a start that finds none does not create it."""
    reading: bool
    """Whether a database that another process serves is only read from, beside that process."""
    parent_pid: int | None
    """The process that this one ends with; None for the process that started this one."""
    events: bool
    """Whether audit and change events are sent from the start."""
    log_level: str
    log_file: str | None
    threaded: bool
    """Whether threads read and write even where the descriptors can be polled."""
    dumpable: bool
    """Whether other programs may read the memory of the process; secrets then never unlock."""
    passphrase_fd: int | None
    """The descriptor (on Windows the handle) to read a passphrase from, to unlock at the start."""


def user_data_folder() -> Path:
    """Return the folder for this program in the platform's folder for user data.

    Raises:
        StorageFailed: there is no such folder for this user.
    """
    if sys.platform == "win32":
        named, inside = "LOCALAPPDATA", ("AppData", "Local")
    elif sys.platform == "darwin":
        named, inside = "", ("Library", "Application Support")
    else:
        named, inside = "XDG_DATA_HOME", (".local", "share")
    base = Path(os.environ.get(named, ""))
    if not base.is_absolute():  # the XDG specification has a relative path ignored
        base = _home().joinpath(*inside)
    return base / "sim-sidecar"


def _home() -> Path:
    """Return the user's own folder.

    Raises:
        StorageFailed: the environment does not name it, and the user has no entry in the system.
    """
    if sys.platform == "win32":
        home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises without one
    else:
        home = Path(os.environ.get("HOME", ""))
        if not home.is_absolute():
            import pwd  # noqa: PLC0415 - POSIX only

            with suppress(KeyError):
                home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    if not home.is_absolute():
        message = "There is no folder for user data: HOME is not set to an absolute path."
        raise StorageFailed(message, hint=f"Name a file with --database or in {DATABASE_VARIABLE}.")
    return home


def default_database() -> Path:
    """Return the path of the database to serve when no option names one.

    Raises:
        StorageFailed: there is no folder for user data.
    """
    named = os.environ.get(DATABASE_VARIABLE)
    return Path(named) if named else user_data_folder() / "sim.db"
