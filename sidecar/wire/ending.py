"""The end of a conversation: for how long what was delivered is still read, run and answered.

While the client can read, every line that it has delivered is served and its answer written,
however slowly it reads: the limits are a time without progress and a time in all. When the client
has closed stdout, or the parent process has died, the rest of the input is read, and only what
changes the database runs. The end counts what it could not run or deliver. A line is cut only
where the reader stopped reading within it.
"""

from sidecar import limits, log
from sidecar.clock import Clock, Countdown
from sidecar.context import Context, Services
from sidecar.errors import ExitCode, RecoveryRequired
from sidecar.vocabularies import ClosingReason
from sidecar.wire.events import EventStream


class Ending:
    """The limits and the counts of one end; used by the loop's thread."""

    def __init__(self, clock: Clock, reason: ClosingReason) -> None:
        """Start the limits."""
        self.reason = reason
        self.is_without_client = False
        """Whether the client has closed stdout or has died."""
        self.is_announced = False
        """Whether `system.closing` is queued: nothing follows it."""
        self.requests_not_run = 0
        self.answers_not_delivered = 0
        self._clock = clock
        self._cancel = Countdown(clock, limits.DRAIN_CANCEL_MS)
        self._has_cancelled = False
        self._total = Countdown(clock, limits.END_LIMIT_MS)
        self._stall = Countdown(clock, limits.END_STALL_MS)
        self._quiet = Countdown(clock, limits.END_QUIET_MS)
        self._reads_until_quiet = False
        self._has_given_up = False
        self._progress: object = None

    def go_on_without_client(self) -> None:
        """Note that the client has closed stdout or has died: other limits start now."""
        if not self.is_without_client:
            self.is_without_client = True
            self._total = Countdown(self._clock, limits.END_WITHOUT_CLIENT_MS)
            self.read_until_quiet()

    def read_until_quiet(self) -> None:
        """Read on until none has come for a time, because no earlier moment shows that all has."""
        self._reads_until_quiet = True
        self._quiet = Countdown(self._clock, limits.END_QUIET_MS)

    def note_read(self) -> None:
        """Note that input was read."""
        self._quiet = Countdown(self._clock, limits.END_QUIET_MS)

    def note_progress(self, progress: object) -> None:
        """Note how far the end is: a value that differs from the last one is progress."""
        if progress != self._progress:
            self._progress = progress
            self._stall = Countdown(self._clock, limits.END_STALL_MS)

    def input_is_quiet(self) -> bool:
        """Return whether no more input is waited for, see `read_until_quiet`."""
        return self._reads_until_quiet and self._quiet.left_ms() <= 0

    def cancel_is_due(self) -> bool:
        """Return, once, whether long requests are to be cancelled so that they are answered."""
        if self.is_without_client or self._has_cancelled or self._cancel.left_ms() > 0:
            return False
        self._has_cancelled = True
        self._cancel.extend(limits.DRAIN_LIMIT_MS - limits.DRAIN_CANCEL_MS)
        return True

    def workers_are_late(self) -> bool:
        """Return whether long requests have not stopped in time after they were cancelled."""
        return self._has_cancelled and self._cancel.left_ms() <= 0

    def is_over(self) -> bool:
        """Return whether a limit has passed; after `give_up` that is the last one."""
        stalled = self._stall.left_ms() <= 0
        return self._total.left_ms() <= 0 or (stalled and not self.is_without_client)

    def give_up(self, requests: int, answers: int) -> bool:
        """Count what is given up; return whether there is time to complete what has begun.

        That is the line of which the reader has a part, or the job that was just cancelled.
        """
        if self._has_given_up:
            return False
        self._has_given_up = True
        self.requests_not_run += requests
        self.answers_not_delivered += answers
        if self._stall.left_ms() <= 0 and not self.is_without_client:
            return False
        grace_ms = limits.DRAIN_LIMIT_MS - limits.DRAIN_CANCEL_MS
        self._total.extend(grace_ms if self.is_without_client else limits.END_STALL_MS)
        return True

    def wait_ms(self) -> float:
        """Return how long the loop may wait before it looks at the limits again."""
        return self._total.wait_ms()

    def exit_code(self) -> ExitCode:
        """Return the exit code; log what was not run and not delivered, if anything."""
        if not (self.requests_not_run or self.answers_not_delivered):
            return ExitCode.OK
        log.error(
            "undelivered",
            reason=self.reason,
            requests_not_run=self.requests_not_run,
            answers_not_delivered=self.answers_not_delivered,
            exit_code=int(ExitCode.UNDELIVERED),
        )
        return ExitCode.UNDELIVERED


def lock_vault(services: Services, reason: str, events: EventStream) -> None:
    """Lock the secrets, so that no key stays in memory, and write the audit entry of it."""
    context = Context(services)
    if services.store.reads_only:
        services.vault.lock()
        return
    try:
        from sidecar.secrets import log_refusals, state  # noqa: PLC0415 - only the end needs it

        with services.store.lock, services.store.writing():
            log_refusals.write_counts(context)
            state.lock(context, "end", by=reason)
    except RecoveryRequired:
        pass  # nothing is unlocked in a rescue, and there is no log
    except Exception as fault:  # noqa: BLE001 - a full disk must not prevent the end
        log.error("lock_not_audited", kind=type(fault).__name__)
    else:
        for emitted in context.emitted:
            events.push(emitted)
    finally:
        services.vault.lock()
