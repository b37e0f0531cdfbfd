"""Watches the names of the served file: that of the database itself and that of its lock file.

Other programs remove, replace and link files. The database's own name is compared before each
COMMIT, by one call of the system; the lock file in the pauses after a write. What a person should
know is noted here and sent by a chore.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from sidecar.errors import ReadOnly
from sidecar.store.lockfile import DatabaseLock
from sidecar.vocabularies import WarningSlug


class FileWatch:
    """What was seen of the names of one served file."""

    def __init__(self, path: Path) -> None:
        """Watch `path`; nothing is read before `check_names`."""
        self.path = path
        self._name = str(path)
        self.lock: DatabaseLock | None = None
        """The lock that this process holds, None where nothing is served."""
        self.on_warning: Callable[[], None] = lambda: None
        """Called when there is a warning to send; it has the chore run that sends it."""
        self.warnings: dict[WarningSlug, str] = {}
        """Warnings that were not sent yet: stable name and text."""
        self._identity: tuple[int, int] | None = None
        """Which file `path` names; None until it is opened for the first time after a swap."""
        self._links = 1

    def forget_file(self) -> None:
        """Accept whichever file `path` names next, because this process puts one there."""
        self._identity = None

    def warn(self, slug: WarningSlug, detail: str) -> None:
        """Note a warning, and have it sent."""
        self.warnings[slug] = detail
        self.on_warning()

    def check_names(self) -> None:
        """Check that `path` still names the open file, into which SQLite would write.

        On Windows open files cannot be moved.

        Raises:
            ReadOnly: the file was moved or removed, or another one has its name.
        """
        if sys.platform == "win32":
            return
        try:
            found = os.stat(self._name)  # noqa: PTH116 - a third of the time of Path.stat
        except FileNotFoundError:
            raise self._moved() from None
        identity = (found.st_dev, found.st_ino)
        if identity != (self._identity or identity):
            raise self._moved()
        self._identity = identity
        if found.st_nlink != self._links:
            self._links = found.st_nlink
            self.on_warning()

    def restore_lock(self) -> None:
        """Create the lock file again when it was removed."""
        if self.lock is not None and not self.lock.is_named() and self.lock.restore():
            self.warn(
                "lock_removed",
                f"The lock file {self.lock.path} was removed while the database was served; it was"
                " created again.",
            )

    def _moved(self) -> ReadOnly:
        return ReadOnly(
            f"{self.path} was moved, removed or replaced while it was served.",
            hint="Put the file back, or end this process and start it again.",
            outcome="not_applied",
        )
