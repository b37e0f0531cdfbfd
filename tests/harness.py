"""Calls methods of the catalog on a real store in this process, without lines and a loop.

`Bench` does what the loop does for a short method (lock, transaction, savepoint, COMMIT) and for a
long one (a `LongContext`, in this thread). It stores what is emitted, so that a test can check
events and audit entries. Params are JSON and are decoded by the method's own decoder.
"""

import importlib
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from msgspec import Raw

from sidecar import describe, files, limits
from sidecar.catalog import METHODS, Method
from sidecar.clock import Clock
from sidecar.context import Context, Emitted, LongContext, MethodLatency, Services
from sidecar.errors import SidecarError
from sidecar.notifications import AuditEvent, Notification, WorkflowsChanged
from sidecar.store import meta, open_close
from sidecar.store.audit.log import begin_chain
from sidecar.store.connection import Connection, Store
from sidecar.store.open_close import close_store, open_store
from sidecar.store.search import indexes
from sidecar.vault.crypto import Cost
from sidecar.vault.vault import Vault
from sidecar.wire.params import decode_params
from tests.described_errors import assert_described


class ManualClock:
    """A clock that a test sets; each reading of the wall clock advances it by `step_ms`."""

    def __init__(self, now_ms: int = 1_700_000_000_000, step_ms: int = 1) -> None:
        """Start at `now_ms`."""
        self.at_ms = now_ms
        self.step_ms = step_ms
        self.ids = 0

    def now_ms(self) -> int:
        """Return the time, one step later each time."""
        self.at_ms += self.step_ms
        return self.at_ms

    def monotonic_ms(self) -> float:
        """Return the time without advancing it."""
        return float(self.at_ms)

    def elapsed_ms(self) -> float:
        """Return the time without advancing it: this machine never sleeps."""
        return float(self.at_ms)

    def new_id(self) -> str:
        """Return made-1, made-2 and so on."""
        self.ids += 1
        return f"made-{self.ids}"

    def random_bytes(self, size_bytes: int) -> bytes:
        """Return zeros, because tests need no secrets."""
        return bytes(size_bytes)


def floor_vault() -> Vault:
    """Return a vault whose key derivation costs the least that the policy allows."""
    return Vault(cost=FLOOR)


FLOOR = Cost(limits.KDF_MEMORY_MIN_KIB, limits.KDF_PASSES_MIN, 1)


class NoSession:
    """A session that ignores what handlers ask of it."""

    def subscribe(self, actions: frozenset[str] | None, after: int | None) -> None:
        """Ignore it."""

    def unsubscribe(self) -> None:
        """Ignore it."""

    def stop(self, reason: str) -> None:
        """Ignore it."""

    def schedule(self, chore: str, delay_ms: int, *, at_latest: bool = False) -> None:
        """Ignore it: tests run chores themselves."""

    def latencies(self) -> list[MethodLatency]:
        """Return nothing."""
        return []

    def bursts_served(self) -> int:
        """Return none."""
        return 0

    def facts(self) -> dict[str, Any]:
        """Return nothing."""
        return {}


class Bench:
    """An open store, and the methods that can be called on it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Use `store`; the handlers must have been imported."""
        self.store = store
        self.clock = clock
        self.vault = floor_vault()
        self.context = Context(self.services)
        self.told: list[Notification] = []
        self.long: LongContext | None = None
        self.cancel_after_steps: int | None = None

    @property
    def services(self) -> Services:
        """Return what a context is made of; it has the clock that the bench has now."""
        return Services(self.store, self.clock, NoSession(), self.vault)

    def call(self, name: str, /, **params: object) -> dict[str, Any]:
        """Call a method with params as Python values; return its result as Python values."""
        return self.call_json(name, json.dumps(params, ensure_ascii=False).encode())

    def call_json(self, name: str, params: bytes) -> dict[str, Any]:
        """Call a method with params as JSON; return its result as Python values."""
        result: dict[str, Any] = msgspec.json.decode(self.call_raw(name, params))
        return result

    def call_raw(self, name: str, params: bytes) -> bytes:
        """Call a method with params as JSON; return its result as the JSON that would be sent."""
        method = METHODS[name]
        decoded = decode_params(method, Raw(params))
        try:
            if method.long:
                result = self._long(method, decoded)
            else:
                with self.request(method) as context:
                    result = method.function(context, decoded)
        except SidecarError as refusal:
            declared = describe.errors_of(method)
            assert type(refusal) in declared, f"{name} does not declare {refusal.slug}"
            assert_described(refusal.as_wire())
            raise
        return msgspec.json.encode(result)

    def refused(self, error: type[SidecarError], name: str, /, **params: object) -> dict[str, Any]:
        """Call a method that must raise this error; return the error's data."""
        text = json.dumps(params, ensure_ascii=False).encode()
        try:
            decode_params(METHODS[name], Raw(text))
            self.call_json(name, text)
        except SidecarError as refusal:
            assert refusal.code == error.code, refusal
            by_code = ("slug", "retryable")
            return {key: value for key, value in refusal.data.items() if key not in by_code}
        raise AssertionError(f"{name} was not refused")

    @contextmanager
    def request(self, method: Method) -> Iterator[Context]:
        """Do what a burst of one request does before and after its method."""
        context = self.context
        context.emitted, context.audit_seq = [], 0
        if method.access != "write":
            yield context
            return
        with self.store.lock, self.store.writing():
            try:
                with self.store.savepoint():
                    yield context
            except Exception:
                context.emitted = []
                raise
        self.tell(context.emitted)

    def _long(self, method: Method, params: Any) -> object:
        context = LongContext(self.services, 1, self._publish)
        self.long = context
        try:
            result: object = method.function(context, params)
            self.tell(context.take_emitted())
            return result
        finally:
            context.release_lock()

    def _publish(self, emitted: list[Emitted]) -> None:
        self.tell(emitted)
        if self.cancel_after_steps is not None and self.long is not None:
            self.cancel_after_steps -= 1
            if self.cancel_after_steps == 0:
                self.long.cancel_event.set()

    def tell(self, emitted: list[Emitted]) -> None:
        """Store what would be sent."""
        self.told += [event.params for event in emitted]

    def changes(self) -> list[tuple[str, int | None, str]]:
        """Return the workflows.changed events since the last call, as (id, revision, change)."""
        found: list[tuple[str, int | None, str]] = [
            (event.id, event.revision, event.change)
            for event in self.told
            if isinstance(event, WorkflowsChanged)
        ]
        self.told = [event for event in self.told if not isinstance(event, WorkflowsChanged)]
        return found

    def audited(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Return the audit events since the last call, as (action, resource, details)."""
        found: list[tuple[str, str, dict[str, Any]]] = [
            (event.action, event.resource, msgspec.json.decode(msgspec.json.encode(event.details)))
            for event in self.told
            if isinstance(event, AuditEvent)
        ]
        self.told = [event for event in self.told if not isinstance(event, AuditEvent)]
        return found

    def rows(self, sql: str, *values: str | int | bytes | None) -> list[tuple[Any, ...]]:
        """Return the rows of an SQL statement."""
        return list(self.store.db.execute(sql, values))


def index_all(db: Connection) -> None:
    """Bring the search indexes up to date, in the caller's transaction."""
    while indexes.index_some_headers(db) or indexes.index_some_texts(db):
        pass


_NEW_FILES: dict[tuple[int, int], tuple[bytes, int]] = {}
"""New files by the time and the step of the clock that they were made with, each with its time
afterwards."""


def _put_new_file(path: Path, clock: ManualClock) -> None:
    """Copy a new file to `path`: what would be made there, but that takes ten times as long."""
    began = (clock.at_ms, clock.step_ms)
    if began not in _NEW_FILES:
        with TemporaryDirectory() as folder:
            made = Path(folder, path.name)
            own = ManualClock(*began)
            open_close._create(made, own, None)
            with closing(Connection(str(made))) as db, db:  # as if it had been closed
                meta.write(db, meta.CLEAN_END, 1)
            _NEW_FILES[began] = (made.read_bytes(), own.at_ms)
    data, clock.at_ms = _NEW_FILES[began]
    path.parent.mkdir(files.FOLDER_MODE, parents=True, exist_ok=True)
    files.create_private(path)
    path.write_bytes(data)
    if any(clock.random_bytes(16)):  # two files must not have the same id and the same key
        with closing(Connection(str(path))) as db:
            db.pragma("synchronous", "OFF")
            with db:
                db.execute("DELETE FROM audit_state").fetchall()
                meta.write(db, meta.STORE_ID, clock.random_bytes(16))
                begin_chain(db, clock.random_bytes(32))


@contextmanager
def open_bench(folder: Path, clock: Clock | None = None) -> Iterator[Bench]:
    """Open a bench with a new database in `folder`; all handlers are imported."""
    importlib.import_module("sidecar.handlers.every")
    clock = clock or ManualClock()
    path = folder / "test.db"
    if isinstance(clock, ManualClock) and not clock.ids and not path.exists():
        _put_new_file(path, clock)
    opened = open_store(path, clock)
    try:
        yield Bench(opened.store, clock)
    finally:
        close_store(opened.store)
