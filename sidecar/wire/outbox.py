"""What is to be written: answers, which are never lost, and events, which may be.

A reader that stops reading makes both wait here. Past the events' bound the oldest event drops,
and one `audit.overflow` takes the place of the first that went: it counts the lost and names
the audit number after which `audit.list` finds them. Used by the loop's thread alone.
"""

from collections import deque
from collections.abc import Callable, Sequence

from sidecar import limits
from sidecar.notifications import AuditOverflow
from sidecar.wiping import wipe
from sidecar.wire.envelope import encode_notification

_GATHER = 256
"""Entries given to one write: what a pipe takes at once is seldom more."""

_COMPACT_AFTER = 4096
"""Dropped entries kept as empty places before they are swept: under 0.5 MiB."""


class _Entry:
    """One line on its way out; a dropped event becomes the overflow marker or nothing."""

    __slots__ = ("data", "is_event", "lost", "resume_after", "sensitive")

    def __init__(self, data: bytes, *, is_event: bool, sensitive: bool = False) -> None:
        self.data: bytes | None = data
        self.is_event = is_event
        self.lost = 0
        self.resume_after = 0
        self.sensitive = sensitive


class Outbox:
    """A queue of lines, bounded in bytes for events, and for answers by not starting requests."""

    def __init__(self, events_bound_bytes: int = limits.EVENTS_BOUND_BYTES) -> None:
        """Start empty."""
        self._entries: deque[_Entry] = deque()
        self._events: deque[tuple[_Entry, int]] = deque()
        self._events_bound_bytes = events_bound_bytes
        self._events_bytes = 0
        self._partial: memoryview | None = None
        self._partial_sensitive = False
        self._marker: _Entry | None = None
        self._dropped = 0
        self.pending_bytes = 0

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return self._partial is not None or bool(self._entries)

    def clear(self) -> None:
        """Forget everything: nobody reads any more."""
        self._entries.clear()
        self._events.clear()
        self._partial = self._marker = None
        self.pending_bytes = self._events_bytes = 0

    def push(self, data: bytes, *, sensitive: bool = False) -> None:
        """Queue a line that must not be lost; a sensitive one is wiped once it has left."""
        self._entries.append(_Entry(data, is_event=False, sensitive=sensitive))
        self.pending_bytes += len(data)

    def push_event(self, data: bytes, seq: int) -> None:
        """Queue an event that belongs to audit entry `seq`; may drop the oldest for it."""
        entry = _Entry(data, is_event=True)
        self._entries.append(entry)
        self._events.append((entry, seq))
        self.pending_bytes += len(data)
        self._events_bytes += len(data)
        while self._events_bytes > self._events_bound_bytes:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        entry, seq = self._events.popleft()
        if entry.data is None or not entry.is_event:
            return
        size_bytes = len(entry.data)
        self.pending_bytes -= size_bytes
        self._events_bytes -= size_bytes
        entry.data = None
        entry.is_event = False
        if self._marker is None:
            self._marker = entry
            entry.resume_after = max(0, seq - 1)
        self._marker.lost += 1
        self._dropped += 1
        if self._dropped > _COMPACT_AFTER:
            self._dropped = 0
            self._entries = deque(kept for kept in self._entries if kept.data or kept.lost)

    def flush(self, write: Callable[[list[bytes | memoryview]], int]) -> None:
        """Write until the reader takes no more.

        Raises:
            BrokenPipeError: from `write`.
        """
        while self:
            buffers = self._gather()
            taken = write(buffers)
            self._consume(buffers, taken)
            self._withdraw_marker()
            if not taken:
                return

    def _gather(self) -> list[bytes | memoryview]:
        buffers: list[bytes | memoryview] = []
        if self._partial is not None:
            buffers.append(self._partial)
        entries = self._entries
        while entries and entries[0].data is None and not entries[0].lost:
            entries.popleft()
        for entry in list(entries)[:_GATHER] if len(entries) > _GATHER else entries:
            if entry.lost:
                self._write_marker(entry)
            if entry.data is not None:
                buffers.append(entry.data)
        return buffers

    def _write_marker(self, entry: _Entry) -> None:
        """Offer the marker as a line."""
        entry.data = encode_notification(AuditOverflow(entry.lost, entry.resume_after))
        self.pending_bytes += len(entry.data)

    def _withdraw_marker(self) -> None:
        """A marker of which no byte has left goes on counting, so that there is only one."""
        if self._marker is not None and self._marker.data is not None:
            self.pending_bytes -= len(self._marker.data)
            self._marker.data = None

    def _consume(self, buffers: Sequence[bytes | memoryview], taken: int) -> None:
        self.pending_bytes -= taken
        for buffer in buffers:
            if taken < len(buffer):
                if taken or buffer is self._partial:
                    self._begin_partial(buffer, taken)
                return
            taken -= len(buffer)
            if self._forget(buffer):
                wipe(buffer.obj if isinstance(buffer, memoryview) else buffer)
            if not taken:
                return

    def _begin_partial(self, buffer: bytes | memoryview, taken: int) -> None:
        self._partial_sensitive = self._forget(buffer)
        self._partial = memoryview(buffer)[taken:]

    def _forget(self, buffer: bytes | memoryview) -> bool:
        """Take it off the queue; whether it holds a secret."""
        if buffer is self._partial:
            self._partial = None
            return self._partial_sensitive
        while self._entries:
            entry = self._entries.popleft()
            if entry.data is buffer:
                self._settle(entry)
                return entry.sensitive
        return False

    def _settle(self, entry: _Entry) -> None:
        if entry is self._marker:
            self._marker = None
            entry.lost = 0
        if entry.is_event and entry.data is not None:
            self._events_bytes -= len(entry.data)
            entry.is_event = False
            if self._events and self._events[0][0] is entry:
                self._events.popleft()
