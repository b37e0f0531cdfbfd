"""The audit log: entries chained by a code whose key changes with every entry.

The state row (`audit_state`) holds number and code of the newest entry and the key of the next
one. It is written in the transaction of the entry, so that a savepoint that is rolled back leaves
no gap in the numbers. Each key is a hash of the one before, so a key does not reveal earlier keys.

The chain is unsealed until the secrets are set up: its first key is then stored in clear, and
verification finds accidents and gaps but not an intruder who can write the file. Sealing
encrypts the start of the chain under the root key and continues with a fresh key. A checkpoint
does the same later: whoever has read the file once cannot forge entries that are written after the
next checkpoint. It also holds the marks of the vault (`store.vault_marks`), so that earlier rows
of the vault that were put back are found.

Texts are read as bytes, so that a row that was not written by this product can be read too. The
arithmetic is in `chain` and the verification in `verify`. Only `digests` is used here, so that a
start of the process does not import cryptography.
"""

from collections.abc import Callable, Generator
from typing import Any, Final, NamedTuple, cast

import apsw
import msgspec
from msgspec import convert

from sidecar.errors import AuditUnavailable
from sidecar.store.audit import chain
from sidecar.store.audit.chain import GENESIS, Point
from sidecar.store.audit.verify import (
    RESTARTED,
    START,
    STORED,
    Head,
    Opener,
    open_start,
    start_purpose,
)
from sidecar.store.connection import Connection, one_row
from sidecar.store.rows import AS_IS, UNFIT, RowKind, text_or_bytes
from sidecar.store.vault_marks import read_marks
from sidecar.values import Count, Timestamp, stored_json
from sidecar.vocabularies import AuditAction

_CHECK = "Run audit.verify: another program wrote to the log."

Sealer = Callable[[str, int, bytes], bytes]
"""Encrypts bytes for a purpose and an entry number under the root key."""


class Entry(NamedTuple):
    """One entry of the log; `details` is JSON text."""

    seq: int
    action: str
    resource: str
    at: Timestamp
    details: str
    mac: bytes
    damaged: bool = False
    """Whether a cell of the row is damaged; another value is in its place here."""

    def members(self) -> tuple[int, AuditAction, str, int, Any, str]:
        """Return the members of `audit.event` in order; an imported log can have other actions."""
        action = cast(AuditAction, self.action)
        return self.seq, action, self.resource, self.at, stored_json(self.details), self.mac.hex()


_ENTRIES: Final = RowKind("access_log", Entry, "seq")

_STATE_TYPES: Final[dict[str, Any]] = {
    "seq": Count,
    "head": bytes,
    "next_key": bytes,
    "pruned_through": Count,
    "start_seq": Count,
    "start": bytes | None,
    "sealed_start": bytes | None,
    "unsealed_through": Count,
}

_NEWEST: Final = tuple[Count, bytes, bytes]
"""The types of number, code and next key, which every act reads."""


def _state(db: Connection, *columns: str) -> tuple[Any, ...]:
    """Return cells of the state row.

    Raises:
        DatabaseDamaged: there is none, or one of the cells is damaged.
    """
    types: Any = tuple(_STATE_TYPES[column] for column in columns)
    sql = f"SELECT {', '.join(columns)} FROM audit_state"  # noqa: S608 - names of our own
    return one_row(db, sql, types=tuple[types])


# --- writing ------------------------------------------------------------------------------


def begin_chain(db: Connection, key: bytes) -> None:
    """Write the state row of an empty chain whose first key is `key`."""
    db.execute(
        "INSERT INTO audit_state (one, seq, head, next_key, start) VALUES (1, 0, ?, ?, ?)",
        (GENESIS, key, Point(0, GENESIS, key).packed()),
    )


def append_entry(
    db: Connection, at: int, action: AuditAction, resource: str, details: str = "{}"
) -> Entry:
    """Write one entry and move the chain forward, in the caller's transaction.

    Raises:
        AuditUnavailable: the state row is missing or damaged, or another program wrote an entry
            with the next number. The act must not happen then.
    """
    state = db.execute("SELECT seq, head, next_key FROM audit_state").fetchone()
    try:
        newest, head, key = convert(state, _NEWEST, builtin_types=AS_IS)
    except UNFIT:
        raise AuditUnavailable(hint=_CHECK) from None
    seq = newest + 1
    texts = (action.encode(), resource.encode(), details.encode())
    mac = chain.mac(key, head, seq, at, texts)
    state_after = (seq, mac, chain.next_key(key))
    try:
        db.execute(
            "INSERT INTO access_log (seq, action, resource, at, details, mac)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (seq, action, resource, at, details, mac),
        )
        db.execute("UPDATE audit_state SET seq = ?, head = ?, next_key = ?", state_after)
    except apsw.ConstraintError:
        raise AuditUnavailable(hint=_CHECK) from None
    return Entry(seq, action, resource, at, details, mac)


# --- reading ------------------------------------------------------------------------------


def chain_head(db: Connection) -> Head:
    """Return number and code of the newest entry; the number is 0 when the log is empty."""
    return Head(*_state(db, "seq", "head"))


class EntryFilter(NamedTuple):
    """Which entries to read; None matches all. `to_at` is not part of the interval of times."""

    action: str | None = None
    resource: str | None = None
    from_at: int | None = None
    to_at: int | None = None
    before: int | None = None
    """Only entries with a lower number."""


def read_entries(
    db: Connection,
    after: int,
    limit: int,
    wanted: EntryFilter = EntryFilter(),  # noqa: B008 - immutable
    *,
    descending: bool = False,
) -> Generator[Entry, None, None]:
    """Yield at most `limit` entries after number `after`, the oldest or the newest first."""
    parts = ("action = ?", "resource = ?", "at >= ?", "at < ?", "seq < ?")
    given = [each for each in zip(parts, wanted, strict=True) if each[1] is not None]
    conditions = " AND ".join(["seq > ?", *(part for part, _ in given)])
    order = "DESC" if descending else "ASC"
    rows = db.execute(
        f"SELECT {STORED} FROM access_log WHERE {conditions} ORDER BY seq {order} LIMIT ?",  # noqa: S608 - constants
        (after, *(value for _, value in given), limit),
    )
    for row in rows:
        yield _entry(*row)


def _entry(
    seq: int, at: object, action: bytes | None, resource: bytes | None, details: bytes, mac: object
) -> Entry:
    """Return an entry whose texts were read as bytes; what does not fit is replaced.

    A migrated log can have line breaks between the tokens of `details`. What is not a JSON object
    becomes {"text": ...}, as in a migration.
    """
    line = _one_line(details or b"")
    entry = _ENTRIES.fit((seq, text_or_bytes(action), text_or_bytes(resource), at, line, mac))
    if isinstance(line, str):
        return entry
    text = msgspec.json.encode({"text": line.decode(errors="replace")}).decode()
    return entry._replace(details=text)


def _one_line(stored: bytes) -> str | bytes:
    """Return the JSON object that was stored as text on one line, or the bytes if it is none."""
    try:
        text = stored.decode()
        msgspec.json.decode(text, type=dict)
    except UNFIT:
        return stored
    return text.replace("\n", " ").replace("\r", " ")


def has_action(db: Connection, action: str) -> bool:
    """Return whether the log has an entry with this action.

    A migrated log can have actions that this product never writes.
    """
    return db.execute("SELECT 1 FROM access_log WHERE action = ?", (action,)).fetchone() is not None


def count_entries(db: Connection, after: int, actions: frozenset[str] | None) -> int:
    """Return how many entries after number `after` have one of the actions, None meaning any."""
    if actions is None:
        row = one_row(db, "SELECT count(*) FROM access_log WHERE seq > ?", (after,))
    else:
        marks = ", ".join("?" * len(actions))
        row = one_row(
            db,
            f"SELECT count(*) FROM access_log WHERE seq > ? AND action IN ({marks})",  # noqa: S608 - marks only
            (after, *sorted(actions)),
        )
    return int(row[0])


# --- sealing and pruning ------------------------------------------------------------------


def is_log_sealed(db: Connection) -> bool:
    """Return whether the start of the chain is encrypted under a root key."""
    return bool(one_row(db, "SELECT sealed_start IS NOT NULL FROM audit_state")[0])


def seal_log(db: Connection, sealer: Sealer, fresh_key: bytes) -> int:
    """Encrypt the start of the chain under the root key and continue with a fresh key.

    A chain that is sealed already, under a root key that is lost, starts again here: earlier
    entries stay in the log but can no longer be verified. Returns the number of the newest entry;
    the keys of entries up to it were once stored in clear.
    """
    newest, start_seq, start = _state(db, "seq", "start_seq", "start")
    if start is None:
        return _restart(db, sealer, fresh_key, START)
    db.execute(
        "UPDATE audit_state SET start = NULL, sealed_start = ?, unsealed_through = ?",
        (sealer(start_purpose(START, newest), start_seq, start), newest),
    )
    add_checkpoint(db, sealer, fresh_key, read_marks(db))
    return int(newest)


def seal_log_again(db: Connection, sealer: Sealer, fresh_key: bytes) -> int | None:
    """Seal the log of a file whose secrets are set up although its log is not sealed.

    After a restore of secrets the log is unsealed from the entry of the restore on; it is sealed
    as it is, and the result is that of `seal_log`. In any other case another program changed the
    file and may have forged the log: the chain restarts here, `audit.verify` reports it, and the
    result is None.
    """
    start_seq, start = _state(db, "start_seq", "start")
    first = db.execute(
        "SELECT action FROM access_log WHERE seq > ? ORDER BY seq LIMIT 1", (start_seq,)
    ).fetchone()
    if start is not None and first == ("restore",):
        return seal_log(db, sealer, fresh_key)
    restart_log_sealed(db, sealer, fresh_key)
    return None


def restart_log_sealed(db: Connection, sealer: Sealer, fresh_key: bytes) -> None:
    """Start the chain again after the newest entry; `audit.verify` then reports it as tampered."""
    _restart(db, sealer, fresh_key, RESTARTED)


def _restart(db: Connection, sealer: Sealer, fresh_key: bytes, kind: str) -> int:
    """Seal a new start of the chain after the newest entry and return its number."""
    newest, head_ = _state(db, "seq", "head")
    start = Point(newest, head_, fresh_key).packed()
    sealed = sealer(start_purpose(kind, newest), newest, start)
    db.execute("DELETE FROM audit_anchors")
    db.execute(
        "UPDATE audit_state"
        " SET start = NULL, start_seq = ?1, unsealed_through = ?1, sealed_start = ?2",
        (newest, sealed),
    )
    add_checkpoint(db, sealer, fresh_key, read_marks(db))
    return int(newest)


def add_checkpoint(db: Connection, sealer: Sealer, fresh_key: bytes, vault: bytes) -> None:
    """Add a checkpoint after the newest entry: seal its number and code and set a fresh key.

    `vault` is the marks of the vault, which are sealed with it.
    """
    newest, head_ = _state(db, "seq", "head")
    point = Point(newest, head_, fresh_key).packed()
    db.execute(
        "INSERT INTO audit_anchors (seq, sealed) VALUES (?, ?)"
        " ON CONFLICT (seq) DO UPDATE SET sealed = excluded.sealed",
        (newest, sealer("anchor", newest, point + vault)),
    )
    db.execute("UPDATE audit_state SET next_key = ?", (fresh_key,))


def newest_marks(db: Connection, opener: Opener) -> bytes | None:
    """Return the marks of the vault in the newest checkpoint.

    Return None when there is no checkpoint, or it does not open, or an earlier version made it.
    """
    row = db.execute("SELECT seq, sealed FROM audit_anchors ORDER BY seq DESC LIMIT 1").fetchone()
    payload = opener("anchor", *row) if row is not None else None
    return (payload or b"")[chain.POINT_BYTES :] or None


def is_sealed_by_other_key(db: Connection, opener: Opener) -> bool:
    """Return whether the log is sealed, and not under the root key that opens for `opener`."""
    start_seq, sealed_start, unsealed_through = one_row(
        db,
        "SELECT start_seq, sealed_start, unsealed_through FROM audit_state",
        types=tuple[int, bytes | None, int],
    )
    if sealed_start is None:
        return False
    return open_start(opener, start_seq, sealed_start, unsealed_through) is None


def reseal_log(db: Connection, opener: Opener, sealer: Sealer) -> bool:
    """Encrypt start and checkpoints under another root key; False when one cannot be opened."""
    start_seq, sealed_start, unsealed_through = one_row(
        db,
        "SELECT start_seq, sealed_start, unsealed_through FROM audit_state",
        types=tuple[int, bytes | None, int],
    )
    found = sealed_start and open_start(opener, start_seq, sealed_start, unsealed_through)
    if not found:
        return False
    kind, start = found
    sealed = sealer(start_purpose(kind, unsealed_through), start_seq, start)
    db.execute("UPDATE audit_state SET sealed_start = ?", (sealed,))
    anchors: list[Any] = db.execute("SELECT seq, sealed FROM audit_anchors").fetchall()
    for seq, sealed in anchors:
        point = opener("anchor", seq, sealed)
        if point is None:
            return False
        db.execute(
            "UPDATE audit_anchors SET sealed = ? WHERE seq = ?",
            (sealer("anchor", seq, point), seq),
        )
    return True


def restart_log_unsealed(db: Connection) -> None:
    """Start the chain again after the newest entry, unsealed, because the root key changes.

    The new root key cannot open what the old one sealed. Earlier entries can still be read but no
    longer be verified. The next unlock seals the new start.
    """
    newest, head_, key = _state(db, "seq", "head", "next_key")
    db.execute(
        "UPDATE audit_state SET start_seq = ?, start = ?, sealed_start = NULL",
        (newest, Point(newest, head_, key).packed()),
    )
    db.execute("DELETE FROM audit_anchors")


def last_seq_before(db: Connection, at: int) -> int:
    """Return the number of the last entry before the first one that is not older than `at`."""
    sql = "SELECT seq FROM access_log WHERE at >= ? ORDER BY seq LIMIT 1"
    row = db.execute(sql, (at,)).fetchone()
    return int(row[0]) - 1 if row else chain_head(db).seq


def set_log_start(db: Connection, point: Point, sealer: Sealer | None) -> None:
    """Make the log start after `point`; entries up to it count as pruned."""
    if sealer is None:
        db.execute("UPDATE audit_state SET start = ?", (point.packed(),))
    else:
        unsealed_through = _state(db, "unsealed_through")[0]
        purpose = start_purpose(START, unsealed_through)
        sealed = sealer(purpose, point.seq, point.packed())
        db.execute("UPDATE audit_state SET sealed_start = ?", (sealed,))
    db.execute("UPDATE audit_state SET pruned_through = ?1, start_seq = ?1", (point.seq,))
    db.execute("DELETE FROM audit_anchors WHERE seq <= ?", (point.seq,))


def pruned_through(db: Connection) -> int:
    """Return the number of the newest entry that was pruned; 0 when none was."""
    return int(_state(db, "pruned_through")[0])


def delete_pruned_entries(db: Connection, most: int) -> int:
    """Delete at most `most` of the entries before the start of the log; return how many."""
    db.execute(
        # The start is sealed: a number that an intruder wrote here alone deletes nothing.
        "DELETE FROM access_log WHERE seq IN (SELECT seq FROM access_log"
        " WHERE seq <= (SELECT min(pruned_through, start_seq) FROM audit_state) AND seq > 0"
        " ORDER BY seq LIMIT ?)",
        (most,),
    )
    return db.changes()
