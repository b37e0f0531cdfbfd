"""The audit log: entries chained by a code under a key that only moves forward.

The state row holds the newest number and code and the next key, and is written in the entry's
own transaction, so an undone savepoint burns no number. While the chain is unsealed the key it
starts with lies there in clear: a walk then finds accidents and gaps, not somebody who can write
the file. Sealing puts the start under the root key and draws a fresh key; so does every
checkpoint, so that who read the file once cannot forge what is written after the next one.

Whatever stands in the table can be read, also what was never written here: texts are taken as
bytes. The arithmetic is in `chain`, the walk in `audit_verify`. Only hashlib and hmac are needed
here: the start imports no cryptography.
"""

from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import apsw
import msgspec

from sidecar.errors import AuditUnavailable
from sidecar.store.audit import chain
from sidecar.store.audit.chain import GENESIS, Point
from sidecar.store.audit.verify import ANEW, START, Head, Opener, open_start, start_purpose
from sidecar.store.connection import Connection, one_row

_STORED = "seq, at, CAST(action AS BLOB), CAST(resource AS BLOB), CAST(details AS BLOB), mac"
_CHECK = "Run audit.verify: somebody else wrote to the log."

Sealer = Callable[[str, int, bytes], bytes]
"""Seals something for a purpose and an entry number, under the root key."""


class Entry(NamedTuple):
    """One row of the log; details is JSON text."""

    seq: int
    action: str
    resource: str
    at: int
    details: str
    mac: bytes


# --- writing ------------------------------------------------------------------------------


def begin_chain(db: Connection, key: bytes) -> None:
    """Write the state row of a new chain whose first key is `key`."""
    db.execute(
        "INSERT INTO audit_state (one, seq, head, next_key, start) VALUES (1, 0, ?, ?, ?)",
        (GENESIS, key, Point(0, GENESIS, key).packed()),
    )


def append(db: Connection, at: int, action: str, resource: str, details: str = "{}") -> Entry:
    """Write one entry and move the chain forward, in the caller's transaction.

    Raises:
        AuditUnavailable: the state row is gone, or the log holds an entry beyond it: somebody
            else wrote there. The act must not happen then.
    """
    state = db.execute("SELECT seq, head, next_key FROM audit_state").fetchone()
    if state is None:
        raise AuditUnavailable(hint=_CHECK)
    newest, head, key = state
    seq = newest + 1
    texts = (action.encode(), resource.encode(), details.encode())
    mac = chain.mac(key, head, seq, at, texts)
    try:
        db.execute(
            "INSERT INTO access_log (seq, action, resource, at, details, mac)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (seq, action, resource, at, details, mac),
        )
    except apsw.ConstraintError:
        raise AuditUnavailable(hint=_CHECK) from None
    db.execute(
        "UPDATE audit_state SET seq = ?, head = ?, next_key = ?", (seq, mac, chain.next_key(key))
    )
    return Entry(seq, action, resource, at, details, mac)


# --- reading ------------------------------------------------------------------------------


def head(db: Connection) -> Head:
    """The newest entry's number and code; number 0 before the first."""
    return Head(*one_row(db, "SELECT seq, head FROM audit_state"))


def entries(
    db: Connection,
    after: int,
    limit: int,
    *,
    action: str | None = None,
    resource: str | None = None,
    from_at: int | None = None,
    to_at: int | None = None,
) -> Generator[Entry, None, None]:
    """Entries numbered above `after`, oldest first, at most `limit`; times are half-open."""
    wanted: list[tuple[str, object]] = [("seq > ?", after)]
    for condition, value in (
        ("action = ?", action),
        ("resource = ?", resource),
        ("at >= ?", from_at),
        ("at < ?", to_at),
    ):
        if value is not None:
            wanted.append((condition, value))
    conditions = " AND ".join(condition for condition, _ in wanted)
    rows = db.execute(
        f"SELECT {_STORED} FROM access_log WHERE {conditions} ORDER BY seq LIMIT ?",  # noqa: S608 - constants
        (*(value for _, value in wanted), limit),
    )
    for seq, at, action_, resource_, details, mac in rows:
        yield Entry(seq, _text(action_), _text(resource_), at, _json(details), mac)


def _text(stored: bytes) -> str:
    return stored.decode(errors="replace")


def _json(stored: bytes) -> str:
    """Details fit to be put into an answer as they are: a JSON object on one line.

    An imported log can hold line breaks between tokens, and somebody who wrote to the file
    anything at all; that is shown as the import shows what is no object.
    """
    try:
        text = stored.decode()
        msgspec.json.decode(text, type=dict)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return msgspec.json.encode({"text": _text(stored)}).decode()
    return text.replace("\n", " ").replace("\r", " ")


def has_action(db: Connection, action: str) -> bool:
    """Whether some entry is of this action; an imported log has some that we never write."""
    sql = "SELECT EXISTS (SELECT 1 FROM access_log WHERE action = ?)"
    return bool(one_row(db, sql, (action,))[0])


def count_after(db: Connection, after: int, actions: frozenset[str] | None) -> int:
    """How many entries numbered above `after` there are, of the given actions or of all."""
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


def is_sealed(db: Connection) -> bool:
    """Whether the start of the chain lies under a root key."""
    return bool(one_row(db, "SELECT sealed_start IS NOT NULL FROM audit_state")[0])


def seal(db: Connection, sealer: Sealer, fresh_key: bytes) -> int:
    """Put the start of the chain under the root key and go on with a fresh key.

    What was sealed under a root key that is gone stays in the log, but nobody can verify it any
    more: then verifying starts here. Returns the newest number: the keys of entries up to it once
    lay in the file in clear.
    """
    newest, start_seq, start = one_row(db, "SELECT seq, start_seq, start FROM audit_state")
    if start is None:
        return _begin_here(db, sealer, fresh_key, START)
    db.execute(
        "UPDATE audit_state SET start = NULL, sealed_start = ?, unsealed_through = ?",
        (sealer(start_purpose(START, newest), start_seq, start), newest),
    )
    checkpoint(db, sealer, fresh_key)
    return int(newest)


def seal_existing_vault(db: Connection, sealer: Sealer, fresh_key: bytes) -> int | None:
    """Seal the log of a file whose secrets are set up, but whose log is not sealed by them.

    After a restore of secrets it is in clear from the restore's own entry on, which is sealed as
    it is. Anything else somebody has done who wants his own log sealed: it begins anew here, and
    says so. Returns what `seal` does, None for the second.
    """
    start_seq, start = one_row(db, "SELECT start_seq, start FROM audit_state")
    first = db.execute(
        "SELECT action FROM access_log WHERE seq > ? ORDER BY seq LIMIT 1", (start_seq,)
    ).fetchone()
    if start is not None and first == ("restore",):
        return seal(db, sealer, fresh_key)
    restart_sealed(db, sealer, fresh_key)
    return None


def restart_sealed(db: Connection, sealer: Sealer, fresh_key: bytes) -> None:
    """Go on sealed from the newest entry; `audit.verify` tells that what came before is lost."""
    _begin_here(db, sealer, fresh_key, ANEW)


def _begin_here(db: Connection, sealer: Sealer, fresh_key: bytes, kind: str) -> int:
    newest, head_ = one_row(db, "SELECT seq, head FROM audit_state")
    start = Point(newest, head_, fresh_key).packed()
    db.execute("DELETE FROM audit_anchors")
    db.execute(
        "UPDATE audit_state SET start = NULL, start_seq = ?1, unsealed_through = ?1,"
        " sealed_start = ?2",
        (newest, sealer(start_purpose(kind, newest), newest, start)),
    )
    checkpoint(db, sealer, fresh_key)
    return int(newest)


def checkpoint(db: Connection, sealer: Sealer, fresh_key: bytes) -> None:
    """Seal the newest number and code, and go on with a fresh key."""
    newest, head_ = one_row(db, "SELECT seq, head FROM audit_state")
    db.execute(
        "INSERT INTO audit_anchors (seq, sealed) VALUES (?, ?)"
        " ON CONFLICT (seq) DO UPDATE SET sealed = excluded.sealed",
        (newest, sealer("anchor", newest, Point(newest, head_, fresh_key).packed())),
    )
    db.execute("UPDATE audit_state SET next_key = ?", (fresh_key,))


def reseal(db: Connection, opener: Opener, sealer: Sealer) -> bool:
    """Put start and checkpoints under another root key; False when one of them does not open."""
    start_seq, sealed_start, unsealed_through = one_row(
        db, "SELECT start_seq, sealed_start, unsealed_through FROM audit_state"
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


def restart_unsealed(db: Connection) -> None:
    """Begin anew where the log ends, in clear: another root key comes, which opens nothing here.

    The next unlock seals it; what stands before can be read, and verified by nobody any more.
    """
    newest, head_, key = one_row(db, "SELECT seq, head, next_key FROM audit_state")
    db.execute(
        "UPDATE audit_state SET start_seq = ?, start = ?, sealed_start = NULL",
        (newest, Point(newest, head_, key).packed()),
    )
    db.execute("DELETE FROM audit_anchors")


def last_seq_before(db: Connection, at: int) -> int:
    """Number of the newest entry before which all are older than `at`; 0 for none."""
    row = db.execute(
        "SELECT seq FROM access_log WHERE at >= ? ORDER BY seq LIMIT 1", (at,)
    ).fetchone()
    return int(row[0]) - 1 if row else head(db).seq


def set_start(db: Connection, point: Point, sealer: Sealer | None) -> None:
    """Let the log begin after `point`: what stands before it belongs to it no more."""
    if sealer is None:
        db.execute("UPDATE audit_state SET start = ?", (point.packed(),))
    else:
        unsealed_through = one_row(db, "SELECT unsealed_through FROM audit_state")[0]
        purpose = start_purpose(START, unsealed_through)
        sealed = sealer(purpose, point.seq, point.packed())
        db.execute("UPDATE audit_state SET sealed_start = ?", (sealed,))
    db.execute("UPDATE audit_state SET pruned_through = ?1, start_seq = ?1", (point.seq,))
    db.execute("DELETE FROM audit_anchors WHERE seq <= ?", (point.seq,))


def pruned_through(db: Connection) -> int:
    """Number of the newest entry that was pruned, 0 for none."""
    return int(one_row(db, "SELECT pruned_through FROM audit_state")[0])


def delete_pruned(db: Connection, most: int) -> int:
    """Delete so many of the entries that belong to the log no more; how many went."""
    db.execute(
        # Where the log begins is sealed; who only writes another number here has nothing deleted.
        "DELETE FROM access_log WHERE seq IN (SELECT seq FROM access_log"
        " WHERE seq <= (SELECT min(pruned_through, start_seq) FROM audit_state) AND seq > 0"
        " ORDER BY seq LIMIT ?)",
        (most,),
    )
    return db.changes()
