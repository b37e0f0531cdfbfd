"""Runs the chores, the work that the process does by itself, such as pruning or purging.

A chore runs in the worker threads, like a long method that no client waits for, and one at a time.
One that waits for none, such as the lock of the secrets, has a thread of its own at its time.
This module has the times of all chores; what a chore does is in its handler module. A chore that
fails is logged and runs again at its next time. When none is scheduled the process has no timer.
"""

from collections.abc import Callable
from functools import partial

from sidecar import limits, log, redaction
from sidecar.catalog import CHORES, Chore
from sidecar.context import LongContext, Services
from sidecar.errors import (
    Cancelled,
    DatabaseDamaged,
    Maintenance,
    OutOfResources,
    Overloaded,
    RecoveryRequired,
    SidecarError,
)
from sidecar.store.sqlite_errors import is_full, spoils_connection
from sidecar.wire.long_request import Post
from sidecar.wire.workers import Workers


class _ChoreJob:
    """One run of a chore in a worker thread."""

    def __init__(
        self, chore: Chore, context: LongContext, post: Post, ended: Callable[["_ChoreJob"], None]
    ) -> None:
        self.chore = chore
        self._context = context
        self._post = post
        self._ended = ended
        self.key = object()
        self.replaces_file = False
        self.gives_way = True
        self.runs_without_client = False
        self.is_answered = False

    def run(self) -> None:
        """Run the chore; the store's lock is free afterwards, whatever happens."""
        context = self._context
        try:
            context.check_cancelled()
            self.chore.function(context)
        except (Cancelled, Maintenance):
            # The database is being replaced; the chore runs again when that may have ended.
            context.session.schedule(self.chore.name, self.chore.retry_ms)
        except (DatabaseDamaged, RecoveryRequired):
            log.info("chore_left_out", chore=self.chore.name)  # a damaged file is not written
        except BaseException as fault:  # noqa: BLE001 - no client waits for a chore; it is logged
            log.error("chore_failed", chore=self.chore.name, kind=type(fault).__name__)
            context.store.disk_full |= is_full(fault)
            if spoils_connection(fault):
                context.store.reopen()
        else:
            self._post.post_events(context.take_emitted())
        finally:
            redaction.wipe_secrets()
            context.release_lock()
            self._ended(self)

    def cancel(self) -> None:
        """Ask the chore to stop at its next safe point."""
        self._context.cancel_event.set()

    def refuse(self, error: SidecarError) -> None:
        """Do nothing: a chore never waits for other jobs."""

    def report_waiting(self) -> None:
        """Do nothing: a chore never waits for other jobs."""


class Chores:
    """The times of all chores. The loop's thread uses it; any thread may call `schedule`."""

    def __init__(self, services: Services, workers: Workers, post: Post) -> None:
        """Schedule the first run of every chore, in a rescue for when that has ended.

        Where another process serves the file it does its chores.
        """
        self._services = services
        self._workers = workers
        self._post = post
        self._running: _ChoreJob | None = None
        self._stopped = services.store.reads_only
        services.store.watch.on_warning = partial(self.schedule, "warnings", 0, at_latest=True)
        self._due_ms: dict[str, float] = {}
        self._waiting_for_none: list[str] = []
        if services.store.rescue is None:
            self._schedule_all()
        else:
            self.schedule("modules", limits.MODULES_FIRST_MS)
            services.store.on_rescued = self._schedule_all

    def _schedule_all(self) -> None:
        """Set the first run of every chore."""
        now_ms = self._services.clock.monotonic_ms()
        self._due_ms = {chore.name: now_ms + chore.first_ms for chore in CHORES.values()}
        self._waiting_for_none = [name for name, each in CHORES.items() if each.waits_for_none]

    def schedule(self, name: str, delay_ms: int, *, at_latest: bool = False) -> None:
        """Set the next run to `delay_ms` from now; with `at_latest` an earlier time stays."""
        due_ms = self._services.clock.monotonic_ms() + delay_ms
        self._due_ms[name] = min(due_ms, self._due_ms.get(name, due_ms)) if at_latest else due_ms

    def timeout_ms(self) -> float | None:
        """Return how long the loop may sleep before the next chore; None when it needs no timer.

        While a chore runs only those that wait for none have a timer: its end wakes the loop.
        """
        startable = self._startable()
        if not startable:
            return None
        return max(0.0, min(startable.values()) - self._services.clock.monotonic_ms())

    def _startable(self) -> dict[str, float]:
        """Return the times of the chores that can start beside what runs now."""
        if self._stopped:
            return {}
        if self._running is None:
            return self._due_ms
        names = self._waiting_for_none
        return {name: self._due_ms[name] for name in names if name in self._due_ms}

    def start_due(self) -> None:
        """Start the chore that is most overdue, if one is due."""
        if self.timeout_ms() != 0:
            return
        startable = self._startable()
        chore = CHORES[min(startable, key=startable.__getitem__)]
        context = LongContext(self._services, None, self._post.post_events)
        context.reports_progress = False
        job = _ChoreJob(chore, context, self._post, self._end)
        if chore.every_ms is None:
            del self._due_ms[chore.name]
        else:
            self.schedule(chore.name, chore.every_ms)
        try:
            if chore.waits_for_none:
                self._workers.run_beside(job)
            else:
                self._running = job
                self._workers.submit(job)
        except (Maintenance, OutOfResources, Overloaded):
            self._end(job)
            self.schedule(chore.name, chore.retry_ms)

    def _end(self, job: _ChoreJob) -> None:
        """Note that the chore has ended; called in its worker thread."""
        if job is self._running:
            self._running = None

    def stop(self) -> None:
        """Start no further chore and cancel the one that runs, because the process is ending."""
        self._stopped = True
        if self._running is not None:
            self._running.cancel()

    def leave(self) -> None:
        """Have the end of the process wait no longer for a chore that has nothing to close."""
        running = self._running
        if running is not None and running.chore.is_left_at_end:
            self._workers.leave(running)
