"""The table `meta`: facts about the database file itself, one row for each key."""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, ValidationError, convert

from sidecar import limits
from sidecar.errors import DatabaseDamaged
from sidecar.store.pragmas import Connection
from sidecar.values import Timestamp

STORE_ID: Final = "store_id"
"""Sixteen random bytes that identify this database, wherever its file is. Secrets are sealed for
it, and backups say by it which database they are of."""

EPOCH: Final = "epoch"
"""A number that rises whenever a restore or a recovery puts another file in place, so that a
client can see that what it remembers is of another state."""

CREATED_AT: Final = "created_at"
"""When the file was made, in milliseconds since the Unix epoch."""

CLEAN_END: Final = "clean_end"
"""1 when the last process closed the file, 0 while a process serves it or after a kill."""

PURGE_PENDING: Final = "purge_pending"
"""How many requests for a purge came since the last one; see `purge`."""

RESTORED_STATE: Final = "restored_state"
"""The `snapshot.fingerprint` that the database had after a restore."""

FOLDING: Final = "folding"
"""Version of the folding of the text in the search indexes and of the keys of names, as bytes."""

BACKUP_FOLDER: Final = "backup_folder"
"""Path of the folder of backups that has got a marker, as bytes; see `backups.marker`."""

_Counter = Annotated[int, Meta(ge=0, le=limits.SAFE_INTEGER_MAX // 2)]
"""A number that only rises; the other half of the safe integers is left to rise into."""

_TYPES: Final[dict[str, Any]] = {
    STORE_ID: Annotated[bytes, Meta(min_length=16, max_length=16)],
    EPOCH: _Counter,
    CREATED_AT: Timestamp,
    CLEAN_END: Literal[0, 1],
    PURGE_PENDING: _Counter,
    BACKUP_FOLDER: Annotated[bytes, Meta(max_length=4 * limits.PATH_MAX_CHARS)],
    RESTORED_STATE: Annotated[bytes, Meta(max_length=32)],
    FOLDING: Annotated[bytes, Meta(max_length=32)],
}
"""The type and the bounds of the value of each key."""

KEYS: Final = frozenset(_TYPES)
"""The keys that a file can have."""

_REQUIRED: Final = (STORE_ID, EPOCH)
"""Without these the file cannot be served; the others have a value that stands for no row."""


def is_possible(key: str, value: object) -> bool:
    """Return whether a key can have this value; None stands for no row."""
    if value is None:
        return key not in _REQUIRED
    try:
        convert(value, _TYPES[key], builtin_types=(bytes,))
    except ValidationError:
        return False
    return True


def impossible_keys(db: Connection) -> list[str]:
    """Return the keys with a value that they cannot have."""
    return [key for key in _TYPES if not is_possible(key, read(db, key))]


def discard(db: Connection, key: str) -> None:
    """Delete the row of a key, in the caller's transaction."""
    db.execute("DELETE FROM meta WHERE key = ?", (key,))


def read(db: Connection, key: str) -> Any:
    """Return the value of a key, or None when there is no such row.

    No value is a text, so one that is not in UTF-8 is returned as an empty one.
    """
    try:
        return db.execute("SELECT value FROM meta WHERE key = ?", (key,)).get
    except UnicodeDecodeError:
        return ""


def write(db: Connection, key: str, value: bytes | int) -> None:
    """Set the value of a key, in the caller's transaction."""
    db.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )


def store_id(db: Connection) -> bytes:
    """Return the sixteen bytes that name this database.

    Raises:
        DatabaseDamaged: there are none.
    """
    found = read(db, STORE_ID)
    if not isinstance(found, bytes):
        raise DatabaseDamaged
    return found


def epoch(db: Connection) -> int:
    """Return the epoch of the file.

    Raises:
        DatabaseDamaged: there is none.
    """
    found = read(db, EPOCH)
    if not isinstance(found, int):
        raise DatabaseDamaged
    return found


def raise_epoch(db: Connection, live_epoch: int = 0) -> int:
    """Raise the epoch above its own value and above `live_epoch`; return the new epoch."""
    raised = max(epoch(db), live_epoch) + 1
    write(db, EPOCH, raised)
    return raised
