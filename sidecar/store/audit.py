"""The audit log: entries chained by a code under a key that only moves forward.

Entry i carries mac_i = HMAC-SHA256(K_i, mac_{i-1} | i64 seq | i64 at | LP(action) |
LP(resource) | LP(details)), big-endian, LP(x) = u32 length and bytes, over the bytes as stored;
K_{i+1} = SHA-256("aev1" | K_i). The state row holds the newest seq and mac and the next key and
is written in the entry's own transaction, so an undone savepoint burns no number. While the
chain is unsealed its first key lies in the state row in clear: verify then finds accidents and
gaps, not somebody who can write the file.

Whatever stands in the table can be read and verified, also what was never written here: texts
are taken as bytes, since a wrong one must be told as tampered and not end the walk.

Only hashlib and hmac are needed here: the start imports no cryptography.
"""

import hashlib
import hmac
import struct
from collections.abc import Callable, Generator
from typing import Literal, NamedTuple

import apsw
import msgspec

from sidecar import limits
from sidecar.errors import AuditUnavailable
from sidecar.store.connection import Connection, one_row

MAC_BYTES = 32
GENESIS = bytes(MAC_BYTES)
"""What stands for the code of the entry before the first."""

_STORED = "seq, at, CAST(action AS BLOB), CAST(resource AS BLOB), CAST(details AS BLOB), mac"
_CHECK = "Run audit.verify: somebody else wrote to the log."

Status = Literal[
    "ok", "unsealed", "locked", "tampered", "truncated", "rolled_back", "forked", "pruned"
]
Reason = Literal["mac", "gap", "state_head", "expect"]


class Entry(NamedTuple):
    """One row of the log; details is JSON text."""

    seq: int
    action: str
    resource: str
    at: int
    details: str
    mac: bytes


class Head(NamedTuple):
    """The newest entry's number and code."""

    seq: int
    mac: bytes


class Verdict(NamedTuple):
    """What a walk over the chain found."""

    status: Status
    first_bad_seq: int | None
    reason: Reason | None
    verified_from: int
    verified_to: int
    pruned_through: int
    head: Head


def _lp(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _mac(
    key: bytes, previous: bytes, seq: int, at: int, texts: tuple[bytes, bytes, bytes]
) -> bytes:
    message = b"".join((previous, struct.pack(">qq", seq, at), *map(_lp, texts)))
    return hmac.digest(key, message, "sha256")


def _next_key(key: bytes) -> bytes:
    return hashlib.sha256(b"aev1" + key).digest()


# --- writing ------------------------------------------------------------------------------


def begin_chain(db: Connection, seed: bytes) -> None:
    """Write the state row of a new chain whose first key is `seed`."""
    db.execute(
        "INSERT INTO audit_state (one, seq, head, next_key, seed) VALUES (1, 0, ?, ?, ?)",
        (GENESIS, seed, seed),
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
    mac = _mac(key, head, seq, at, texts)
    try:
        db.execute(
            "INSERT INTO access_log (seq, action, resource, at, details, mac)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (seq, action, resource, at, details, mac),
        )
    except apsw.ConstraintError:
        raise AuditUnavailable(hint=_CHECK) from None
    db.execute("UPDATE audit_state SET seq = ?, head = ?, next_key = ?", (seq, mac, _next_key(key)))
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


_STORED = "seq, at, CAST(action AS BLOB), CAST(resource AS BLOB), CAST(details AS BLOB), mac"


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


def page(db: Connection, after: int, limit: int) -> list[Entry]:
    """The next `limit` entries after `after`, whatever they are of."""
    return list(entries(db, after, limit))


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


# --- verifying ----------------------------------------------------------------------------


def verify(
    db: Connection, expect: tuple[int, str] | None, step: Callable[[int, int], None]
) -> Verdict:
    """Walk the whole chain, recomputing every key and link.

    `step(done, total)` is called every `limits.VERIFY_STEP_ENTRIES` entries and after the last,
    and may raise to stop. `expect` is an anchor kept outside: a
    (seq, mac in hex) that the chain must contain; (0, zeros) is the head of an empty one.
    """
    state = db.execute(
        "SELECT seq, head, next_key, seed, pruned_through FROM audit_state"
    ).fetchone()
    if state is None or state[3] is None:
        return Verdict("tampered", 1, "state_head", 1, 0, 0, Head(*(state or (0, GENESIS))[:2]))
    newest, state_head, next_key, seed, pruned = state
    walk = _Walk(seed, pruned, expect)
    total = max(newest - pruned, 0)
    for entry in db.execute(f"SELECT {_STORED} FROM access_log ORDER BY seq"):  # noqa: S608 - a constant
        if not walk.take(*entry):
            break
        done = walk.last - pruned
        if done % limits.VERIFY_STEP_ENTRIES == 0:
            step(done, total)
    else:
        walk.finish(newest, state_head, next_key)
        step(walk.last - pruned, total)
    return Verdict(
        walk.status,
        walk.first_bad,
        walk.reason,
        pruned + 1,
        walk.last,
        pruned,
        Head(newest, state_head),
    )


class _Walk:
    """The state of one verification: the key and code that the next entry must fit."""

    def __init__(self, seed: bytes, pruned: int, expect: tuple[int, str] | None) -> None:
        self.key, self.previous, self.last = seed, GENESIS, pruned
        self.pruned, self.expect = pruned, expect
        self.status: Status = "unsealed"
        self.reason: Reason | None = None
        self.first_bad: int | None = None

    def _fail(self, status: Status, reason: Reason, seq: int | None) -> bool:
        self.status, self.reason, self.first_bad = status, reason, seq
        return False

    def take(
        self, seq: int, at: int, action: bytes, resource: bytes, details: bytes, mac: bytes
    ) -> bool:
        """Check one entry; False at the first that does not fit."""
        if seq != self.last + 1:
            # One that stands before the first is itself the one that does not fit.
            return self._fail("tampered", "gap", max(0, min(seq, self.last + 1)))
        expected = _mac(self.key, self.previous, seq, at, (action, resource, details))
        if not hmac.compare_digest(expected, mac):
            return self._fail("tampered", "mac", seq)
        if self.expect and self.expect[0] == seq and self.expect[1] != mac.hex():
            return self._fail("forked", "expect", seq)
        self.key, self.previous, self.last = _next_key(self.key), mac, seq
        return True

    def finish(self, newest: int, state_head: bytes, next_key: bytes) -> None:
        """Compare the end of the chain with the state row and the outside anchor."""
        if self.last < newest:
            self._fail("truncated", "state_head", self.last + 1)
        elif self.last > newest:
            self._fail("tampered", "state_head", newest + 1)
        elif (self.previous, self.key) != (state_head, next_key):
            self._fail("tampered", "state_head", self.last)
        elif self.expect is not None:
            self._hold_against(*self.expect)

    def _hold_against(self, seq: int, mac: str) -> None:
        """Compare with an anchor outside the entries that were walked over."""
        if seq > self.last:
            self._fail("rolled_back", "expect", self.last + 1)
        elif seq <= self.pruned and self.pruned > 0:
            self._fail("pruned", "expect", None)
        elif seq == 0 and mac != GENESIS.hex():
            self._fail("forked", "expect", 0)
