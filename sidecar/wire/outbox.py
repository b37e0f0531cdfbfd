"""The outbox: the queue of lines to be written, answers and events.

Both wait here while the client does not read. Answers are never dropped. When events exceed their
bound the oldest are dropped, and one `audit.overflow` takes the place of the first of them: it says
how many were dropped, and after which audit entry `audit.list` finds them. Only the loop's thread
uses the outbox.
"""

from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from sidecar import limits
from sidecar.notifications import AuditOverflow
from sidecar.wiping import wipe
from sidecar.wire.envelope import NOTIFICATION_START, encode_notification

_GATHER = 256
"""Entries given to one write; a pipe seldom takes more at once."""

_COMPACT_AFTER = 4096
"""Dropped entries that stay in the queue, empty, before they are removed: under 0.5 MiB."""


class _Entry(msgspec.Struct):
    """One line of the queue; a dropped event becomes the marker of an overflow, or is empty."""

    data: bytes | None
    is_event: bool
    sensitive: bool = False
    dropped: int = 0
    resume_after: int = 0


class Outbox:
    """A queue of lines. Events are bounded here; answers are bounded by starting no requests."""

    def __init__(self, events_bound_bytes: int = limits.EVENTS_BOUND_BYTES) -> None:
        """Start with an empty queue."""
        self._entries: deque[_Entry] = deque()
        self._events: deque[tuple[_Entry, int]] = deque()
        self._events_bound_bytes = events_bound_bytes
        self._events_bytes = 0
        self._partial: memoryview | None = None
        self._partial_sensitive = False
        self._marker: _Entry | None = None
        self._dropped_since_sweep = 0
        self._closed = False
        self.pending_bytes = 0

    def __bool__(self) -> bool:
        """Return whether anything is to be written."""
        return self._partial is not None or bool(self._entries)

    def close(self) -> int:
        """Drop every line that is not begun, and all that follow; return how many are answers."""
        self._closed = True
        answers = 0
        for entry in self._entries:
            if entry.data is None:
                continue
            answers += not entry.data.startswith(NOTIFICATION_START)
            if entry.sensitive:
                wipe(entry.data)
        self._entries.clear()
        self._events.clear()
        self._marker = None
        self._events_bytes = 0
        self.pending_bytes = len(self._partial or b"")
        return answers

    def drop_partial(self) -> bool:
        """Drop the line that is begun, which is not read on; return if it is an answer."""
        partial, self._partial = self._partial, None
        self.pending_bytes -= len(partial or b"")
        if partial is not None and self._partial_sensitive:
            wipe(partial.obj)
        line = None if partial is None else partial.obj
        return isinstance(line, bytes) and not line.startswith(NOTIFICATION_START)

    def push(self, data: bytes, *, sensitive: bool = False) -> None:
        """Queue a line that is never dropped; a sensitive line is wiped when it is written."""
        if self._closed:
            if sensitive:
                wipe(data)
            return
        self._entries.append(_Entry(data, is_event=False, sensitive=sensitive))
        self.pending_bytes += len(data)

    def push_event(self, data: bytes, seq: int) -> None:
        """Queue an event of the audit entry `seq`; drop the oldest events past the bound."""
        if self._closed:
            return
        entry = _Entry(data, is_event=True)
        self._entries.append(entry)
        self._events.append((entry, seq))
        self.pending_bytes += len(data)
        self._events_bytes += len(data)
        while self._events_bytes > self._events_bound_bytes:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        """Drop the oldest event, unless a part of it is written already."""
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
        self._marker.dropped += 1
        self._dropped_since_sweep += 1
        if self._dropped_since_sweep > _COMPACT_AFTER:
            self._dropped_since_sweep = 0
            self._entries = deque(each for each in self._entries if each.data or each.dropped)

    def flush(self, write: Callable[[list[bytes | memoryview]], int]) -> None:
        """Write lines until the client takes no more.

        Raises:
            BrokenPipeError: from `write`.
        """
        while self:
            buffers = self._gather()
            taken = write(buffers)
            if taken == self.pending_bytes:
                self._note_all_written()
                return
            self._consume(buffers, taken)
            self._withdraw_marker()
            if not taken:
                return

    def _gather(self) -> list[bytes | memoryview]:
        """Return the next lines to write."""
        buffers: list[bytes | memoryview] = []
        if self._partial is not None:
            buffers.append(self._partial)
        entries = self._entries
        while entries and entries[0].data is None and not entries[0].dropped:
            entries.popleft()
        for entry in list(entries)[:_GATHER] if len(entries) > _GATHER else entries:
            if entry.dropped:
                self._write_marker(entry)
            if entry.data is not None:
                buffers.append(entry.data)
        return buffers

    def _write_marker(self, entry: _Entry) -> None:
        """Give the marker of an overflow its line."""
        entry.data = encode_notification(AuditOverflow(entry.dropped, entry.resume_after))
        self.pending_bytes += len(entry.data)

    def _withdraw_marker(self) -> None:
        """Remove the marker's line while none of it is written, so that it can go on counting."""
        if self._marker is not None and self._marker.data is not None:
            self.pending_bytes -= len(self._marker.data)
            self._marker.data = None

    def _note_all_written(self) -> None:
        """Empty the queue, which is the usual end of a write."""
        for entry in self._entries:
            if entry.sensitive and entry.data is not None:
                wipe(entry.data)
        if self._partial is not None and self._partial_sensitive:
            wipe(self._partial.obj)
        self._entries.clear()
        self._events.clear()
        self._partial = self._marker = None
        self.pending_bytes = self._events_bytes = 0

    def _consume(self, buffers: Sequence[bytes | memoryview], taken: int) -> None:
        """Remove from the queue what is written: the first `taken` bytes of these buffers."""
        self.pending_bytes -= taken
        for buffer in buffers:
            if taken < len(buffer):
                if taken or buffer is self._partial:
                    self._begin_partial(buffer, taken)
                return
            taken -= len(buffer)
            if self._remove(buffer):
                wipe(buffer.obj if isinstance(buffer, memoryview) else buffer)
            if not taken:
                return

    def _begin_partial(self, buffer: bytes | memoryview, taken: int) -> None:
        """Store the rest of a line of which only a part is written."""
        self._partial_sensitive = self._remove(buffer)
        self._partial = memoryview(buffer)[taken:]

    def _remove(self, buffer: bytes | memoryview) -> bool:
        """Remove a line from the queue; return whether it has a secret."""
        if buffer is self._partial:
            self._partial = None
            return self._partial_sensitive
        while self._entries:
            entry = self._entries.popleft()
            if entry.data is buffer:
                self._note_written(entry)
                return entry.sensitive
        return False

    def _note_written(self, entry: _Entry) -> None:
        """Update the counts of events after an entry is written."""
        if entry is self._marker:
            self._marker = None
            entry.dropped = 0
        if entry.is_event and entry.data is not None:
            self._events_bytes -= len(entry.data)
            entry.is_event = False
            if self._events and self._events[0][0] is entry:
                self._events.popleft()
