"""The rows of remotes, of the heads that were signed for them, and of the identities that sign.

Nothing sealed is opened here. A damaged cell is replaced, as everywhere: what is sealed is then
found damaged when it is opened, and a head when its signature is verified.
"""

from typing import Final, Literal, NamedTuple

from sidecar.store.connection import Connection
from sidecar.store.rows import DAMAGED_NAME, RowKind, key_mark, read_cells
from sidecar.store.tables import has_rows
from sidecar.values import Count, Timestamp

CHORE: Final = "remotes"
"""Name of the chore that pushes to remotes what is due, while secrets are unlocked."""

HeadKind = Literal["keys", "audit", "backup", "pruned"]
"""What a head is about: keys, a part of the log, a backup, or a backup that was deleted."""


class RemoteRow(NamedTuple):
    """One remote."""

    name: str
    url: str
    credentials: bytes
    with_passphrase: int
    created_at: Timestamp
    pushed_at: Timestamp | None
    failed_at: Timestamp | None
    failure: str | None
    damaged: bool = False
    """Whether a cell of the row is damaged; another value is in its place here."""


class HeadRow(NamedTuple):
    """One head of a device, as it was signed for a remote."""

    remote: str
    device: str
    n: Count
    kind: HeadKind
    object: str
    subject: str
    size_bytes: Count
    head: str
    sent: int
    damaged: bool = False
    """Whether a cell of the row is damaged; another value is in its place here."""


class IdentityRow(NamedTuple):
    """The keys of a device: those to seal and to verify with, and the secret ones, sealed."""

    recipient: bytes
    verifier: bytes
    device: str
    sealed: bytes
    created_at: Timestamp
    retired: int
    damaged: bool = False
    """Whether a cell of the row is damaged; another value is in its place here."""


_REMOTES: Final = RowKind("remotes", RemoteRow, "name")
_HEADS: Final = RowKind("remote_heads", HeadRow, "device")
_IDENTITIES: Final = RowKind("remote_identities", IdentityRow, "recipient")

_REMOTE_COLUMNS: Final = (
    "name, url, credentials, with_passphrase, created_at, pushed_at, failed_at, failure"
)
_HEAD_COLUMNS: Final = "remote, device, n, kind, object, subject, size_bytes, head, sent"


# --- remotes ------------------------------------------------------------------------------------


def any_set(db: Connection) -> bool:
    """Return whether a remote is set."""
    return has_rows(db, "remotes")


def all_remotes(db: Connection) -> list[RemoteRow]:
    """Return every remote, by name."""
    sql = f"SELECT {_REMOTE_COLUMNS} FROM remotes ORDER BY name"  # noqa: S608 - constants
    return _REMOTES.read(db, sql)


def find(db: Connection, name: str) -> RemoteRow | None:
    """Return the remote of that name, also a damaged one, or None."""
    return next((row for row in all_remotes(db) if row.name == name), None)


def put(db: Connection, row: RemoteRow) -> None:
    """Insert or replace a remote."""
    db.execute(
        f"INSERT OR REPLACE INTO remotes ({_REMOTE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constants
        row[:8],
    )


def set_pushed(db: Connection, name: str, at: int) -> None:
    """Store that a push succeeded."""
    db.execute(
        "UPDATE remotes SET pushed_at = ?, failed_at = NULL, failure = NULL WHERE name = ?",
        (at, name),
    )


def set_failed(db: Connection, name: str, at: int, failure: str) -> None:
    """Store that pushes fail, since when they do and why."""
    db.execute(
        "UPDATE remotes SET failed_at = coalesce(failed_at, ?), failure = ? WHERE name = ?",
        (at, failure, name),
    )


def delete(db: Connection, name: str) -> bool:
    """Delete a remote and its heads; return whether there was one of the name."""
    rows = list(read_cells(db, 1, "SELECT name FROM remotes"))
    keys = [key for (key,) in rows if name in (key, DAMAGED_NAME + key_mark(key))]
    for key in keys:
        db.execute("DELETE FROM remotes WHERE CAST(name AS BLOB) = CAST(? AS BLOB)", (key,))
    db.execute("DELETE FROM remote_heads WHERE remote NOT IN (SELECT name FROM remotes)")
    return bool(keys)


# --- heads --------------------------------------------------------------------------------------


def heads(db: Connection, remote: str, device: str) -> list[HeadRow]:
    """Return the heads of a device in a remote, the oldest first."""
    sql = f"SELECT {_HEAD_COLUMNS} FROM remote_heads WHERE remote = ? AND device = ? ORDER BY n"  # noqa: S608 - constants
    return _HEADS.read(db, sql, (remote, device))


def newest_head(
    db: Connection, remote: str, device: str, kind: HeadKind | None = None
) -> HeadRow | None:
    """Return the newest head of a device in a remote, of a kind where one is given."""
    sql = (
        f"SELECT {_HEAD_COLUMNS} FROM remote_heads WHERE remote = ? AND device = ?"  # noqa: S608 - constants
        " AND (?3 IS NULL OR kind = ?3) ORDER BY n DESC LIMIT 1"
    )
    return _HEADS.find(db, sql, (remote, device, kind))


def add_head(db: Connection, row: HeadRow) -> None:
    """Insert a head that is about to be sent."""
    db.execute(
        f"INSERT INTO remote_heads ({_HEAD_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constants
        row[:9],
    )


def set_sent(db: Connection, remote: str, device: str, n: int) -> None:
    """Store that the remote has a head."""
    db.execute(
        "UPDATE remote_heads SET sent = 1 WHERE remote = ? AND device = ? AND n = ?",
        (remote, device, n),
    )


# --- identities ---------------------------------------------------------------------------------


def identities(db: Connection) -> list[IdentityRow]:
    """Return every identity, the oldest first."""
    return _IDENTITIES.read(
        db,
        "SELECT recipient, verifier, device, sealed, created_at, retired FROM remote_identities"
        " ORDER BY created_at, recipient",
    )


def add_identity(db: Connection, row: IdentityRow) -> None:
    """Insert an identity."""
    db.execute(
        "INSERT INTO remote_identities (recipient, verifier, device, sealed, created_at, retired)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        row[:6],
    )


def reseal_identity(db: Connection, recipient: bytes, sealed: bytes) -> None:
    """Replace the sealed keys of an identity by the same under another root key, and retire it."""
    db.execute(
        "UPDATE remote_identities SET sealed = ?, retired = 1 WHERE recipient = ?",
        (sealed, recipient),
    )


def reseal_credentials(db: Connection, name: str, sealed: bytes) -> None:
    """Replace the sealed credentials of a remote by the same under another root key."""
    db.execute("UPDATE remotes SET credentials = ? WHERE name = ?", (sealed, name))
