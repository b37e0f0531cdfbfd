"""The device id, which distinguishes the objects of this device in remotes from those of others.

A device is a copy of the database on one machine. The id is in a file beside the database and not
in the database, so that no backup contains it. A database that is restored on another machine gets
a new id, so no two machines write under the same id. A cloned disk has both files; the second of
the two machines that pushes gets a warning and a new id.
"""

import re
from pathlib import Path
from typing import Final

from sidecar import digests, files
from sidecar.clock import Clock
from sidecar.store.remotes import RemoteRow

SUFFIX: Final = "-device"
_ID: Final = re.compile(r"[0-9a-f]{32}")


def is_device(text: str) -> bool:
    """Return whether a text has the form of a device's id."""
    return _ID.fullmatch(text) is not None


def read(database: Path) -> str | None:
    """Return the device id, None when its file is missing or cannot be read."""
    try:
        text = files.beside(database, SUFFIX).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return text if is_device(text) else None


def prefix(base: str, remote: str, created_at: int) -> str:
    """Return the id under which the device with the id `base` writes to one remote.

    A remote that is deleted and set again begins a new chain of heads, so it gets another id.
    """
    message = f"{remote}/{created_at}".encode()
    return digests.hmac_sha256(bytes.fromhex(base), message)[:16].hex()


def own_id(database: Path, remote: RemoteRow) -> str | None:
    """Return the id under which this device writes to a remote, None before it has one."""
    base = read(database)
    return None if base is None else prefix(base, remote.name, remote.created_at)


def read_or_make(database: Path, clock: Clock) -> str:
    """Return the device id; make one when there is none."""
    return read(database) or make(database, clock)


def make(database: Path, clock: Clock) -> str:
    """Replace the device id by a new one; return the new id."""
    text = clock.random_bytes(16).hex()
    path = files.beside(database, SUFFIX)
    partial = files.beside(database, f"{SUFFIX}.new")
    partial.unlink(missing_ok=True)
    files.create_private(partial)
    partial.write_text(text + "\n", encoding="utf-8")
    files.sync_file(partial)
    partial.replace(path)
    files.sync_folder(path.parent)
    return text
