"""The audit log: entries chained by a code under a key that only moves forward.

Entry i carries mac_i = HMAC-SHA256(K_i, mac_{i-1} | u64 seq | u64 at | LP(action) |
LP(resource) | LP(details)), big-endian, LP(x) = u32 length and bytes, over the bytes as stored;
K_{i+1} = SHA-256("aev1" | K_i). The state row holds the newest seq and mac and the next key and
is written in the entry's own transaction, so an undone savepoint burns no number. While the
chain is unsealed its first key lies in the state row in clear: verify then finds accidents and
gaps, not somebody who can write the file.

Only hashlib and hmac are needed here: the start imports no cryptography.
"""

import hashlib
import hmac
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sidecar.store.connection import Connection, one_row

MAC_BYTES = 32
_GENESIS = bytes(MAC_BYTES)


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

    status: str
    first_bad_seq: int | None
    reason: str | None
    verified_from: int
    verified_to: int
    pruned_through: int
    head: Head


def _lp(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">I", len(data)) + data


def _mac(key: bytes, previous: bytes, entry: tuple[int, int, str, str, str]) -> bytes:
    seq, at, action, resource, details = entry
    message = b"".join(
        (previous, struct.pack(">QQ", seq, at), _lp(action), _lp(resource), _lp(details))
    )
    return hmac.digest(key, message, "sha256")


def _next_key(key: bytes) -> bytes:
    return hashlib.sha256(b"aev1" + key).digest()


def begin_chain(db: Connection, seed: bytes) -> None:
    """Write the state row of a new chain whose first key is `seed`."""
    db.execute(
        "INSERT INTO audit_state (one, seq, head, next_key, seed) VALUES (1, 0, ?, ?, ?)",
        (_GENESIS, seed, seed),
    )


def append(db: Connection, at: int, action: str, resource: str, details: str = "{}") -> Entry:
    """Write one entry and move the chain forward, in the caller's transaction."""
    seq, head, key = one_row(db, "SELECT seq, head, next_key FROM audit_state")
    seq += 1
    mac = _mac(key, head, (seq, at, action, resource, details))
    db.execute(
        "INSERT INTO access_log (seq, action, resource, at, details, mac)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (seq, action, resource, at, details, mac),
    )
    db.execute("UPDATE audit_state SET seq = ?, head = ?, next_key = ?", (seq, mac, _next_key(key)))
    return Entry(seq, action, resource, at, details, mac)


def head(db: Connection) -> Head:
    """The newest entry's number and code; number 0 before the first."""
    return Head(*one_row(db, "SELECT seq, head FROM audit_state"))


def page(
    db: Connection,
    after: int,
    limit: int,
    *,
    action: str | None = None,
    resource: str | None = None,
    from_at: int | None = None,
    to_at: int | None = None,
) -> list[Entry]:
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
        "SELECT seq, action, resource, at, details, mac FROM access_log"  # noqa: S608 - constants
        f" WHERE {conditions} ORDER BY seq LIMIT ?",
        (*(value for _, value in wanted), limit),
    )
    return [Entry(*row) for row in rows]


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


def verify(
    db: Connection, expect: tuple[int, str] | None, step: Callable[[int, int], None]
) -> Verdict:
    """Walk the whole chain, recomputing every key and link.

    `step(done, total)` is called now and then and may raise to stop. `expect` is an anchor kept
    outside: a (seq, mac in hex) that the chain must contain.
    """
    seq, state_head, next_key, seed, pruned = one_row(
        db, "SELECT seq, head, next_key, seed, pruned_through FROM audit_state"
    )
    walk = _Walk(seed, seq, pruned, expect)
    for entry in _entries(db):
        if not walk.take(entry):
            break
        if entry.seq % 1000 == 0:
            step(entry.seq, seq)
    if walk.reason is None:
        walk.finish(state_head, next_key)
    status = walk.status or "unsealed"
    return Verdict(
        status, walk.first_bad, walk.reason, pruned + 1, walk.last, pruned, Head(seq, state_head)
    )


def _entries(db: Connection) -> Iterator[Entry]:
    for row in db.execute(
        "SELECT seq, action, resource, at, details, mac FROM access_log ORDER BY seq"
    ):
        yield Entry(*row)


class _Walk:
    """The state of one verification: the key and code that the next entry must fit."""

    def __init__(
        self, seed: bytes, newest: int, pruned: int, expect: tuple[int, str] | None
    ) -> None:
        self.key, self.previous, self.last = seed, _GENESIS, pruned
        self.newest, self.pruned, self.expect = newest, pruned, expect
        self.status: str | None = None
        self.reason: str | None = None
        self.first_bad: int | None = None

    def _fail(self, status: str, reason: str, seq: int) -> bool:
        self.status, self.reason, self.first_bad = status, reason, seq
        return False

    def take(self, entry: Entry) -> bool:
        """Check one entry; False at the first that does not fit."""
        if entry.seq != self.last + 1:
            return self._fail("tampered", "gap", self.last + 1)
        fields = (entry.seq, entry.at, entry.action, entry.resource, entry.details)
        if not hmac.compare_digest(_mac(self.key, self.previous, fields), entry.mac):
            return self._fail("tampered", "mac", entry.seq)
        if self.expect and self.expect[0] == entry.seq and self.expect[1] != entry.mac.hex():
            return self._fail("forked", "expect", entry.seq)
        self.key, self.previous, self.last = _next_key(self.key), entry.mac, entry.seq
        return True

    def finish(self, state_head: bytes, next_key: bytes) -> None:
        """Compare the end of the chain with the state row and the outside anchor."""
        if self.last < self.newest:
            self._fail("truncated", "state_head", self.last + 1)
        elif self.last > self.newest or self.previous != state_head or self.key != next_key:
            self._fail("tampered", "state_head", self.last)
        elif self.expect and self.expect[0] > self.last:
            self._fail("rolled_back", "expect", self.last + 1)
        elif self.expect and self.expect[0] <= self.pruned and self.pruned:
            self._fail("pruned", "expect", self.expect[0])
