"""The reply of a request: one line, or a part of a batch's line, and the events that it caused.

A reply is created when its request starts and filled when it has been served; a long method fills
its reply later. This module knows neither methods nor the store.
"""

import threading

from msgspec import UNSET, UnsetType

from sidecar import limits, log
from sidecar.context import Emitted
from sidecar.errors import Outcome, OutOfResources, SidecarError, TooLarge
from sidecar.wiping import wipe
from sidecar.wire.envelope import encode_batch, encode_error


class Reply:
    """The reply of one request; `data` stays None for a notification."""

    __slots__ = (
        "batch",
        "data",
        "emitted",
        "failed",
        "pending",
        "request_id",
        "sensitive",
        "succeeds_unlogged",
    )

    def __init__(self, request_id: str | int | UnsetType | None) -> None:
        """Start without an answer."""
        self.request_id = request_id
        self.data: bytes | None = None
        self.emitted: list[Emitted] = []
        self.failed = False
        self.pending = False
        self.sensitive = False
        self.succeeds_unlogged = False
        self.batch: BatchReply | None = None

    def fail(self, error: SidecarError) -> None:
        """Make an error the answer; that of a notification is only logged."""
        self.emitted = []
        self.failed = True
        if self.sensitive and self.data is not None:
            wipe(self.data)
        self.sensitive = False
        if self.request_id is UNSET:
            log.warning("notification_failed", slug=error.slug, message=error.message)
        else:
            self.data = encode_error(self.request_id, error)

    def line(self) -> bytes | None:
        """Return the line of the answer, or None while there is none."""
        return None if self.pending else self.data


class BatchReply(Reply):
    """The reply of a batch: one line, when its last member is served.

    It bounds the line while it is built: a member whose answer does not fit is refused before its
    savepoint is released, and room for the errors of the members after it stays.
    """

    __slots__ = ("_closed", "_counted", "_free_bytes", "_lock", "_misfits", "_room", "_sent",
                 "members")  # fmt: skip

    def __init__(self) -> None:
        """Start without members."""
        super().__init__(None)
        self.members: list[Reply] = []
        self._closed = False
        self._sent = False
        self._counted = 0
        self._free_bytes = limits.ANSWER_MAX_BYTES - len(b"[]\n")
        self._room = self._free_bytes
        self._misfits = 0
        self._lock = threading.Lock()
        """Two long members can end at the same time."""

    def start_member(self, following: int) -> None:
        """Compute the room for a member that `following` others come after."""
        for member in self.members[self._counted :]:
            self._free_bytes -= (
                limits.BATCH_LONG_BYTES if member.pending else len(member.data or b"")
            )
        self._counted = len(self.members)
        self._room = self._free_bytes - following * limits.BATCH_ERROR_BYTES

    def require_room(self, *, long: bool) -> None:
        """Check, before a member begins, that its answer can fit.

        Raises:
            TooLarge: a long one could not be undone if it did not, or too many have not fitted.
        """
        if self._misfits >= limits.BATCH_MISFITS_MAX or (
            long and self._room < limits.BATCH_LONG_BYTES
        ):
            raise _misfit()

    def check_fits(self, size_bytes: int) -> None:
        """Check the size of a short member's answer, before what it wrote is accepted.

        Raises:
            TooLarge: the answer does not fit.
        """
        if size_bytes > self._room:
            self._misfits += 1
            raise _misfit()

    def take_long(self, size_bytes: int, outcome: Outcome) -> None:
        """Take the room of a long member's answer; called from its worker thread.

        Raises:
            TooLarge: it is larger than its own room and what the other members have left.
        """
        with self._lock:
            free_bytes = self._free_bytes + limits.BATCH_LONG_BYTES - size_bytes
            if free_bytes < 0:
                raise _misfit(outcome)
            self._free_bytes = free_bytes

    def close(self) -> None:
        """Note that every member has started, and tell the members which batch they are of."""
        self.start_member(0)
        self._closed = True
        for member in self.members:
            member.batch = self

    def line(self) -> bytes | None:
        """Return the line with all answers, once; None while a member is pending.

        None as well when no member has an answer.
        """
        if self._sent or not self._closed or any(member.pending for member in self.members):
            return None
        self._sent = True
        answers = [member.data for member in self.members if member.data is not None]
        self.sensitive = any(member.sensitive for member in self.members)
        if not answers:
            return None
        try:
            line = encode_batch(answers)
        except MemoryError:
            line = encode_error(None, OutOfResources(outcome="unknown"))
        for member in self.members:
            if member.sensitive and member.data is not None:
                wipe(member.data)
        return line


def _misfit(outcome: Outcome | None = None) -> TooLarge:
    """Return the error of a member whose answer does not fit into the batch's."""
    return TooLarge(
        "The answer does not fit into the answer of the batch.",
        outcome=outcome,
        limit=limits.ANSWER_MAX_BYTES,
        hint="Send the request by itself.",
    )
