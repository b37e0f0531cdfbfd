"""The one thread that serves: reads lines, dispatches them in bursts, writes answers and events.

Owns order and the end. Answers leave in request order (long methods when they are done), an
event only after its COMMIT and after the answer that caused it. While more output waits than
its bound no further request starts, but lines are still read, so that cancel, exit and the end
of input are seen. The end is a drain: what was accepted is answered within
`limits.DRAIN_LIMIT_MS`, then the process goes.
"""

import os
from collections import deque
from typing import Any

import msgspec
from msgspec import UNSET

from sidecar import limits, log
from sidecar.clock import Clock
from sidecar.context import Context, Emitted, LongContext, MethodLatency, Services
from sidecar.errors import ExitCode
from sidecar.notifications import Notification, SystemClosing
from sidecar.secrets import log_refusals, state
from sidecar.store.connection import Store
from sidecar.store.sqlite_errors import spoils_connection
from sidecar.vault.vault import Vault
from sidecar.wiping import wipe
from sidecar.wire import envelope
from sidecar.wire.burst import Burst
from sidecar.wire.chores import Chores
from sidecar.wire.dispatcher import Dispatcher
from sidecar.wire.events import EventStream
from sidecar.wire.outbox import Outbox
from sidecar.wire.reply import Reply
from sidecar.wire.stdio import Channel, LineReader, is_sensitive
from sidecar.wire.upkeep import Upkeep
from sidecar.wire.watchdog import Watchdog
from sidecar.wire.workers import Workers

_CONTROL_PEEK_BYTES = 200
"""How far into a line a control notification's name is looked for before the line's turn."""

_REFUSING = ("shutdown", "exit")
"""Ends that were asked for: lines behind the request are refused. Otherwise they are answered."""


class Loop:
    """Serves one channel over one store until told to stop."""

    def __init__(
        self,
        channel: Channel,
        store: Store,
        clock: Clock,
        vault: Vault,
        *,
        parent_pid: int | None,
        events: bool,
    ) -> None:
        """Wire everything together; nothing is read before `run`."""
        self._channel = channel
        self._services = Services(store, clock, self, vault)
        self._lines = LineReader()
        self._backlog: deque[bytes | None] = deque()
        self._backlog_bytes = 0
        self._input_open = True
        self._outbox = Outbox()
        self._posted: deque[Reply | list[Emitted]] = deque()
        self._workers = Workers(channel.wake)
        self._dispatcher = Dispatcher(self._services, self._workers, self)
        self._events = EventStream(store, self._outbox, subscribed=events)
        self._upkeep = Upkeep(store, clock)
        self._chores = Chores(self._services, self._workers, self)
        self._watchdog = Watchdog(self._stop_soon, self._input_hung_up, parent_pid)
        self._stop_reason: str | None = None
        self._asked_to_stop: str | None = None
        self._accepted_lines = 0
        """Of the backlog, what came before `system.exit`, which is read out of turn."""
        self._deadline_ms = 0.0
        self._cancelled_late = False
        self._started_at = clock.now_ms()
        self._output_broken = False
        self._hung_up = False

    # --- what handlers may ask (context.Session) ------------------------------------------

    def subscribe(self, actions: frozenset[str] | None, after: int | None) -> None:
        """Send audit events from now on, those after `after` from the table first."""
        self._events.subscribe(actions, after)

    def unsubscribe(self) -> None:
        """Send no more audit and change events."""
        self._events.unsubscribe()

    def stop(self, reason: str) -> None:
        """End once what was accepted is answered."""
        self._asked_to_stop = self._asked_to_stop or reason

    def schedule(self, chore: str, delay_ms: int, *, at_latest: bool = False) -> None:
        """Run a chore so long from now, or at latest then."""
        self._chores.schedule(chore, delay_ms, at_latest=at_latest)

    def latencies(self) -> list[MethodLatency]:
        """Calls, errors and latencies of every method called so far."""
        return self._dispatcher.latencies.table()

    def facts(self) -> dict[str, Any]:
        """Facts of the process that handlers show."""
        return {
            "pid": os.getpid(),
            "started_at": self._started_at,
            "database": str(self._services.store.path),
        }

    def long_context(self) -> LongContext:
        """What the process itself works with before it serves."""
        return LongContext(self._services, None, self.post_events)

    # --- what other threads may do --------------------------------------------------------

    def post_events(self, emitted: list[Emitted]) -> None:
        """Queue a worker's notifications (wire.long.Post)."""
        if emitted:
            self._posted.append(emitted)
            self._channel.wake()

    def post_reply(self, reply: Reply) -> None:
        """Queue a worker's finished reply (wire.long.Post)."""
        self._posted.append(reply)
        self._channel.wake()

    def _stop_soon(self, reason: str) -> None:
        """What the watchdog calls."""
        self._asked_to_stop = self._asked_to_stop or reason
        self._channel.wake()

    def _input_hung_up(self) -> None:
        """What the watchdog calls when nobody can write to stdin any more."""
        self._hung_up = True
        self._channel.wake()

    # --- the loop -------------------------------------------------------------------------

    def run(self, ready: Notification) -> ExitCode:
        """Announce `ready` and serve until the end; the store stays open."""
        self._watchdog.start(self._channel.watch_end(self._watchdog.hung_up))
        self._outbox.push(envelope.encode_notification(ready))
        while True:
            self._watchdog.beat()
            self._take_posted()
            self._flush()
            if not self._backlog and self._upkeep.wants_quiet():
                self._take_input(0)
            self._upkeep.run_when_due(idle=not self._backlog)
            self._chores.start_due()
            if self._hung_up and self._input_open and not self._wants_input():
                # The parent has gone and nobody empties the output: nothing more will come of it.
                self.stop("eof")
            if self._asked_to_stop and self._stop_reason is None:
                self._begin_stop(self._asked_to_stop)
            if self._stop_reason in _REFUSING and not self._accepted_lines:
                self._dispatcher.refuse_new()
            if self._stop_reason is not None and self._drained():
                break
            if self._backlog and self._may_start():
                self._take_input(0)
                self._serve_burst()
            else:
                self._take_input(self._timeout_ms())
        return self._finish()

    def _may_start(self) -> bool:
        return self._outbox.pending_bytes < limits.OUTPUT_BOUND_BYTES

    def _timeout_ms(self) -> float | None:
        if self._events.wants_replay and not self._outbox:
            return 0
        if self._stop_reason is None:
            waits = (self._upkeep.timeout_ms(), self._chores.timeout_ms())
            return min((wait for wait in waits if wait is not None), default=None)
        return max(0.0, self._deadline_ms - self._services.clock.monotonic_ms())

    def _wants_input(self) -> bool:
        return self._input_open and self._backlog_bytes < limits.INPUT_BOUND_BYTES

    def _take_input(self, timeout_ms: float | None) -> None:
        wanted = self._wants_input()
        ready = self._channel.wait(timeout_ms, want_input=wanted, want_output=bool(self._outbox))
        if ready.output_closed:
            self._lose_output()
        if ready.readable and wanted:
            self._read()

    def _read(self) -> None:
        data = self._channel.read()
        if data:
            lines = self._lines.feed(data)
        elif data is None:
            self._input_open = False
            lines = self._lines.finish()
        else:
            return
        if any(line is not None and is_sensitive(line) for line in lines):
            wipe(data or b"")  # the lines are copies
        for line in lines:
            if line is not None and self._control(line):
                continue
            self._backlog_bytes += len(line or b"")
            self._backlog.append(line)
        if not self._input_open:
            self.stop("eof")

    def _control(self, line: bytes) -> bool:
        """Act on `$/cancelRequest` and `system.exit` out of turn; False when it is neither."""
        head = line[:_CONTROL_PEEK_BYTES]
        if b"$/cancelRequest" not in head and b"system.exit" not in head:
            return False
        try:
            request = envelope.decode_request(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        if request.id is not UNSET:
            return False
        if request.method == "system.exit":
            if self._asked_to_stop is None:
                self._accepted_lines = len(self._backlog)
            self.stop("exit")
            return True
        if request.method != "$/cancelRequest" or request.params is UNSET:
            return False
        try:
            cancel = msgspec.json.decode(request.params, type=_Cancel)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        self._dispatcher.cancel(cancel.id, lines_wait=bool(self._backlog))
        return True

    def _serve_burst(self) -> None:
        burst = Burst(self._services.store)
        try:
            while self._backlog and not burst.is_full():
                line = self._backlog.popleft()
                size_bytes = len(line or b"")
                self._backlog_bytes -= size_bytes
                burst.served += 1
                burst.served_bytes += size_bytes
                self._dispatcher.serve_line(line, burst)
                if self._accepted_lines:
                    self._accepted_lines -= 1
                if line is not None and not burst.long_jobs and is_sensitive(line):
                    wipe(line)
                if self._asked_to_stop in _REFUSING and not self._accepted_lines:
                    # What stands behind it is refused, arrived together or not.
                    self._dispatcher.refuse_new()
            if not self._backlog:
                self._dispatcher.early_cancels.clear()
            self._settle(burst)
            self._take_posted()
            self._queue(burst)
        finally:
            burst.release()
        for job, reply in burst.long_jobs:
            self._dispatcher.submit(job, reply)
            if not reply.pending:
                self._queue_reply(reply)

    def _settle(self, burst: Burst) -> None:
        """Commit; when that fails nobody is told that anything was done."""
        fault = burst.lost
        if fault is None:
            try:
                if burst.commit():
                    self._upkeep.wrote()
            except Exception as caught:  # noqa: BLE001 - every reply of the burst gets it
                burst.abandon()
                self._dispatcher.fail_unacknowledged(burst, caught, "unknown")
                fault = caught
        else:
            burst.abandon()
            if burst.wrote:
                self._dispatcher.fail_unacknowledged(burst, fault, "not_applied")
        if fault is not None and burst.wrote:
            burst.long_jobs.clear()
        if burst.doubted or (fault is not None and spoils_connection(fault)):
            self._services.store.reopen()

    def _queue(self, burst: Burst) -> None:
        for reply in burst.replies:
            line = reply.line()
            if line is not None:
                self._outbox.push(line, sensitive=reply.sensitive)
        for reply in burst.all_replies():
            for emitted in reply.emitted:
                self._events.push(emitted)

    def _take_posted(self) -> None:
        """Queue what workers have left; in the order in which they committed."""
        while self._posted:
            posted = self._posted.popleft()
            if isinstance(posted, Reply):
                self._queue_reply(posted)
                self._upkeep.worked()
            else:
                for emitted in posted:
                    self._events.push(emitted)

    def _queue_reply(self, reply: Reply) -> None:
        whole = reply.batch or reply
        line = whole.line()
        if line is not None:
            self._outbox.push(line, sensitive=whole.sensitive)
        for emitted in reply.emitted:
            self._events.push(emitted)

    def _flush(self) -> None:
        if self._output_broken:
            return
        try:
            self._outbox.flush(self._channel.write)
            if self._events.wants_replay and not self._outbox:
                self._events.replay()
                self._outbox.flush(self._channel.write)
        except BrokenPipeError:
            self._lose_output()

    def _lose_output(self) -> None:
        """Nobody reads any more: end quietly, without answers."""
        self._output_broken = True
        self._outbox.clear()
        self._backlog.clear()
        self._backlog_bytes = 0
        self._workers.cancel_all()
        self.stop("stdout")

    # --- the end --------------------------------------------------------------------------

    def _begin_stop(self, reason: str) -> None:
        log.info("stopping", reason=reason)
        self._stop_reason = reason
        self._input_open = False
        self._deadline_ms = self._services.clock.monotonic_ms() + limits.DRAIN_CANCEL_MS
        self._watchdog.arm()
        self._chores.stop()

    def _drained(self) -> bool:
        """Whether nothing accepted is left, or the limit is over."""
        if self._services.clock.monotonic_ms() >= self._deadline_ms:
            if self._cancelled_late:
                return True
            self._cancelled_late = True
            self._deadline_ms += limits.DRAIN_LIMIT_MS - limits.DRAIN_CANCEL_MS
            self._workers.cancel_all()
        if len(self._workers) or self._posted:
            return False
        waits = self._backlog or self._outbox or self._events.wants_replay
        return self._output_broken or not waits

    def _finish(self) -> ExitCode:
        if len(self._workers):
            log.error("forced", reason="a long method did not stop")
            log.flush()
            os._exit(ExitCode.FORCED)
        self._lock_vault()
        if not self._output_broken:
            self._events.unsubscribe()  # nothing comes after the last line
            self._outbox.push(envelope.encode_notification(SystemClosing(self._stop_reason or "")))
            self._flush()
        return ExitCode.OK

    def _lock_vault(self) -> None:
        """Lock, so that no key outlives the conversation, and tell it while somebody reads."""
        context = Context(self._services)
        try:
            with self._services.store.lock, self._services.store.writing():
                log_refusals.write_counts(context)
                state.lock(context, by=self._stop_reason or "end")
        except Exception as fault:  # noqa: BLE001 - the end must not hang on a full disk
            log.error("lock_not_audited", kind=type(fault).__name__)
        else:
            for emitted in context.emitted:
                self._events.push(emitted)
        finally:
            self._services.vault.lock()


class _Cancel(msgspec.Struct):
    id: str | int | None
