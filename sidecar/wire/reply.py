"""The reply of a request: one line, or a part of a batch's line, and the events that it caused.

A reply is created when its request starts and filled when it has been served; a long method fills
its reply later. This module knows neither methods nor the store.
"""

from msgspec import UNSET, UnsetType

from sidecar import log
from sidecar.context import Emitted
from sidecar.errors import SidecarError
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
        if self.request_id is UNSET:
            log.warning("notification_failed", slug=error.slug, message=error.message)
        else:
            self.data = encode_error(self.request_id, error)

    def line(self) -> bytes | None:
        """Return the line of the answer, or None while there is none."""
        return None if self.pending else self.data


class BatchReply(Reply):
    """The reply of a batch: one line, when its last member is served."""

    __slots__ = ("_closed", "_sent", "members")

    def __init__(self) -> None:
        """Start without members."""
        super().__init__(None)
        self.members: list[Reply] = []
        self._closed = False
        self._sent = False

    def close(self) -> None:
        """Note that every member has started, and tell the members which batch they are of."""
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
        line = encode_batch(answers)
        for member in self.members:
            if member.sensitive and member.data is not None:
                wipe(member.data)
        return line
