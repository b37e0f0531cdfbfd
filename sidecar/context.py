"""What a handler is given: the store, the clock, and ways to tell the world.

Sits between the handlers and the loop. A handler never sees a line, a queue or a thread; it
calls `audit` and `emit`, and what it emitted leaves only after the COMMIT of its transaction.

Short methods run on the loop's thread inside the burst's transaction and use `db`. Long methods
run in a worker: they read through `reading()` and write in short steps through `writing()`.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import msgspec

from sidecar import limits
from sidecar.clock import Clock
from sidecar.errors import Cancelled, Outcome
from sidecar.notifications import AuditEvent, Notification, Progress
from sidecar.redaction import redact, redact_all
from sidecar.store import audit, secrets
from sidecar.store.audit.log import Sealer
from sidecar.store.connection import Connection, Store
from sidecar.store.interrupt import interruptible
from sidecar.values import stored_json
from sidecar.vault.crypto import NONCE_BYTES
from sidecar.vault.keys import Keys
from sidecar.vault.vault import Vault, VaultState


class Emitted(NamedTuple):
    """A notification on its way out, with the audit number a reader resumes after if it is lost."""

    params: Notification
    seq: int


class MethodLatency(NamedTuple):
    """How often a method was called and how long it took."""

    method: str
    calls: int
    errors: int
    p50_us: int
    p99_us: int


class Session(Protocol):
    """What handlers may ask of the process that serves them."""

    def subscribe(self, actions: frozenset[str] | None, after: int | None) -> None:
        """Send audit events of these actions from now on, replaying those after `after` first."""

    def unsubscribe(self) -> None:
        """Send no more audit and change events."""

    def stop(self, reason: str) -> None:
        """End the process once what was accepted is answered."""

    def schedule(self, chore: str, delay_ms: int, *, at_latest: bool = False) -> None:
        """Run a chore so long from now, and not when it was to run before; or at latest then."""

    def latencies(self) -> list[MethodLatency]:
        """Calls, errors and latencies of every method called so far, by name."""

    def facts(self) -> dict[str, Any]:
        """pid, started_at and other facts of the process for system.info and system.stats."""


def secret_state(db: Connection, vault: Vault) -> VaultState:
    """How the secrets stand: what `system.ready`, `system.info` and `secrets.status` tell."""
    if vault.ephemeral:
        return "ephemeral"
    if vault.keys is not None:
        return "unlocked"
    return "locked" if secrets.is_initialized(db) else "uninitialized"


class Services(msgspec.Struct, frozen=True):
    """The open store, the clock, the serving process and its vault: what every request needs."""

    store: Store
    clock: Clock
    session: Session
    vault: Vault


class Context:
    """What a short method is given. The loop uses one context for all short requests in turn."""

    def __init__(self, services: Services) -> None:
        """Bind to the services of the process."""
        self.store = services.store
        self.clock = services.clock
        self.session = services.session
        self.vault = services.vault
        self.emitted: list[Emitted] = []
        self.audit_seq = 0

    @property
    def db(self) -> Connection:
        """The shared connection, inside the burst; for short methods."""
        return self.store.db

    def emit(self, params: Notification) -> None:
        """Send a notification once this request's transaction is committed."""
        self.emitted.append(Emitted(params, self.audit_seq))

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

    def audit(self, action: str, resource: str, **details: Any) -> None:
        """Write an audit entry in the act's own transaction, and tell it after COMMIT.

        `details` hold ids, revisions and counts, never titles or values. An act whose entry
        cannot be written does not happen: the exception undoes both.
        """
        self.audit_in(self.store.db, action, resource, **details)

    def audit_in(self, db: Connection, action: str, resource: str, **details: Any) -> None:
        """The same for an act in another file than the one that is served."""
        if any(not isinstance(value, int) for value in details.values()):
            # Before they are JSON: a passphrase may be what stands between two quotes.
            details = redact_all(details)
        text = msgspec.json.encode(details).decode() if details else "{}"
        entry = audit.append(db, self.clock.now_ms(), action, resource, text)
        self.audit_seq = entry.seq
        if entry.seq % limits.CHECKPOINT_ENTRIES == 0 and db is self.store.db:
            self.checkpoint_chain()
        self.emit(
            AuditEvent(entry.seq, action, resource, entry.at, stored_json(text), entry.mac.hex())
        )

    def checkpoint_chain(self) -> None:
        """Seal the chain's newest code and go on with a fresh key, if there is a root key."""
        keys = self.vault.keys
        if keys is not None and not self.vault.ephemeral:
            audit.checkpoint(self.store.db, self.chain_sealer(keys), self.clock.random_bytes(32))

    def chain_sealer(self, keys: Keys) -> Sealer:
        """What puts parts of the audit chain under a root key."""

        def seal(purpose: str, seq: int, payload: bytes) -> bytes:
            nonce = self.clock.random_bytes(NONCE_BYTES)
            return keys.seal_for_audit(purpose, seq, payload, nonce)

        return seal


class LongContext(Context):
    """What a long method is given, in its worker."""

    def __init__(
        self,
        services: Services,
        request_id: int | str | None,
        publish: Callable[[list[Emitted]], None],
    ) -> None:
        """Bind to one request; `publish` hands notifications to the loop."""
        super().__init__(services)
        self.request_id = request_id
        self.cancel_event = threading.Event()
        self.outcome: Outcome = "not_applied"
        self.quiet = False
        """Nobody waits for it: its progress is told to nobody."""
        self.frees_space = True
        """What it writes makes room; so do most chores."""
        self._publish = publish
        self._lock_kept = False
        self._progress_at_ms = 0.0
        self._progress_done = 0
        self._last_progress: Progress | None = None

    def check_cancelled(self) -> None:
        """Stop here if the request was cancelled; call it where stopping is safe.

        Raises:
            Cancelled: `$/cancelRequest` named this request, or the process is ending.
        """
        if self.cancel_event.is_set():
            raise Cancelled

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
        """One short transaction on the shared connection: at most 20 ms of work.

        What was emitted leaves at its COMMIT. With `last` the lock is kept until the answer is
        queued, so that the events of the final step follow the answer.
        """
        self.check_cancelled()
        self.store.let_requests_go_first()
        if self.store.wal_pages >= limits.WAL_PAUSE_PAGES:
            # Not right after a step: a request shall wait for one of the two, never for both.
            self.store.relieve_wal(limits.WAL_PAUSE_PAGES)
            self.store.let_requests_go_first()
        self.store.lock.acquire()
        try:
            self.store.make_room(frees_space=self.frees_space)
            with self.store.writing() as db:
                before = db.total_changes()
                yield db
                if db.total_changes() != before:
                    # From this COMMIT on, whatever fails, something may have been done.
                    self.outcome = "unknown"
            if last:
                self._lock_kept = True
            else:
                self._publish(self.take_emitted())
        except BaseException:
            self.emitted.clear()
            raise
        finally:
            if not self._lock_kept:
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

    def keep_lock(self) -> None:
        """Hold the lock, which the caller has, until the answer is queued, as `last` does."""
        self.store.lock.acquire()
        self._lock_kept = True

    def take_emitted(self) -> list[Emitted]:
        """Hand over what was emitted and start afresh."""
        emitted, self.emitted = self.emitted, []
        return emitted

    def release_lock(self) -> None:
        """Give back the lock that `writing(last=True)` kept."""
        if self._lock_kept:
            self._lock_kept = False
            self.store.lock.release()

    def progress(self, phase: str, done: int, total: int | None, unit: str) -> None:
        """Tell how far the method is; never falls, at most 20 a second."""
        if self.quiet:
            return
        self._progress_done = max(self._progress_done, done)
        self._last_progress = Progress(
            self.request_id, redact(phase), self._progress_done, total, unit
        )
        now = self.clock.monotonic_ms()
        if now - self._progress_at_ms >= limits.PROGRESS_MIN_INTERVAL_MS:
            self._progress_at_ms = now
            self._publish([Emitted(self._last_progress, 0)])
            self._last_progress = None

    def last_progress(self) -> None:
        """Send the progress that the rate limit held back, as the last one."""
        if self._last_progress is not None:
            self._publish([Emitted(self._last_progress, 0)])
            self._last_progress = None
