"""A loop in this process: tests send and receive lines; its real store can be made to fail."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar

import apsw
import msgspec
import pytest
from msgspec import Meta

import sidecar.handlers.every  # noqa: F401 - importing it fills the catalog
from sidecar import limits
from sidecar.catalog import METHODS, Access, Method, Params, Result
from sidecar.clock import Clock
from sidecar.context import Context, LongContext
from sidecar.errors import Conflict
from sidecar.store.connection import Store
from sidecar.store.open_close import open_store
from sidecar.wire.loop import Loop
from sidecar.wire.parent import Parent
from sidecar.wire.stdio import Ready
from tests.harness import floor_vault
from tests.store.still_clock import SteadyClock

SENTINEL = "hunter2-sentinel"
"""A word in the texts of exceptions that must never be sent."""

LONG_S = 60.0
"""The bound of a long method, which a busy machine must not reach."""

limits.BURST_MAX_MS = 60_000  # type: ignore[misc]  # else a busy machine divides a burst, which a test did not send


class StillChannel:
    """A channel without input that accepts all output, or none while it is stuck."""

    READS_IN_THREAD: ClassVar = False

    def __init__(self) -> None:
        self.received = bytearray()
        self.stuck = False
        self.followed = False
        """Whether the client sends its next request right after each answer."""

    def wait(self, _timeout_ms: float | None, *, want_input: bool, want_output: bool) -> Ready:  # noqa: ARG002 - a Channel's
        """Return at once."""
        return Ready(readable=False, output_closed=False)

    def lingers(self) -> bool:
        """Return what the test says."""
        return self.followed

    def read(self, _room: memoryview) -> int | None:
        """Read nothing."""
        return 0

    def write(self, buffers: list[bytes | memoryview]) -> int:
        """Accept all output, or nothing."""
        if self.stuck:
            return 0
        data = b"".join(buffers)
        self.received += data
        return len(data)

    def unwritten_bytes(self) -> int:
        """Return 0: the test has all output."""
        return 0

    def abandon_output(self) -> int:
        """Return 0: the test has all output."""
        return 0

    def wake(self) -> None:
        """Do nothing: the test drives the loop."""

    def watch_end(self, _ended: Callable[[], None]) -> int | None:
        """Return None: the input never ends."""
        return None

    def close(self) -> None:
        """Do nothing."""


class Served:
    """A loop with a store, driven by the test."""

    def __init__(self, store: Store, clock: Clock, *, events: bool = True) -> None:
        self.store = store
        self.channel = StillChannel()
        self.loop = Loop(
            self.channel, store, clock, floor_vault(), parent=Parent(1, 1), events=events
        )

    def send(self, *messages: Any) -> list[Any]:
        """Serve messages that arrive at the same time; return what was sent since the last call."""
        for message in messages:
            line = message if isinstance(message, bytes) else json.dumps(message).encode()
            if not self.loop._handle_control(line):
                self.loop._backlog.append(line)
        while self.loop._backlog and self.loop._may_start():
            self.loop._serve_burst()
            self.loop._flush()
        self.finish_long()
        return self.told()

    def finish_long(self) -> None:
        """Wait until the workers have ended: what they answer belongs to this call."""
        deadline = time.monotonic() + LONG_S
        while len(self.loop._workers):
            assert time.monotonic() < deadline, "a long method does not end"
            time.sleep(0.001)
        self.loop._take_posted()

    def told(self) -> list[Any]:
        """Let the loop write everything, a whole replay too, and return it."""
        self.loop._flush()
        while self.loop._events.wants_replay and not self.channel.stuck:
            self.loop._flush()
        lines = bytes(self.channel.received).splitlines()
        self.channel.received.clear()
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """Close the store and the pipe of the watchdog."""
        for descriptor in (self.loop._watchdog._reader, self.loop._watchdog._writer):
            os.close(descriptor)
        self.store.close()


def call(request_id: int | str | None, method: str, **params: Any) -> dict[str, Any]:
    """Return a request."""
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}


def answers(told: list[Any]) -> list[Any]:
    """Return the answers."""
    return [each for each in told if isinstance(each, list) or "id" in each]


def notifications(told: list[Any]) -> list[Any]:
    """Return the notifications."""
    return [each for each in told if isinstance(each, dict) and "id" not in each]


# --- a store that can fail ----------------------------------------------------------------


class FaultyFile(apsw.VFSFile):
    """A file whose reads, writes and syncs fail when its VFS is armed."""

    def __init__(self, vfs: "FaultyVFS", name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._vfs = vfs

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - APSW's name
        """Read, or fail."""
        self._vfs.check("read")
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - APSW's name
        """Write, or fail."""
        self._vfs.check("write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 - APSW's name
        """Sync, or fail."""
        self._vfs.check("sync")
        super().xSync(flags)
        self._vfs.synced += 1


class FaultyVFS(apsw.VFS):
    """The files of the system, which fail when they are armed."""

    def __init__(self, name: str) -> None:
        self.armed: dict[str, type[apsw.Error]] = {}
        self.opened = 0
        self.synced = 0
        super().__init__(name, "")

    def check(self, what: str) -> None:
        """Raise once if armed for this operation."""
        kind = self.armed.pop(what, None)
        if kind is not None:
            raise kind(SENTINEL)

    def xOpen(self, name: Any, flags: list[int]) -> FaultyFile:  # noqa: N802 - APSW's name
        """Open a file that can fail."""
        self.opened += 1
        return FaultyFile(self, name, flags)


@contextmanager
def serving(
    path: Path, *, vfs: str | None = None, clock: Clock | None = None, events: bool = True
) -> Iterator[Served]:
    """Open a loop on a new or existing database."""
    clock = clock or SteadyClock()
    served = Served(open_store(path, clock, vfs=vfs).store, clock, events=events)
    try:
        yield served
    finally:
        served.close()


def outcomes(told: list[dict[str, dict[str, dict[str, str]]]]) -> list[tuple[str, str | None]]:
    """Return the slug and the outcome of each error, or ok."""
    return [
        (each["error"]["data"]["slug"], each["error"]["data"].get("outcome"))
        if "error" in each
        else ("ok", None)
        for each in answers(told)
    ]


def entries(served: Served) -> list[str]:
    """Return the resources of the audit entries that another connection sees."""
    db = apsw.Connection(str(served.store.path), flags=apsw.SQLITE_OPEN_READONLY)
    found = [row[0] for row in db.execute("SELECT resource FROM access_log ORDER BY seq")]
    db.close()
    return found


# --- methods for tests --------------------------------------------------------------------


class TrialWriteParams(Params, frozen=True):
    """The resource of the audit entry."""

    key: Annotated[str, Meta(max_length=50)]


class TrialResult(Result, frozen=True):
    """How many audit entries there are."""

    entries: int


def _entries(db: apsw.Connection) -> int:
    row = db.execute("SELECT count(*) FROM access_log").fetchone()
    assert row is not None
    return int(row[0])


def other(name: str) -> Any:
    """Return a name that is in no vocabulary, for an act that only tests have."""
    return name


def write(ctx: Context, params: TrialWriteParams) -> TrialResult:
    """Write one audit entry."""
    ctx.audit(other("trial.written"), params.key)
    return TrialResult(_entries(ctx.db))


def refuse(ctx: Context, params: TrialWriteParams) -> TrialResult:
    """Write one audit entry, then raise an error."""
    ctx.audit(other("trial.refused"), params.key)
    raise Conflict(revision=3)


def crash(ctx: Context, params: TrialWriteParams) -> TrialResult:
    """Write one audit entry, then raise an unknown exception."""
    ctx.audit(other("trial.crashed"), params.key)
    raise RuntimeError(SENTINEL + params.key)


def read(ctx: Context, params: TrialWriteParams) -> TrialResult:  # noqa: ARG001 - a handler's shape
    """Return the number of audit entries."""
    return TrialResult(_entries(ctx.db))


def flood(ctx: Context, params: TrialWriteParams) -> TrialResult:
    """Write more than the page cache holds, so that SQLite writes before the COMMIT."""
    ctx.db.execute("PRAGMA cache_size = 5").fetchall()
    for number in range(50):
        ctx.db.execute(
            "INSERT INTO meta (key, value) VALUES (?, ?)", (f"{params.key}{number}", b"x" * 9000)
        )
    return TrialResult(_entries(ctx.db))


def think(ctx: LongContext, params: TrialWriteParams) -> TrialResult:
    """Read and write in steps, as long methods do."""
    ctx.progress(other("read"), 0, 2, other("steps"))
    with ctx.reading() as db:
        _entries(db)
    with ctx.writing():
        ctx.audit(other("trial.step"), params.key)
    ctx.progress(other("write"), 1, 2, other("steps"))
    with ctx.writing(last=True) as db:
        ctx.audit(other("trial.last"), params.key)
        entries = _entries(db)
    return TrialResult(entries)


def wait_long(ctx: LongContext, params: TrialWriteParams) -> TrialResult:  # noqa: ARG001 - a handler's shape
    """Wait until cancelled."""
    ctx.cancel_event.wait(60)
    ctx.check_cancelled()
    return TrialResult(0)


def crash_long(ctx: LongContext, params: TrialWriteParams) -> TrialResult:
    """Write in one transaction, then raise an unknown exception in the next."""
    with ctx.writing():
        ctx.audit(other("trial.step"), params.key)
    with ctx.writing():
        ctx.audit(other("trial.undone"), params.key)
        raise RuntimeError(SENTINEL)


def give_up(ctx: Context, params: TrialWriteParams) -> TrialResult:  # noqa: ARG001 - a handler's shape
    """Raise a RecursionError."""
    raise RecursionError(SENTINEL)


TRIALS: dict[str, tuple[Callable[..., Any], Access, bool]] = {
    "trial.write": (write, "write", False),
    "trial.refuse": (refuse, "write", False),
    "trial.crash": (crash, "write", False),
    "trial.flood": (flood, "write", False),
    "trial.read": (read, "read", False),
    "trial.give_up": (give_up, "none", False),
    "trial.think": (think, "none", True),
    "trial.wait": (wait_long, "none", True),
    "trial.crash_long": (crash_long, "none", True),
}


def declare_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the methods for tests to the catalog during one test."""
    for name, (function, access, long) in TRIALS.items():
        monkeypatch.setitem(METHODS, name, Method(name, function, access, (), long=long))


def encoded(message: Any) -> bytes:
    """Return a message as a line."""
    return msgspec.json.encode(message)
