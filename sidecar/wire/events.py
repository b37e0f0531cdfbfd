"""The event stream: which notifications are sent after which answers, and the replay.

New events are sent when they are committed. A replay is read from the audit table, one page each
time the client has read the page before, so that it cannot overflow; requests are served between
two pages. Events that are committed meanwhile are in the table too: the stream continues with new
events when the replay has reached the newest entry. No entry is sent twice.
"""

from contextlib import closing
from typing import Final

from sidecar import limits, log
from sidecar.clock import Clock
from sidecar.context import Emitted
from sidecar.notifications import (
    AuditEvent,
    AuditOverflow,
    Progress,
    RunsChanged,
    WorkflowsChanged,
)
from sidecar.store.audit.log import Entry, read_entries
from sidecar.store.connection import Store
from sidecar.store.sqlite_errors import spoils_connection
from sidecar.wire.burst import Burst
from sidecar.wire.envelope import encode_notification
from sidecar.wire.outbox import Outbox
from sidecar.wire.reply import BatchReply, Reply
from sidecar.wire.run_progress import RunProgress

_BEGINS_AGAIN: Final = ("recover", "restore")
"""Acts after which the numbers of entries may be lower, where nothing shows those of before."""


class EventStream:
    """The subscription of the client; used by the loop's thread."""

    def __init__(self, store: Store, outbox: Outbox, clock: Clock, *, subscribed: bool) -> None:
        """Send all events from the start if `subscribed`."""
        self._store = store
        self._outbox = outbox
        self._progress = RunProgress(clock, self._push_event)
        self._subscribed = subscribed
        self._actions: frozenset[str] | None = None
        self._replay_after: int | None = None
        self._sent_seq = 0

    @property
    def wants_replay(self) -> bool:
        """Return whether there are entries to replay and the database can be read now."""
        return self._replay_after is not None and not self._store.maintenance

    def subscribe(self, actions: frozenset[str] | None, after: int | None) -> None:
        """Start to send events of these actions, those since entry `after` first."""
        self._subscribed = True
        self._actions = actions
        self._replay_after = after

    def unsubscribe(self) -> None:
        """Send no more audit and change events."""
        self._subscribed = False
        self._replay_after = None
        self._progress.forget()

    def push_replies(self, burst: Burst) -> None:
        """Queue the answers of a burst, then its events."""
        for reply in burst.replies:
            line = reply.line()
            if line is not None:
                self._outbox.push(line, sensitive=reply.sensitive)
        for reply in burst.replies:
            for each in reply.members if isinstance(reply, BatchReply) else (reply,):
                self.push_all(each.emitted)

    def push_reply(self, reply: Reply) -> None:
        """Queue the answer of one long method, or of its whole batch, then its events."""
        whole = reply.batch or reply
        line = whole.line()
        if line is not None:
            self._outbox.push(line, sensitive=whole.sensitive)
        self.push_all(reply.emitted)

    def push_all(self, emitted: list[Emitted]) -> None:
        """Queue notifications in their order."""
        for each in emitted:
            self.push(each)

    def push(self, emitted: Emitted) -> None:
        """Queue one notification if the client has subscribed to it."""
        params = emitted.params
        if isinstance(params, RunsChanged):
            if not self._subscribed or self._progress.holds(params, emitted):
                return
        elif isinstance(params, AuditEvent):
            if params.seq < self._sent_seq and params.action in _BEGINS_AGAIN:
                self._sent_seq = 0
            replays = self._replay_after is not None
            if not self._wants(params.action) or replays or params.seq <= self._sent_seq:
                return
            self._sent_seq = params.seq
        elif isinstance(params, WorkflowsChanged):
            if not self._subscribed:
                return
        elif isinstance(params, Progress):
            self._outbox.push(encode_notification(params))
            return
        self._push_event(emitted)

    def _push_event(self, emitted: Emitted) -> None:
        """Queue one notification that can be dropped.

        One without an entry comes after the last one that was sent.
        """
        seq = emitted.seq or self._sent_seq + 1
        self._outbox.push_event(encode_notification(emitted.params), seq)

    def timeout_ms(self) -> float | None:
        """Return how long the loop may sleep before progress that was held is to be sent."""
        return self._progress.timeout_ms()

    def send_due(self) -> None:
        """Queue the progress of runs that was held long enough."""
        self._progress.send_due()

    def _wants(self, action: str) -> bool:
        """Return whether the client has subscribed to events of this action."""
        return self._subscribed and (self._actions is None or action in self._actions)

    def _abort_replay(self, after: int, fault: Exception) -> None:
        """End a replay that failed; tell the client after which entry it can ask for the rest."""
        log.warning("replay_failed", kind=type(fault).__name__)
        if spoils_connection(fault):
            self._store.reopen()
        self._replay_after = None
        lost = max(1, self._sent_seq - after)
        self._outbox.push(encode_notification(AuditOverflow(lost, after)))

    def replay(self) -> None:
        """Queue the next page of entries; called when the client has read the page before."""
        after = self._replay_after
        if after is None:
            return
        try:
            entries, more = self._next_page(after)
        except Exception as fault:  # noqa: BLE001 - an unreadable disk must not end the process
            self._abort_replay(after, fault)
            return
        for entry in entries:
            if self._wants(entry.action):
                self._outbox.push(encode_notification(AuditEvent(*entry.members())))
        if entries:
            self._sent_seq = max(self._sent_seq, entries[-1].seq)
        self._replay_after = entries[-1].seq if more else None

    def _next_page(self, after: int) -> tuple[list[Entry], bool]:
        """Return the entries of the next page, and whether there may be more.

        Entries that the client has not subscribed to count too, because reading them takes time.
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
