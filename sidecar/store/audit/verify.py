"""Walk the audit chain and say what fits: every key and every link is computed anew.

Sealed things are opened by the caller's `opener`, which knows the root key: the point the kept
log starts from, and the checkpoints, each of which ends one run of keys and begins another.
Without it (locked) only numbers, order and ends are looked at. Texts are taken as bytes: a wrong
one must be told as tampered and not end the walk.
"""

import hmac
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

import msgspec

from sidecar import limits
from sidecar.store.audit import chain
from sidecar.store.audit.chain import GENESIS, Point
from sidecar.store.connection import Connection, one_row

Status = Literal[
    "ok", "unsealed", "locked", "tampered", "truncated", "rolled_back", "forked", "pruned"
]
Reason = Literal["mac", "gap", "state_head", "anchor", "expect"]

CONTINUES = "continues_after"
"""In the details of a `restore` without the log of the file it replaced: the newest entry that is
there. The numbers between were given, perhaps, to entries that are lost."""

START: Final = "start"
ANEW: Final = "anew"
"""What the point a log starts from is sealed as: the one it ever had, or one begun anew over a log
whose sealed start was taken away. The second is told as tampered until it has been pruned."""

Opener = Callable[[str, int, bytes], bytes | None]
"""Opens what was sealed for a purpose and an entry number; None when it is not what it was."""

_STORED = "seq, at, CAST(action AS BLOB), CAST(resource AS BLOB), CAST(details AS BLOB), mac"


def start_purpose(kind: str, unsealed_through: int) -> str:
    """What a start is bound to beside its number: what is said of its first entries."""
    return f"{kind}/{unsealed_through}"


def open_start(
    opener: Opener, seq: int, sealed: bytes, unsealed_through: int
) -> tuple[str, bytes] | None:
    """Kind and payload of a sealed start; None when it is not what was sealed."""
    bound = {kind: start_purpose(kind, unsealed_through) for kind in (START, ANEW)}
    # The first databases bound neither.
    for kind, purpose in ((START, bound[START]), (ANEW, bound[ANEW]), (START, START)):
        payload = opener(purpose, seq, sealed)
        if payload is not None:
            return kind, payload
    return None


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
    unsealed_through: int
    head: Head


class _State(NamedTuple):
    seq: int
    head: bytes
    next_key: bytes
    pruned_through: int
    start_seq: int
    start: bytes | None
    sealed_start: bytes | None
    unsealed_through: int


_READ_STATE = (
    "SELECT seq, head, next_key, pruned_through, start_seq, start, sealed_start, unsealed_through"
    " FROM audit_state"
)


def verify_chain(
    db: Connection,
    expect: tuple[int, str] | None,
    step: Callable[[int, int], None],
    opener: Opener | None = None,
) -> Verdict:
    """Walk the whole chain, recomputing every key and link.

    `step(done, total)` is called every `limits.VERIFY_STEP_ENTRIES` entries and after the last,
    and may raise to stop. `expect` is an anchor kept outside: a
    (seq, mac in hex) that the chain must contain; (0, zeros) is the head of an empty one.
    """
    row = db.execute(_READ_STATE).fetchone()
    if row is None:
        return Verdict("tampered", 1, "state_head", 1, 0, 0, 0, Head(0, GENESIS))
    state = _State(*row)
    walk = _begin(db, state, expect, opener)
    walk.pruned_through = state.pruned_through
    total = max(state.seq - state.start_seq, 0)
    if walk.first_bad is None:
        _walk_over(db, walk, state, total, step)
    walk.mind_the_start()
    return Verdict(
        walk.status,
        walk.first_bad,
        walk.reason,
        state.start_seq + 1,
        walk.last,
        state.pruned_through,
        state.unsealed_through if state.unsealed_through > state.start_seq else 0,
        Head(state.seq, state.head),
    )


def _walk_over(
    db: Connection, walk: "Walk", state: _State, total: int, step: Callable[[int, int], None]
) -> None:
    entries = db.execute(
        f"SELECT {_STORED} FROM access_log"  # noqa: S608 - a constant
        " WHERE seq > ? OR seq <= 0 ORDER BY seq",
        (state.start_seq,),
    )
    for entry in entries:
        if not walk.take(*entry):
            return
        done = walk.last - state.start_seq
        if done % limits.VERIFY_STEP_ENTRIES == 0:
            step(done, total)
    walk.finish(state.seq, state.head, state.next_key)
    step(walk.last - state.start_seq, total)


def point_at(db: Connection, seq: int, opener: Opener | None) -> Point | None:
    """The point after entry `seq`, walked to from the start; None when something does not fit."""
    state = _State(*one_row(db, _READ_STATE))
    walk = _begin(db, state, None, opener)
    if walk.first_bad is not None or not walk.knows_keys:
        return None
    for entry in db.execute(
        f"SELECT {_STORED} FROM access_log"  # noqa: S608 - a constant
        " WHERE seq > ? AND seq <= ? ORDER BY seq",
        (state.start_seq, seq),
    ):
        if not walk.take(*entry):
            return None
    return Point(walk.last, walk.previous, walk.key) if walk.last == seq else None


def _begin(
    db: Connection, state: _State, expect: tuple[int, str] | None, opener: Opener | None
) -> "Walk":
    """A walk that stands at the start of the kept log, or has failed there already."""
    sealed = state.sealed_start
    if sealed is None:
        return Walk(Point.unpacked(state.start), {}, state.start_seq, expect, "unsealed")
    if opener is None:
        unknown = Point(state.start_seq, GENESIS, b"")
        return Walk(unknown, {}, state.start_seq, expect, "locked")
    kind, payload = open_start(opener, state.start_seq, sealed, state.unsealed_through) or (
        START,
        None,
    )
    start = Point.unpacked(payload)
    anchors: dict[int, Point | None] = {
        seq: Point.unpacked(opener("anchor", seq, data))
        for seq, data in db.execute(
            "SELECT seq, sealed FROM audit_anchors WHERE seq >= ? ORDER BY seq",
            (state.start_seq,),
        )
    }
    walk = Walk(start, anchors, state.start_seq, expect, "ok")
    walk.begun_anew = kind == ANEW
    walk.pass_anchor()
    return walk


def _goes_on(seq: int, action: bytes, details: bytes, last: int) -> bool:
    """Whether an entry says itself that it follows a gap after `last`; its code vouches for it."""
    if seq <= last or action != b"restore":
        return False
    try:
        return bool(msgspec.json.decode(details, type=dict).get(CONTINUES) == last)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


class Walk:
    """The state of one verification: the key and code that the next entry must fit."""

    def __init__(
        self,
        start: Point | None,
        anchors: dict[int, Point | None],
        start_seq: int,
        expect: tuple[int, str] | None,
        status: Status,
    ) -> None:
        """Stand at `start`; None for it is the first thing that does not fit."""
        self.status: Status = status
        self.reason: Reason | None = None
        self.first_bad: int | None = None
        self.knows_keys = status != "locked"
        self.begun_anew = False
        self.pruned_through = 0
        self.start_seq, self.expect = start_seq, expect
        self._anchors = anchors
        self.last, self.previous, self.key = start or (start_seq, GENESIS, b"")
        if start is None or start.seq != start_seq:
            self._fail(
                "tampered", "state_head" if status == "unsealed" else "anchor", start_seq + 1
            )

    def _fail(self, status: Status, reason: Reason, seq: int | None) -> bool:
        self.status, self.reason, self.first_bad = status, reason, seq
        return False

    def take(
        self, seq: int, at: int, action: bytes, resource: bytes, details: bytes, mac: bytes
    ) -> bool:
        """Check one entry; False at the first that does not fit."""
        if seq != self.last + 1 and not _goes_on(seq, action, details, self.last):
            # One that stands before the first is itself the one that does not fit.
            return self._fail("tampered", "gap", max(0, min(seq, self.last + 1)))
        if self.knows_keys:
            expected = chain.mac(self.key, self.previous, seq, at, (action, resource, details))
            if not hmac.compare_digest(expected, mac):
                return self._fail("tampered", "mac", seq)
            self.key = chain.next_key(self.key)
        if self.expect and self.expect[0] == seq and self.expect[1] != mac.hex():
            return self._fail("forked", "expect", seq)
        self.previous, self.last = mac, seq
        return self.pass_anchor()

    def pass_anchor(self) -> bool:
        """Change to the key of the checkpoint here, if there is one; False when it does not fit."""
        if self.last not in self._anchors or self.first_bad is not None:
            return self.first_bad is None
        anchor = self._anchors[self.last]
        if anchor is None or anchor[:2] != (self.last, self.previous):
            return self._fail("tampered", "anchor", self.last)
        self.key = anchor.key
        return True

    def finish(self, newest: int, state_head: bytes, next_key: bytes) -> None:
        """Compare the end of the chain with state row, checkpoints and the outside anchor."""
        if self.last < newest:
            self._fail("truncated", "state_head", self.last + 1)
        elif self._anchors and self.last < max(self._anchors):
            self._fail("truncated", "anchor", self.last + 1)
        elif self.last > newest:
            self._fail("tampered", "state_head", newest + 1)
        elif not self._ends_in(state_head, next_key):
            self._fail("tampered", "state_head", self.last)
        elif self.expect is not None:
            self._hold_against(*self.expect)

    def mind_the_start(self) -> None:
        """Say what is wrong with where the log begins, if nothing behind it is."""
        if self.first_bad is None and self.begun_anew:
            self._fail("tampered", "anchor", max(1, self.start_seq))
        elif self.first_bad is None and self.pruned_through > self.start_seq:
            self._fail("tampered", "state_head", self.start_seq + 1)

    def _ends_in(self, state_head: bytes, next_key: bytes) -> bool:
        if self.knows_keys:
            return (self.previous, self.key) == (state_head, next_key)
        return self.last == self.start_seq or self.previous == state_head

    def _hold_against(self, seq: int, mac: str) -> None:
        """Compare with an anchor outside the entries that were walked over."""
        if seq > self.last:
            self._fail("rolled_back", "expect", self.last + 1)
        elif seq <= self.start_seq and seq > self.pruned_through:
            # It was never pruned, and yet the log begins after it: nobody vouches for it any more.
            self._fail("rolled_back", "expect", seq)
        elif seq <= self.start_seq and self.start_seq > 0:
            self._fail("pruned", "expect", None)
        elif seq == 0 and mac != GENESIS.hex():
            self._fail("forked", "expect", 0)
