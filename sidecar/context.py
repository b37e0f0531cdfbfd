"""The contexts that handlers are called with: the services, and the audit log and events.

A context is all that a handler knows of the process: it never sees a line, a queue or a thread.
It calls `audit` and `emit`; what it emits is sent only after the COMMIT of its transaction.

Short methods run on the loop's thread inside the transaction of a burst (the requests that are
committed together) and use `db`. Long methods run in a worker thread: they read through
`reading()` and write in short transactions through `writing()`.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from sidecar import limits
from sidecar.bodies import depth
from sidecar.clock import Clock
from sidecar.errors import Cancelled, InvalidParams, Outcome
from sidecar.notifications import AuditEvent, Notification, Progress
from sidecar.redaction import redact_all
from sidecar.store.audit.log import Sealer, add_checkpoint, append_entry, chain_head, newest_marks
from sidecar.store.connection import Connection, Store
from sidecar.store.interrupt import interruptible
from sidecar.store.vault_marks import marks_after_write, read_marks
from sidecar.vault.crypto import NONCE_BYTES
from sidecar.vault.keys import Keys
from sidecar.vault.vault import Vault
from sidecar.vocabularies import AuditAction, ClosingReason, ProgressPhase, ProgressUnit

Mended = Literal["repaired", "dropped"]


class Emitted(msgspec.Struct, frozen=True):
    """A notification that a handler emitted."""

    params: Notification
    seq: int
    """Number of the audit entry it belongs to; where it is dropped the reader resumes before it."""


class MethodLatency(NamedTuple):
    """The calls of one method, those that failed, and how long calls took."""

    method: str
    calls: int
    errors: int
    p50_us: int
    p99_us: int


class Session(Protocol):
    """The functions of the serving process that a handler may call."""

    def subscribe(self, actions: frozenset[str] | None, after: int | None) -> None:
        """Send audit events of these actions from now on, after those since entry `after`."""

    def unsubscribe(self) -> None:
        """Send no more audit and change events."""

    def stop(self, reason: ClosingReason) -> None:
        """End the process when the accepted requests are answered."""

    def schedule(self, chore: str, delay_ms: int, *, at_latest: bool = False) -> None:
        """Set the next run of a chore to `delay_ms` from now.

        With `at_latest` an earlier time that is already set stays.
        """

    def latencies(self) -> list[MethodLatency]:
        """Return the calls, errors and latencies of every method called so far, by name."""

    def bursts_served(self) -> int:
        """Return how many bursts of requests were begun so far; any thread may ask."""

    def facts(self) -> dict[str, Any]:
        """Return pid, started_at and the database's path, for system.info and system.stats."""


class Services(msgspec.Struct, frozen=True):
    """What every request needs: the open store, the clock, the process and its vault of keys."""

    store: Store
    clock: Clock
    session: Session
    vault: Vault
    run_starts_ms: dict[tuple[str, int], float] = msgspec.field(default_factory=dict)
    """Monotonic start of every run that this process started, by its id and the time of its start:
    a restore can bring another run with the same id."""


class Context:
    """The context of short methods; the loop uses one for all of them in turn."""

    def __init__(self, services: Services) -> None:
        """Bind the context to the services of the process."""
        self.store = services.store
        self.clock = services.clock
        self.session = services.session
        self.vault = services.vault
        self.run_starts_ms = services.run_starts_ms
        self.emitted: list[Emitted] = []
        self.audit_seq = 0
        self.line_is_deep = False
        """Whether the line of the request nests deeper than a value that is stored may."""
        self.mended: Mapping[str, Mended] = {}
        """What was done to the params of this request that were not JSON, by their names."""

    def refuse_deep(self, value: bytes, path: str) -> None:
        """Refuse a JSON value, at `path` of the request, that nests deeper than one stored may.

        Only the value counts, not the envelope, so that every method and a batch take the same. Its
        brackets are counted only when the line as a whole nests that deep, which is seldom.

        Raises:
            InvalidParams: it nests deeper than `limits.DEPTH_MAX`.
        """
        if self.line_is_deep and depth.exceeds(value):
            raise InvalidParams(
                "The value nests deeper than allowed.", path=path, limit=limits.DEPTH_MAX
            )

    @property
    def db(self) -> Connection:
        """Return the shared connection, for short methods."""
        return self.store.db

    def head_seq(self) -> int:
        """Return the number of the newest audit entry; called within a transaction."""
        store = self.store
        if store.head_seq is None:
            store.head_seq = chain_head(store.db).seq
        return store.head_seq

    def emit(self, params: Notification, *, seq: int | None = None) -> None:
        """Send a notification when the transaction of this request is committed.

        `seq` is the audit entry before which a reader that missed the notification resumes; absent:
        the newest entry of this request.
        """
        self.emitted.append(Emitted(params, self.audit_seq if seq is None else seq))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what the block wrote, emitted and logged when it raises, and nothing before it."""
        events, audit_seq = len(self.emitted), self.audit_seq
        try:
            with self.store.savepoint():
                yield
        except BaseException:
            del self.emitted[events:]
            self.audit_seq = audit_seq
            raise

    def audit(self, action: AuditAction, resource: str, **details: Any) -> None:
        """Write an audit entry in the transaction of the act; its event is sent after the COMMIT.

        `details` are ids, revisions and counts, never names or values. An act does not happen
        when its entry cannot be written: the exception undoes both.
        """
        self.audit_in(self.store.db, action, resource, **details)
        self.store.head_seq = self.audit_seq
        if self.audit_seq % limits.CHECKPOINT_ENTRIES == 0:
            self.checkpoint_chain()

    def audit_in(self, db: Connection, action: AuditAction, resource: str, **details: Any) -> None:
        """Write an audit entry as `audit` does, in a database that is not the one served."""
        if any(not isinstance(value, int) for value in details.values()):
            # Before they are encoded: a passphrase can equal a piece of the JSON around it.
            details = redact_all(details)
        text = msgspec.json.encode(details).decode() if details else "{}"
        entry = append_entry(db, self.clock.now_ms(), action, resource, text)
        self.audit_seq = entry.seq
        self.emit(AuditEvent(*entry.members()))

    def checkpoint_chain(self, written: Literal["rows", "slots"] | None = None) -> None:
        """Seal the newest code of the audit chain and continue with a new key, when unlocked.

        `written` says what of the vault this transaction has written, which is sealed with it.
        """
        keys = self.vault.keys
        if keys is None or self.vault.ephemeral:
            return
        db = self.store.db
        vault = newest_marks(db, keys.open_for_audit)
        if vault is None or written == "slots":
            vault = read_marks(db)
        elif written == "rows":
            vault = marks_after_write(db, vault)
        add_checkpoint(db, self.chain_sealer(keys), self.clock.random_bytes(32), vault)

    def chain_sealer(self, keys: Keys) -> Sealer:
        """Return the function that seals parts of the audit chain under a root key."""

        def seal(purpose: str, seq: int, payload: bytes) -> bytes:
            nonce = self.clock.random_bytes(NONCE_BYTES)
            return keys.seal_for_audit(purpose, seq, payload, nonce)

        return seal


class LongContext(Context):
    """The context of one long method or of one run of a chore, in its worker thread."""

    def __init__(
        self,
        services: Services,
        request_id: int | str | None,
        publish: Callable[[list[Emitted]], None],
    ) -> None:
        """Bind the context to one request; `publish` hands notifications to the loop."""
        super().__init__(services)
        self.request_id = request_id
        self.cancel_event = threading.Event()
        self.outcome: Outcome = "not_applied"
        self.reports_progress = True
        """False for a chore: no client waits for it."""
        self.frees_space = True
        """Whether it may write into the reserve for a full disk; true of most chores."""
        self.pausing: Callable[[], AbstractContextManager[None]] = nullcontext
        """For a block that waits for a person: other long methods run as if this one did not."""
        self._publish = publish
        self._is_past_cancel = False
        self._holds_lock = False
        self._progress_at_ms = 0.0
        self._progress_done = 0
        self._progress_total = 0
        """The total at the highest share of the work that was reported; 0 before any."""
        self._done_before = self._left_after = 0
        self._last_progress: Progress | None = None

    def check_cancelled(self) -> None:
        """Raise when the request was cancelled; called where the method can stop safely.

        Raises:
            Cancelled: `$/cancelRequest` named this request, or the process is ending.
        """
        if self.cancel_event.is_set() and not self._is_past_cancel:
            raise Cancelled

    def pass_cancel(self) -> None:
        """Go on to the end from here: a cancel, before or after this, has no effect any more.

        For what must happen whoever cancels: a passphrase that was tried is counted and logged.
        """
        self._is_past_cancel = True

    @contextmanager
    def reading(self, *, snapshot: bool = False, cancellable: bool = False) -> Iterator[Connection]:
        """Open a read-only connection for this method; with `snapshot` all reads see one state.

        With `cancellable` a cancel interrupts a statement that is running.
        """
        is_cancelled = self.cancel_event.is_set if cancellable else None
        with self.store.reader(snapshot=snapshot) as db, interruptible(db, is_cancelled):
            yield db

    @contextmanager
    def writing(self, *, last: bool = False) -> Iterator[Connection]:
        """Open a transaction on the shared connection, for at most 20 ms of work.

        What was emitted is sent after its COMMIT. With `last` the store's lock is held until the
        answer is queued, so that the events of the last transaction follow the answer.
        """
        self.check_cancelled()
        self.store.yield_to_requests()
        if self.store.wal_pages >= limits.WAL_PAUSE_PAGES:
            # Requests run between this and the step: one waits for one of the two, not for both.
            self.store.checkpoint_beyond(limits.WAL_PAUSE_PAGES)
            self.store.yield_to_requests()
        self.store.lock.acquire()
        try:
            self.store.make_room(frees_space=self.frees_space)
            with self.store.writing() as db:
                before = db.total_changes()
                yield db
                if db.total_changes() != before:
                    # Whatever fails after this COMMIT, the method has had an effect.
                    self.outcome = "unknown"
            if last:
                self._holds_lock = True
            else:
                self._publish(self.take_emitted())
        except BaseException:
            self.emitted.clear()
            raise
        finally:
            if not self._holds_lock:
                self.store.lock.release()

    def in_steps(
        self, step: Callable[[Connection], int], report: Callable[[int], None] | None = None
    ) -> None:
        """Call `step`, each time in a short write transaction of its own, until it returns 0.

        `report` is called after each transaction with the sum of what `step` has returned.
        """
        done, last = 0, 1
        while last:
            with self.writing() as db:
                last = step(db)
            done += last
            if report is not None:
                report(done)

    def hold_lock_until_answered(self) -> None:
        """Hold the store's lock, which the caller has, until the answer is queued."""
        self.store.lock.acquire()
        self._holds_lock = True

    def take_emitted(self) -> list[Emitted]:
        """Return what was emitted, and empty the list."""
        emitted, self.emitted = self.emitted, []
        return emitted

    def release_lock(self) -> None:
        """Release the lock where `writing(last=True)` or `hold_lock_until_answered` holds it."""
        if self._holds_lock:
            self._holds_lock = False
            self.store.lock.release()

    def progress(
        self, phase: ProgressPhase, done: int, total: int | None, unit: ProgressUnit
    ) -> None:
        """Send how far the method is, at most 20 times a second.

        Neither `done` nor its share of `total` ever falls, whatever a later phase estimates.
        """
        if not self.reports_progress:
            return
        done = max(self._progress_done, done + self._done_before)
        if total is not None:
            total += self._done_before + self._left_after
            if self._progress_total:
                share = (self._progress_done, self._progress_total)
                done = max(done, -(-share[0] * total // share[1]))
            total = self._progress_total = max(total, done)
        self._progress_done = done
        self._last_progress = Progress(self.request_id, phase, done, total, unit)
        now = self.clock.monotonic_ms()
        if now - self._progress_at_ms >= limits.PROGRESS_MIN_INTERVAL_MS:
            self._progress_at_ms = now
            self._publish([Emitted(self._last_progress, 0)])
            self._last_progress = None

    @contextmanager
    def part_of_progress(self, *, before: int = 0, after: int = 0) -> Iterator[None]:
        """Report what the block does as a part of the work, between units of other parts."""
        self._done_before, self._left_after = before, after
        try:
            yield
        finally:
            self._done_before = self._left_after = 0

    def emit_at_once(self, params: Notification) -> None:
        """Send a notification of what has happened outside any transaction."""
        self._publish([Emitted(params, 0)])

    def send_last_progress(self) -> None:
        """Send the newest progress if the rate limit has delayed it."""
        if self._last_progress is not None:
            self._publish([Emitted(self._last_progress, 0)])
            self._last_progress = None
