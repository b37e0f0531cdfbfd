"""Verifies the audit chain: computes every key and code again and compares them with the log.

The caller's `opener` knows the root key and opens what is sealed: the point that the log starts
from, and the checkpoints, after each of which the chain continues with a fresh key. Without an
opener (while the vault is locked) only numbers, order and ends are checked. Texts are read as
bytes, so that a text that is not UTF-8 is reported as tampered and does not end the verification.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from sidecar import digests, limits
from sidecar.store.audit import chain
from sidecar.store.audit.chain import GENESIS, Point
from sidecar.store.connection import Connection, one_row
from sidecar.store.rows import RowKind, fits
from sidecar.store.vault_marks import agrees_with
from sidecar.values import Count
from sidecar.vocabularies import AuditFault, AuditStatus

CONTINUES = "continues_after"
"""A member of the details of a `restore` entry: the number of the entry that it follows.

It is written when the log of the replaced file could not be read. The numbers between may have
belonged to entries that are lost."""

START: Final = "start"
RESTARTED: Final = "anew"
"""The two kinds of a sealed start: an ordinary one, and one that replaced a start that was lost.

A log with a start of the second kind is reported as tampered until that start is pruned."""

Opener = Callable[[str, int, bytes], bytes | None]
"""Decrypts bytes that were sealed for a purpose and an entry number; None when they do not fit."""

STORED = "seq, at, CAST(action AS BLOB), CAST(resource AS BLOB), CAST(details AS BLOB), mac"


def start_purpose(kind: str, unsealed_through: int) -> str:
    """Return the purpose that a start is sealed for, which holds `unsealed_through` as well."""
    return f"{kind}/{unsealed_through}"


def open_start(
    opener: Opener, seq: int, sealed: bytes, unsealed_through: int
) -> tuple[str, bytes] | None:
    """Return kind and content of a sealed start; None when it cannot be opened."""
    bound = {kind: start_purpose(kind, unsealed_through) for kind in (START, RESTARTED)}
    # The first version of this product sealed a start for its kind alone.
    for kind, purpose in ((START, bound[START]), (RESTARTED, bound[RESTARTED]), (START, START)):
        payload = opener(purpose, seq, sealed)
        if payload is not None:
            return kind, payload
    return None


class Head(NamedTuple):
    """Number and code of the newest entry."""

    seq: int
    mac: bytes


class Verdict(NamedTuple):
    """The result of a verification."""

    status: AuditStatus
    first_bad_seq: int | None
    reason: AuditFault | None
    verified_from: int
    verified_to: int
    pruned_through: int
    unsealed_through: int
    head: Head


class _State(NamedTuple):
    """The state row of the chain."""

    seq: Count
    head: bytes
    next_key: bytes
    pruned_through: Count
    start_seq: Count
    start: bytes | None
    sealed_start: bytes | None
    unsealed_through: Count
    damaged: bool = False


_CELLS: Final = tuple[int, bytes, bytes, bytes, bytes]
"""The types of the cells of an entry after its number."""

_STATE: Final = RowKind("audit_state", _State, "seq")
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
    """Verify the whole chain and return the first thing that does not fit.

    `step(done, total)` is called every `limits.VERIFY_STEP_ENTRIES` entries and after the last,
    and may raise to stop. `expect` is number and code (in hex) of an entry that the caller knows
    to have been in the log; (0, zeros) stands for the empty log.
    """
    state = _STATE.find(db, _READ_STATE, ())
    if state is None or state.damaged:
        return Verdict("tampered", 1, "state_head", 1, 0, 0, 0, Head(0, GENESIS))
    walk = _begin(db, state, expect, opener)
    walk.pruned_through = state.pruned_through
    total = max(state.seq - state.start_seq, 0)
    if walk.first_bad is None:
        _take_entries(db, walk, state, total, step)
    walk.check_start()
    walk.check_vault(db)
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


def _take_entries(
    db: Connection, walk: "Walk", state: _State, total: int, step: Callable[[int, int], None]
) -> None:
    """Check every entry of the log, then its end; stop at the first entry that does not fit."""
    entries = db.execute(
        f"SELECT {STORED} FROM access_log"  # noqa: S608 - a constant
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
    """Return the point after entry `seq`; None when something up to it does not fit."""
    state = _State(*one_row(db, _READ_STATE))
    walk = _begin(db, state, None, opener)
    if walk.first_bad is not None or not walk.knows_keys:
        return None
    for entry in db.execute(
        f"SELECT {STORED} FROM access_log"  # noqa: S608 - a constant
        " WHERE seq > ? AND seq <= ? ORDER BY seq",
        (state.start_seq, seq),
    ):
        if not walk.take(*entry):
            return None
    return Point(walk.last, walk.previous, walk.key) if walk.last == seq else None


def _begin(
    db: Connection, state: _State, expect: tuple[int, str] | None, opener: Opener | None
) -> "Walk":
    """Return a walk at the start of the log; it has failed already if the start does not fit."""
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
    checkpoints: dict[int, Point | None] = {}
    vault = b""
    for seq, data in db.execute(
        "SELECT seq, sealed FROM audit_anchors WHERE seq >= ? ORDER BY seq", (state.start_seq,)
    ):
        opened = opener("anchor", seq, data) or b""
        checkpoints[seq] = Point.unpacked(opened[: chain.POINT_BYTES])
        vault = opened[chain.POINT_BYTES :]
    walk = Walk(start, checkpoints, state.start_seq, expect, "ok")
    walk.vault = vault
    walk.restarted = kind == RESTARTED
    walk.pass_checkpoint()
    return walk


def _continues(seq: int, action: bytes, details: bytes, last: int) -> bool:
    """Return whether an entry after a gap says in its details that it follows entry `last`.

    Its code covers the details, so that an intruder cannot add such an entry.
    """
    if seq <= last or action != b"restore":
        return False
    try:
        return bool(msgspec.json.decode(details, type=dict).get(CONTINUES) == last)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


class Walk:
    """The progress of one verification: the key and the code that the next entry must fit."""

    def __init__(
        self,
        start: Point | None,
        checkpoints: dict[int, Point | None],
        start_seq: int,
        expect: tuple[int, str] | None,
        status: AuditStatus,
    ) -> None:
        """Begin at `start`; if that is None, the verification has failed already."""
        self.status: AuditStatus = status
        self.reason: AuditFault | None = None
        self.first_bad: int | None = None
        self.knows_keys = status != "locked"
        self.restarted = False
        self.pruned_through = 0
        self.vault = b""
        """Marks of the vault in the newest checkpoint; none where an earlier version made it."""
        self.start_seq, self.expect = start_seq, expect
        self._checkpoints = checkpoints
        self.last, self.previous, self.key = start or (start_seq, GENESIS, b"")
        if start is None or start.seq != start_seq:
            self._fail(
                "tampered", "state_head" if status == "unsealed" else "anchor", start_seq + 1
            )

    def _fail(self, status: AuditStatus, reason: AuditFault, seq: int | None) -> bool:
        """Note what does not fit and return False."""
        self.status, self.reason, self.first_bad = status, reason, seq
        return False

    def take(
        self, seq: int, at: int, action: bytes, resource: bytes, details: bytes, mac: bytes
    ) -> bool:
        """Check the next entry and return whether it fits."""
        if not fits((at, action, resource, details, mac), _CELLS):
            return self._fail("tampered", "mac", max(0, seq))
        if seq != self.last + 1 and not _continues(seq, action, details, self.last):
            # An entry before the start is itself the one that does not fit.
            return self._fail("tampered", "gap", max(0, min(seq, self.last + 1)))
        if self.knows_keys:
            expected = chain.mac(self.key, self.previous, seq, at, (action, resource, details))
            if not digests.equal(expected, mac):
                return self._fail("tampered", "mac", seq)
            self.key = chain.next_key(self.key)
        if self.expect and self.expect[0] == seq and self.expect[1] != mac.hex():
            return self._fail("forked", "expect", seq)
        self.previous, self.last = mac, seq
        return self.pass_checkpoint()

    def pass_checkpoint(self) -> bool:
        """Continue with the key of the checkpoint after the last entry, if there is one.

        Returns False when something does not fit.
        """
        if self.last not in self._checkpoints or self.first_bad is not None:
            return self.first_bad is None
        checkpoint = self._checkpoints[self.last]
        if checkpoint is None or checkpoint[:2] != (self.last, self.previous):
            return self._fail("tampered", "anchor", self.last)
        self.key = checkpoint.key
        return True

    def finish(self, newest: int, state_head: bytes, next_key: bytes) -> None:
        """Compare the end of the chain with state row, checkpoints and expected entry."""
        if self.last < newest:
            self._fail("truncated", "state_head", self.last + 1)
        elif self._checkpoints and self.last < max(self._checkpoints):
            self._fail("truncated", "anchor", self.last + 1)
        elif self.last > newest:
            self._fail("tampered", "state_head", newest + 1)
        elif not self._ends_with(state_head, next_key):
            self._fail("tampered", "state_head", self.last)
        elif self.expect is not None:
            self._check_expected(*self.expect)

    def check_start(self) -> None:
        """Report a start that is not the original one, if no entry after it is reported."""
        if self.first_bad is None and self.restarted:
            self._fail("tampered", "anchor", max(1, self.start_seq))
        elif self.first_bad is None and self.pruned_through > self.start_seq:
            self._fail("tampered", "state_head", self.start_seq + 1)

    def check_vault(self, db: Connection) -> None:
        """Report a vault that is not that of the newest checkpoint, if nothing else is reported.

        Another program has then put back rows of an earlier time.
        """
        if self.status == "ok" and self.vault and not agrees_with(db, self.vault):
            self._fail("tampered", "anchor", max(self._checkpoints))

    def _ends_with(self, state_head: bytes, next_key: bytes) -> bool:
        """Return whether the last code, and the next key if it is known, are the state row's."""
        if self.knows_keys:
            return (self.previous, self.key) == (state_head, next_key)
        return self.last == self.start_seq or self.previous == state_head

    def _check_expected(self, seq: int, mac: str) -> None:
        """Compare with an expected entry that is not among the entries that were checked."""
        if seq > self.last:
            self._fail("rolled_back", "expect", self.last + 1)
        elif seq <= self.start_seq and seq > self.pruned_through:
            # The log starts after the entry although it was never pruned: it cannot be verified.
            self._fail("rolled_back", "expect", seq)
        elif seq <= self.start_seq and self.start_seq > 0:
            self._fail("pruned", "expect", None)
        elif seq == 0 and mac != GENESIS.hex():
            self._fail("forked", "expect", 0)
