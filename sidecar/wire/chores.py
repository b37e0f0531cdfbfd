"""When the process works for itself: packing, pruning, purging, in the pool of long methods.

Owns the times and that one chore runs at a time; what a chore does is its handler's. A chore
that fails is logged and comes again at its next time. With none due there is no timer.
"""

from collections.abc import Callable

from sidecar import limits, log, redaction
from sidecar.catalog import CHORES, Chore
from sidecar.context import LongContext, Services
from sidecar.errors import Cancelled, DatabaseDamaged, Maintenance
from sidecar.store.sqlite_errors import is_full, spoils_connection
from sidecar.wire.long_request import Post
from sidecar.wire.workers import Workers


class _ChoreJob:
    """One run of a chore in a worker."""

    def __init__(
        self, chore: Chore, context: LongContext, post: Post, ended: Callable[[], None]
    ) -> None:
        self._chore = chore
        self._context = context
        self._post = post
        self._ended = ended
        self.key = object()

    def run(self) -> None:
        """Do it; whatever happens, the lock is free afterwards."""
        context = self._context
        try:
            context.check_cancelled()
            self._chore.function(context)
        except Cancelled:
            pass
        except Maintenance:
            # Another file is being put in place; the chore comes as soon as that may be over.
            context.session.schedule(self._chore.name, limits.CHORES_FIRST_MS)
        except DatabaseDamaged:
            log.info("chore_left_out", chore=self._chore.name)  # nothing is written any more
        except Exception as fault:  # noqa: BLE001 - nobody waits for it who could be told
            log.error("chore_failed", chore=self._chore.name, kind=type(fault).__name__)
            context.store.disk_full |= is_full(fault)
            if spoils_connection(fault):
                context.store.reopen()
        else:
            self._post.post_events(context.take_emitted())
        finally:
            redaction.wipe_secrets()
            context.release_lock()
            self._ended()

    def cancel(self) -> None:
        """Stop at the next safe point."""
        self._context.cancel_event.set()


class Chores:
    """The times of all chores; used by the loop's thread, but `schedule` by any."""

    def __init__(self, services: Services, workers: Workers, post: Post) -> None:
        """Set every chore to its first time."""
        self._services = services
        self._workers = workers
        self._post = post
        self._running: _ChoreJob | None = None
        self._stopped = False
        now_ms = services.clock.monotonic_ms()
        self._due_ms = {chore.name: now_ms + chore.first_ms for chore in CHORES.values()}

    def schedule(self, name: str, delay_ms: int, *, at_latest: bool = False) -> None:
        """Run it so long from now; with `at_latest` an earlier time stays."""
        due_ms = self._services.clock.monotonic_ms() + delay_ms
        self._due_ms[name] = min(due_ms, self._due_ms.get(name, due_ms)) if at_latest else due_ms

    def timeout_ms(self) -> float | None:
        """How long the loop may sleep; None for ever, as while one runs, whose end wakes it."""
        if self._stopped or self._running is not None or not self._due_ms:
            return None
        return max(0.0, min(self._due_ms.values()) - self._services.clock.monotonic_ms())

    def start_due(self) -> None:
        """Start what is due most."""
        if self.timeout_ms() != 0:
            return
        name = min(self._due_ms, key=self._due_ms.__getitem__)
        chore = CHORES[name]
        context = LongContext(self._services, None, self._post.post_events)
        context.reports_progress = False
        job = _ChoreJob(chore, context, self._post, self._end)
        if chore.every_ms is None:
            del self._due_ms[name]
        else:
            self.schedule(name, chore.every_ms)
        self._running = job
        if not self._workers.submit(job):
            self._running = None
            self.schedule(name, chore.first_ms)

    def _end(self) -> None:
        self._running = None

    def stop(self) -> None:
        """Start no more, and end the one that runs: the process is ending."""
        self._stopped = True
        if self._running is not None:
            self._running.cancel()
