"""The loop: the thread that reads lines, serves them in bursts and writes answers and events.

Answers are sent in the order of their requests, those of long methods when they are ready; an
event is sent after its COMMIT and after the answer of its request. While more output than its
bound waits to be written no further request starts, but lines are still read into the backlog, so
that a cancel, an exit and the end of input are seen. How long the end may take says `ending`.
"""

import os
from collections import deque
from time import perf_counter_ns
from typing import Any

from sidecar import limits, log
from sidecar.clock import Clock
from sidecar.context import Emitted, LongContext, MethodLatency, Services
from sidecar.errors import ExitCode
from sidecar.notifications import Notification, SystemClosing
from sidecar.store.connection import Store
from sidecar.vault.vault import Vault
from sidecar.vocabularies import ClosingReason
from sidecar.wire import control, envelope
from sidecar.wire.burst import Burst
from sidecar.wire.chores import Chores
from sidecar.wire.dispatcher import Dispatcher
from sidecar.wire.ending import Ending, lock_vault
from sidecar.wire.events import EventStream
from sidecar.wire.outbox import Outbox
from sidecar.wire.parent import Parent
from sidecar.wire.reply import Reply
from sidecar.wire.settle import settle
from sidecar.wire.stdio import Channel, LineReader
from sidecar.wire.upkeep import Upkeep
from sidecar.wire.watchdog import Watchdog
from sidecar.wire.workers import Workers

_REFUSING = ("shutdown", "exit")
"""Ends that the client has requested: lines after that are refused, at other ends answered."""


class Loop:
    """Serves one channel and one store until it is told to stop."""

    def __init__(
        self,
        channel: Channel,
        store: Store,
        clock: Clock,
        vault: Vault,
        *,
        parent: Parent,
        events: bool,
    ) -> None:
        """Create the parts and connect them; nothing is read before `run`."""
        self._channel = channel
        self._services = Services(store, clock, self, vault)
        self._lines = LineReader()
        self._backlog: deque[bytes | None] = deque()
        self._backlog_bytes = 0
        self._input_open = True
        self._outbox = Outbox()
        self._posted: deque[Reply | list[Emitted]] = deque()
        self._workers = Workers(channel.wake, clock)
        self._dispatcher = Dispatcher(self._services, self._workers, self)
        self._events = EventStream(store, self._outbox, clock, subscribed=events)
        self._upkeep = Upkeep(store, clock)
        self._chores = Chores(self._services, self._workers, self)
        self._watchdog = Watchdog(self._stop_soon, self._input_hung_up, parent)
        self._ending: Ending | None = None
        self._stop_requested: ClosingReason | None = None
        self._accepted_lines = 0
        """Lines of the backlog that were received before `system.exit`, which skips the queue."""
        self._bursts_served = 0
        self._started_at = clock.now_ms()
        self._output_broken = self._hung_up = False
        self._tend_at_ns = 0

    # --- what handlers may ask (context.Session) ------------------------------------------

    def subscribe(self, actions: frozenset[str] | None, after: int | None) -> None:
        """Send audit events of these actions from now on, after those since entry `after`."""
        self._events.subscribe(actions, after)

    def unsubscribe(self) -> None:
        """Send no more audit and change events."""
        self._events.unsubscribe()

    def stop(self, reason: ClosingReason) -> None:
        """End the process when the accepted requests are answered."""
        self._stop_requested = self._stop_requested or reason

    def schedule(self, chore: str, delay_ms: int, *, at_latest: bool = False) -> None:
        """Set the next run of a chore; with `at_latest` an earlier time stays."""
        self._chores.schedule(chore, delay_ms, at_latest=at_latest)

    def latencies(self) -> list[MethodLatency]:
        """Return the calls, errors and latencies of every method called so far."""
        return self._dispatcher.latencies.table()

    def bursts_served(self) -> int:
        """Return how many bursts of requests were begun so far."""
        return self._bursts_served

    def facts(self) -> dict[str, Any]:
        """Return facts of the process, for system.info and system.stats."""
        path = str(self._services.store.path)
        return {"pid": os.getpid(), "started_at": self._started_at, "database": path}

    def long_context(self) -> LongContext:
        """Return a context for work of the process itself, before it serves."""
        return LongContext(self._services, None, self.post_events)

    # --- what other threads may do --------------------------------------------------------

    def post_events(self, emitted: list[Emitted]) -> None:
        """Queue notifications of a worker thread, see `long_request.Post`."""
        if emitted:
            self._posted.append(emitted)
            self._channel.wake()

    def post_reply(self, reply: Reply) -> None:
        """Queue the complete reply of a worker thread, see `long_request.Post`."""
        self._posted.append(reply)
        self._channel.wake()

    def _stop_soon(self, reason: ClosingReason) -> None:
        """Request the end of the process; called by the watchdog's thread."""
        self.stop(reason)
        self._channel.wake()

    def _input_hung_up(self) -> None:
        """Note that no process can write to stdin any more; called by the watchdog's thread."""
        self._hung_up = True
        self._channel.wake()

    # --- the loop -------------------------------------------------------------------------

    def run(self, ready: Notification) -> ExitCode:
        """Send `ready` and serve until the end; the store stays open."""
        self._watchdog.start(self._channel.watch_end(self._watchdog.input_ended))
        self._outbox.push(envelope.encode_notification(ready))
        while True:
            self._watchdog.beat()
            self._take_posted()
            self._flush()
            waiting = False
            if self._is_followed():
                self._read()
            else:
                self._tend()
                if self._ending is not None and self._has_ended(self._ending):
                    return self._finish(self._ending)
                waiting = bool(self._backlog) and self._may_start()
                self._take_input(0 if waiting else self._timeout_ms())
            # What was just read is served at once, unless an end is requested, which begins first.
            if waiting or (self._backlog and self._may_start() and not self._stop_requested):
                self._serve_burst()

    def _is_followed(self) -> bool:
        """Return whether the next request has followed an answer at once, and is served first."""
        if self._stop_requested or self._backlog or self._outbox or not self._wants_input():
            return False
        return perf_counter_ns() < self._tend_at_ns and self._channel.lingers()

    def _tend(self) -> None:
        """Do what is done between bursts: upkeep, chores, and the beginning of an end."""
        self._tend_at_ns = perf_counter_ns() + limits.TENDING_MS * 1_000_000
        if not self._backlog and self._upkeep.checkpoint_is_due():
            self._take_input(0)
        self._upkeep.run_when_due(idle=not self._backlog)
        self._events.send_due()
        self._chores.start_due()
        self._workers.expire()
        if self._hung_up and self._input_open and not self._wants_input():
            # The client has closed stdin and does not read the output: it has ended.
            self.stop("eof")
        if self._stop_requested and self._ending is None:
            self._begin_stop(self._stop_requested)

    def _may_start(self) -> bool:
        """Return whether a further request may start."""
        return self._outbox.pending_bytes < limits.OUTPUT_BOUND_BYTES

    def _timeout_ms(self) -> float | None:
        """Return how long the loop may sleep; None without a bound."""
        if self._events.wants_replay and not self._outbox:
            return 0
        if self._ending is None:
            parts = (self._upkeep, self._chores, self._workers, self._events)
            return min([ms for p in parts if (ms := p.timeout_ms()) is not None], default=None)
        return self._ending.wait_ms()

    def _wants_input(self) -> bool:
        """Return whether further lines may be read."""
        return self._input_open and self._backlog_bytes < limits.INPUT_BOUND_BYTES

    def _take_input(self, timeout_ms: float | None) -> bool:
        """Wait for input, for room in the output or for the timeout, and read what is there.

        Return whether there was input.
        """
        wanted = self._wants_input()
        ready = self._channel.wait(timeout_ms, want_input=wanted, want_output=bool(self._outbox))
        if ready.output_closed:
            self._abandon_output()
        if ready.readable and wanted:
            self._read()
        return ready.readable and wanted

    def _read(self) -> None:
        """Read lines into the backlog."""
        size_bytes = self._channel.read(self._lines.room())
        if size_bytes:
            lines = self._lines.take(size_bytes)
        elif size_bytes is None:
            self._input_open = False
            lines = self._lines.finish()
        else:
            return
        if self._ending is not None:
            self._ending.note_read()
        for line in lines:
            if line is not None and control.may_be_control(line) and self._handle_control(line):
                continue
            self._backlog_bytes += len(line or b"")
            self._backlog.append(line)
        if not self._input_open:
            self.stop("eof")

    def _handle_control(self, line: bytes) -> bool:
        """Handle `$/cancelRequest` and `system.exit` at once; return False for other lines.

        A batch is handled here when it has nothing else; what is handled nowhere here reaches the
        dispatcher in its turn.
        """
        requests = control.decode(line)
        for request in requests:
            if request.method == control.EXIT:
                if self._stop_requested is None:
                    self._accepted_lines = len(self._backlog)
                self.stop("exit")
            else:
                cancelled = control.cancelled_id(request)
                self._dispatcher.cancel(cancelled, lines_wait=bool(self._backlog))
        return bool(requests)

    def _serve_burst(self) -> None:
        """Serve the waiting lines as one burst, commit, and queue their answers."""
        burst = Burst(self._services.store)
        self._bursts_served += 1
        try:
            while self._backlog and not (burst.served and burst.is_full()):
                line = self._backlog.popleft()
                size_bytes = len(line or b"")
                self._backlog_bytes -= size_bytes
                burst.served += 1
                burst.served_bytes += size_bytes
                self._dispatcher.serve_line(line, burst)
                if self._accepted_lines:
                    self._accepted_lines -= 1
                if self._stop_requested in _REFUSING and not self._accepted_lines:
                    # Lines after the request are refused, also those read together with it.
                    self._dispatcher.refuse_new()
            if not self._backlog:
                self._dispatcher.early_cancels.clear()
            if burst.wrote and burst.failed_by is None:
                # Before the COMMIT: after its wait little is in the processor's caches.
                self._upkeep.note_write()
            settle(burst, self._services.store, self._dispatcher.errors)
            self._take_posted()
            self._events.push_replies(burst)
        finally:
            burst.release()
        for job, reply in burst.long_jobs:
            # What `reply` says is no sign: the worker may have completed and posted it already.
            if not self._dispatcher.submit(job, reply):
                self._events.push_reply(reply)

    def _take_posted(self) -> None:
        """Queue what worker threads have posted, in the order of their commits."""
        while self._posted:
            posted = self._posted.popleft()
            if isinstance(posted, Reply):
                self._events.push_reply(posted)
                self._upkeep.note_long_method()
            else:
                self._events.push_all(posted)

    def _flush(self) -> None:
        """Write queued lines, and the next page of a replay when all are written."""
        if self._output_broken:
            return
        try:
            self._outbox.flush(self._channel.write)
            if self._events.wants_replay and not self._outbox:
                self._events.replay()
                self._outbox.flush(self._channel.write)
        except BrokenPipeError:
            self._abandon_output()

    def _abandon_output(self) -> None:
        """Drop all output and end, because the client has closed stdout."""
        self._output_broken = True
        self._channel.abandon_output()
        self._events.unsubscribe()
        self._outbox.close()
        self._outbox.drop_partial()
        self.stop("stdout")
        if self._ending is not None:
            self._run_without_client(self._ending)

    # --- the end --------------------------------------------------------------------------

    def _begin_stop(self, reason: ClosingReason) -> None:
        """Start the end of the process; what was delivered is still read, except by request."""
        log.info("stopping", reason=reason)
        self._ending = Ending(self._services.clock, reason)
        if (lock := self._services.store.watch.lock) is not None:
            lock.mark_ending()
        self._watchdog.arm()
        self._chores.stop()
        signalled = reason == "signal"
        while signalled and self._wants_input() and self._take_input(0):
            pass
        if signalled and self._channel.READS_IN_THREAD:
            self._ending.read_until_quiet()
        elif signalled or reason in _REFUSING:
            self._input_open = False
        if self._output_broken or reason == "parent":
            self._run_without_client(self._ending)

    def _run_without_client(self, ending: Ending) -> None:
        """Run from now on only what changes the database: no answer reaches the client."""
        ending.go_on_without_client()
        self._dispatcher.run_without_client()
        ending.requests_not_run += self._workers.cancel_all(spare_writes=True)

    def _has_ended(self, ending: Ending) -> bool:
        """Return whether the process can end now: all is done, or a limit has passed."""
        if ending.reason in _REFUSING and not self._accepted_lines:
            self._dispatcher.refuse_new()
        if ending.is_without_client and not (self._output_broken or self._may_start()):
            self._abandon_output()
        if ending.cancel_is_due():
            self._workers.cancel_all()
            self._chores.leave()
        unwritten_bytes = self._channel.unwritten_bytes() + self._outbox.pending_bytes
        ending.note_progress((self._bursts_served, unwritten_bytes))
        if ending.is_over() and not self._give_up(ending):
            return True
        self._input_open = self._input_open and not ending.input_is_quiet()
        if self._input_open or self._backlog or self._posted:
            return False
        if len(self._workers) and not ending.workers_are_late():
            return False
        if self._output_broken:
            return True
        if unwritten_bytes or self._events.wants_replay:
            return False
        if len(self._workers) or ending.is_announced:
            return True
        ending.is_announced = True
        lock_vault(self._services, ending.reason, self._events)
        self._events.unsubscribe()  # `system.closing` is the last line
        self._outbox.push(envelope.encode_notification(SystemClosing(ending.reason)))
        return False

    def _give_up(self, ending: Ending) -> bool:
        """Drop what is not begun; return whether there is time to complete what is."""
        self._input_open = False
        requests = len(self._backlog) + self._workers.cancel_all()
        self._backlog.clear()
        self._backlog_bytes = 0
        self._events.unsubscribe()
        return ending.give_up(requests, self._outbox.close())

    def _finish(self, ending: Ending) -> ExitCode:
        """Lock the secrets and return the exit code."""
        ending.requests_not_run += self._dispatcher.requests_not_run
        if not self._output_broken:
            ending.answers_not_delivered += self._outbox.drop_partial()
            ending.answers_not_delivered += self._channel.abandon_output()
        code = ending.exit_code()
        if len(self._workers):
            log.error("forced", reason="a long method did not stop")
            log.flush()
            os._exit(ExitCode.FORCED)
        if not ending.is_announced:
            lock_vault(self._services, ending.reason, self._events)
        return code
