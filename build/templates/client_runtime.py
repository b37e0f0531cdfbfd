"""The upper half of the Python client's hand-written part: requests, notifications, restart.

build/client_python.py copies it, from the mark below on, before what it generates.
"""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Generic, Self, TypeVar

from client_wire import (
    CALL_TIMEOUT_S,
    CLOSE_TIMEOUT_S,
    UNSET,
    ClientError,
    Events,
    Notification,
    SidecarError,
    SidecarGone,
    SidecarTimeout,
    Wire,
)

# --- inlined from here on ---
Params = Mapping[str, Any]
T = TypeVar("T")


class Pending(Generic[T]):
    """One request that is in flight."""

    def __init__(
        self,
        client: BaseClient,
        request_id: int,
        method: str,
        on_progress: Callable[[Any], None] | None = None,
    ) -> None:
        """Make the request `request_id` of `client`."""
        self.id = request_id
        self.method = method
        self.batch = 0
        self._client = client
        self._on_progress = on_progress
        self._changed = threading.Condition()
        self._active_at = time.monotonic()
        self._answer: tuple[Any, ClientError | None] | None = None

    @property
    def done(self) -> bool:
        """Return whether the answer was received or the process has ended."""
        return self._answer is not None

    def result(self, timeout: float | None = None) -> T:
        """Wait for the result and return it; each `$/progress` starts the timeout again."""
        if self._client.in_callback():
            message = "A callback cannot wait for an answer: it runs in the thread that reads them."
            raise RuntimeError(message)
        allowed = self._client.timeout if timeout is None else timeout
        with self._changed:
            while self._answer is None:
                left = self._active_at + allowed - time.monotonic()
                if left <= 0:
                    message = f"{self.method}: no answer within {allowed} s."
                    raise SidecarTimeout(message)
                self._changed.wait(min(left, threading.TIMEOUT_MAX))
            value, error = self._answer
        if error is not None:
            raise error
        result: T = value
        return result

    def cancel(self) -> None:
        """Cancel the request; only long methods can be cancelled, and then raise Cancelled."""
        self._client.notify("$/cancelRequest", {"id": self.id})

    def touch(self, progress: Any = None) -> None:
        """Note progress, which starts the timeout again."""
        with self._changed:
            self._active_at = time.monotonic()
            self._changed.notify_all()
        if self._on_progress is not None:
            self._on_progress(progress)

    def resolve(self, value: Any, error: ClientError | None = None) -> None:
        """Store the answer."""
        with self._changed:
            self._answer = (value, error)
            self._changed.notify_all()


class BaseClient:
    """A process and its requests. It is thread-safe; callbacks run in the reading thread."""

    ready: Any
    """The params of `system.ready`, which the process has sent at its start."""

    LONG: ClassVar[frozenset[str]] = frozenset()
    """The names of the long methods, which can be cancelled."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        timeout: float = CALL_TIMEOUT_S,
        on_notification: Callable[[Notification], None] | None = None,
    ) -> None:
        """Start the process and wait until it serves."""
        self.timeout = timeout
        self.events = Events()
        self.last_seq: int | None = None
        self._argv, self._env, self._cwd = argv, env, cwd
        self._on_notification = on_notification
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._pending: dict[int, Pending[Any]] = {}
        self._subscription: dict[str, Any] | None = {}
        self._catching_up = False
        self._add_methods()
        self._connect()

    def _add_methods(self) -> None:
        """Add the methods; the generated class Client does."""

    @classmethod
    def spawn(cls, argv: Sequence[str], **options: Any) -> Self:
        """Start a process, such as ["sim-sidecar", "serve", "--database", path]."""
        return cls(argv, **options)

    def __enter__(self) -> Self:
        """Return the client, which is closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.close()

    # --- requests -------------------------------------------------------------------------

    def call(
        self,
        method: str,
        params: Params | None = None,
        *,
        timeout: float | None = None,
        on_progress: Callable[[Any], None] | None = None,
    ) -> Any:
        """Call a method and return its result; a long method that times out is cancelled."""
        pending = self.start(method, params, on_progress=on_progress)
        try:
            return pending.result(timeout)
        except SidecarTimeout:
            self._forget(pending)
            raise

    def start(
        self,
        method: str,
        params: Params | None = None,
        *,
        on_progress: Callable[[Any], None] | None = None,
    ) -> Pending[Any]:
        """Send a request without waiting for its answer."""
        pending: Pending[Any] = Pending(self, next(self._ids), method, on_progress)
        self._note_subscription(method, params)
        self._send([pending], _request(method, params, pending.id))
        return pending

    def batch(
        self, calls: Sequence[tuple[str, Params | None]], *, timeout: float | None = None
    ) -> list[Any]:
        """Send the calls as one batch and return their results; a failed call is a SidecarError."""
        members = [Pending[Any](self, next(self._ids), method) for method, _ in calls]
        requests = [
            _request(method, params, member.id)
            for member, (method, params) in zip(members, calls, strict=True)
        ]
        for member in members:
            member.batch = members[0].id
        self._send(members, requests)
        return [self._outcome(member, timeout) for member in members]

    def notify(self, method: str, params: Params | None = None) -> None:
        """Send a notification, which is never answered."""
        self._send([], _request(method, params, None))

    def in_callback(self) -> bool:
        """Return whether the caller is a callback of this client."""
        return self._wire.is_reader()

    def _outcome(self, member: Pending[Any], timeout: float | None) -> Any:
        """Return the result of a member of a batch, or its error."""
        try:
            return member.result(timeout)
        except SidecarError as error:
            return error
        except SidecarTimeout:
            self._forget(member)
            raise

    def _forget(self, pending: Pending[Any]) -> None:
        """Wait no longer for a request, and cancel a long one."""
        with self._lock:
            self._pending.pop(pending.id, None)
        if pending.method in self.LONG:
            with suppress(SidecarGone):
                pending.cancel()

    def _send(self, pending: list[Pending[Any]], message: Any) -> None:
        """Send a message with these requests."""
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        line = text.encode()
        with self._lock:
            # Registered first: the answer may be received before send_line returns.
            self._pending.update((each.id, each) for each in pending)
            try:
                self._wire.send_line(line)
            except SidecarGone:
                for each in pending:
                    del self._pending[each.id]
                raise

    # --- the process ----------------------------------------------------------------------

    def close(self, timeout: float = CLOSE_TIMEOUT_S) -> int | None:
        """End the process in order, or by force after the timeout, and return its exit code.

        The request to exit is sent first: closing stdin is no end of input while a process that
        this one forked holds a copy of the pipe.
        """
        with suppress(SidecarGone):
            self.notify("system.exit")
        return self._wire.close(timeout)

    def restart(self) -> None:
        """Start the process again and receive the audit events that were missed meanwhile."""
        self.close()
        subscription = self._subscription
        self._catching_up = subscription is not None and self.last_seq is not None
        self._connect()
        if self._catching_up:
            self.replay_after(self.last_seq)

    def replay_after(self, after: int | None, timeout: float | None = None) -> Any:
        """Subscribe as before, and have the audit events after that number sent again first."""
        self._catching_up = True
        params = {**(self._subscription or {}), "after": after}
        try:
            return self.call("audit.subscribe", params, timeout=timeout)
        finally:
            self._catching_up = False

    @property
    def wire(self) -> Wire:
        """Return the object for the process and its lines."""
        return self._wire

    def _connect(self) -> None:
        """Start the process and wait until it serves."""
        starting: Pending[Any] = Pending(self, 0, "system.ready")
        self._pending = {0: starting}
        self.events.set_gone(None)
        self._wire = Wire(
            self._argv, env=self._env, cwd=self._cwd, on_line=self._take, on_end=self._end
        )
        self._wire.start()
        try:
            self.ready = starting.result()
        except ClientError:
            self._wire.close(0)
            raise

    def _end(self, wire: Wire) -> None:
        """Fail all requests because the process has ended."""
        gone = wire.gone()
        with self._lock:
            if wire is not self._wire:  # a restart has replaced it
                return
            pending, self._pending = list(self._pending.values()), {}
        for each in pending:
            each.resolve(None, gone)
        self.events.set_gone(gone)

    def _note_subscription(self, method: str, params: Params | None) -> None:
        """Store what to subscribe to after a restart."""
        if method == "audit.subscribe":
            self._subscription = {k: v for k, v in (params or {}).items() if k != "after"}
        elif method == "audit.unsubscribe":
            self._subscription = None

    # --- in the reading thread ------------------------------------------------------------

    def _take(self, line: bytes) -> None:
        """Handle a line of the process."""
        try:
            message = _decoded(line)
        except ValueError:  # not a message of the protocol
            return
        for each in message if isinstance(message, list) else [message]:
            try:
                self._take_message(each)
            except Exception:  # noqa: BLE001 -- a fault of a callback must not stop the reading
                traceback.print_exc()

    def _take_message(self, message: Any) -> None:
        """Handle an answer or a notification."""
        if not isinstance(message, dict):
            return
        if "method" in message:
            self._take_notification(Notification(message["method"], message.get("params", {})))
            return
        error = SidecarError.of(message["error"]) if "error" in message else None
        for pending in self._answered(message.get("id"), error):
            if pending.method == "audit.subscribe":
                self._catching_up = False
            pending.resolve(message.get("result"), error)

    def _answered(self, request_id: Any, error: SidecarError | None) -> list[Pending[Any]]:
        """Return the requests that an answer is for; one without an id refuses the oldest batch."""
        with self._lock:
            if request_id is not None:
                found = self._pending.pop(request_id, None)
                return [found] if found is not None else []
            batches = [each.batch for each in self._pending.values() if each.batch]
            if error is None or not batches:
                return []
            ids = [each.id for each in self._pending.values() if each.batch == min(batches)]
            return [self._pending.pop(member) for member in ids]

    def _take_notification(self, notification: Notification) -> None:
        """Store a notification, unless it only concerns a request."""
        method, params = notification
        if method == "$/progress":
            if (pending := self._pending.get(params["id"])) is not None:
                pending.touch(params)
            return
        if method == "audit.event":
            if self._catching_up:  # the subscription sends it again, in its order
                return
            self.last_seq = params["seq"]
        elif method == "system.restored":
            self.last_seq = params["seq"]
        elif method in {"system.starting", "system.ready"}:
            self._take_start(method, params)
        self.events.put(notification)
        if self._on_notification is not None:
            self._on_notification(notification)

    def _take_start(self, method: str, params: Any) -> None:
        """Handle the notifications of a start."""
        if (starting := self._pending.get(0)) is None:
            return
        if method == "system.starting":
            starting.touch()
            return
        del self._pending[0]
        if self.last_seq is None and "head" in params:
            self.last_seq = params["head"]["seq"]
        starting.resolve(params)


def _decoded(line: bytes) -> Any:
    """Return the value of a line; numbers that a float does not hold are rounded, or infinite."""
    return json.loads(line, parse_int=_rounded)


def _rounded(text: str) -> int | float:
    """Return an integer, as a float where Python does not convert so many digits."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def _request(method: str, params: Params | None, request_id: int | None) -> dict[str, Any]:
    """Return a request, or a notification when the id is None."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if params is not None:
        message["params"] = params
    if request_id is not None:
        message["id"] = request_id
    return message


def _given(params: dict[str, Any]) -> dict[str, Any]:
    """Return the params that are not UNSET."""
    return {name: value for name, value in params.items() if value is not UNSET}
