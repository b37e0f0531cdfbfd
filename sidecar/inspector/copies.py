"""Makes a copy of a database, and serves it for reading only.

The inspector holds the lock of the copy, so that its sidecar only reads. Therefore no chore runs
that would prune runs, or write a backup into the app's folder of backups.
"""

from contextlib import ExitStack, suppress
from pathlib import Path

from sidecar.ephemeral import DATABASE_NAME, EphemeralFolder
from sidecar.errors import ExitCode
from sidecar.inspector.frames import Frames
from sidecar.inspector.served import Ended, Served
from sidecar.store import migrations
from sidecar.store.backup_names import DEFAULT
from sidecar.store.lockfile import DatabaseLock
from sidecar.store.transfer.whole_copy import copy_whole, index_pending


def serve_copy(database: Path, held: ExitStack, frames: Frames | None) -> Served:
    """Copy the database and start a sidecar on the copy; closing `held` removes the copy.

    Raises:
        Ended: there is no database, or its copy cannot be served.
        SidecarError: the database cannot be copied.
    """
    if not database.exists():
        raise Ended(ExitCode.NO_DATABASE, f"There is no database at {database}.")
    folder = held.enter_context(EphemeralFolder())
    copy = folder / DATABASE_NAME
    version = copy_whole(database, copy)
    if version != migrations.current_version():
        # This migrates a copy of an older version, and refuses a file of another program.
        Served([f"--database={copy}", "--existing", "--no-events"], None).close()
    index_pending(copy)
    # Windows lets only some users create links; without one, backups are not listed.
    with suppress(OSError):
        (folder / DEFAULT).symlink_to(database.absolute().parent / DEFAULT)
    lock = DatabaseLock(copy)
    lock.acquire()
    held.callback(lock.release)
    return Served([f"--database={copy}", "--existing", "--reading"], frames)
