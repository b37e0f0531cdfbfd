"""Which notifications leave, and the replay of those that a reader missed.

Live events are encoded as they are committed. A replay is read from the table page by page as
the reader drains it, so it can never overflow, and requests have their turn between. Events
committed meanwhile are in the table too, and the stream goes live when the replay has met the
head. No audit number is sent twice.
"""

from contextlib import closing

from sidecar import limits, log
from sidecar.context import Emitted
from sidecar.notifications import AuditEvent, AuditOverflow, Progress, WorkflowsChanged
from sidecar.store.audit.log import Entry, read_entries
from sidecar.store.connection import Store
from sidecar.store.sqlite_errors import spoils_connection
from sidecar.values import stored_json
from sidecar.wire.envelope import encode_notification
from sidecar.wire.outbox import Outbox


class EventStream:
    """The reader's subscription; used by the loop's thread."""

    def __init__(self, store: Store, outbox: Outbox, *, subscribed: bool) -> None:
        """Stream everything from the start unless told not to."""
        self._store = store
        self._outbox = outbox
        self._subscribed = subscribed
        self._actions: frozenset[str] | None = None
        self._replay_after: int | None = None
        self._sent_seq = 0

    @property
    def wants_replay(self) -> bool:
        """Whether there are entries to be replayed, and they can be read now."""
        return self._replay_after is not None and not self._store.maintenance

    def subscribe(self, actions: frozenset[str] | None, after: int | None) -> None:
        """Begin, or begin anew with other wishes."""
        self._subscribed = True
        self._actions = actions
        self._replay_after = after

    def unsubscribe(self) -> None:
        """Send no more audit and change events."""
        self._subscribed = False
        self._replay_after = None

    def push(self, emitted: Emitted) -> None:
        """Queue one notification if the reader wants it."""
        params = emitted.params
        if isinstance(params, AuditEvent):
            replays = self._replay_after is not None
            if not self._wants(params.action) or replays or params.seq <= self._sent_seq:
                return
            self._sent_seq = params.seq
        elif isinstance(params, WorkflowsChanged) and not self._subscribed:
            return
        data = encode_notification(params)
        if isinstance(params, Progress):
            self._outbox.push(data)
        else:
            self._outbox.push_event(data, emitted.seq)

    def _wants(self, action: str) -> bool:
        return self._subscribed and (self._actions is None or action in self._actions)

    def _give_up_replay(self, after: int, fault: Exception) -> None:
        """Tell from where on the reader may ask for what it did not get."""
        log.warning("replay_failed", kind=type(fault).__name__)
        if spoils_connection(fault):
            self._store.reopen()
        self._replay_after = None
        lost = max(1, self._sent_seq - after)
        self._outbox.push(encode_notification(AuditOverflow(lost, after)))

    def replay(self) -> None:
        """Queue the next page of entries; call it when the reader has drained the last."""
        after = self._replay_after
        if after is None:
            return
        try:
            entries, more = self._next_page(after)
        except Exception as fault:  # noqa: BLE001 - a disk that cannot be read ends no process
            self._give_up_replay(after, fault)
            return
        for entry in entries:
            if self._wants(entry.action):
                event = AuditEvent(
                    entry.seq,
                    entry.action,
                    entry.resource,
                    entry.at,
                    stored_json(entry.details),
                    entry.mac.hex(),
                )
                self._outbox.push(encode_notification(event))
        if entries:
            self._sent_seq = max(self._sent_seq, entries[-1].seq)
        self._replay_after = entries[-1].seq if more else None

    def _next_page(self, after: int) -> tuple[list[Entry], bool]:
        """Entries as far as a page goes, at least one where there is one; whether there are more.

        Those that are not wanted count too: reading them takes as long.
        """
        page: list[Entry] = []
        room = limits.REPLAY_PAGE_BYTES
        with (
            self._store.lock,
            closing(read_entries(self._store.db, after, limits.REPLAY_PAGE)) as found,
        ):
            for entry in found:
                page.append(entry)
                room -= len(entry.details)
                if room < 0:
                    return page, True
        return page, len(page) == limits.REPLAY_PAGE
