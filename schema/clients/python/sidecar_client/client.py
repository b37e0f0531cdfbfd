"""The core of the client: requests, their answers, notifications, and the restart of the process.

The methods of the contract are not here; the generated `methods.py` adds them. asyncio_client.py
and supervisor.py use this module.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Self, TypedDict, Unpack

from .contract import (
    NOTIFICATIONS,
    AuditSubscribeResult,
    Notification,
    Progress,
    SystemReady,
)
from .envelopes import Params, incompatibility, messages_of, request
from .errors import CallTimeout, ClientError, ConnectionLost, SidecarError, StartFailed
from .events import Events
from .pending import Pending
from .wire import CALL_TIMEOUT_S, CLOSE_TIMEOUT_S, Wire, called_back

SUBSCRIBE_AGAIN_S = 1.0
"""The wait before a failed replay is requested again."""


class Options(TypedDict, total=False):
    """The options of a process and its client; callbacks run in threads of the client."""

    env: Mapping[str, str] | None
    """The environment variables of the process; those of this one when absent."""

    cwd: str | os.PathLike[str] | None
    """The folder that the process starts in."""

    timeout: float
    """Seconds without an answer or progress after which a call times out."""

    on_notification: Callable[[Notification], None] | None
    """Called with each notification, in order; it must not wait for an answer."""

    on_log: Callable[[str], None] | None
    """Called with each line that the process writes to stderr."""

    on_stale: Callable[[], None] | None
    """Called when entries were missed, or the database is another one: read everything again."""


class BaseClient:
    """A process and its requests. It is thread-safe; callbacks run in the reading thread."""

    ready: SystemReady
    """The params of `system.ready`, which the process has sent at its start."""

    def __init__(self, argv: Sequence[str], **options: Unpack[Options]) -> None:
        """Make a client of this command; `connect` starts it, `spawn` does both."""
        self.timeout = options.get("timeout", CALL_TIMEOUT_S)
        self.events = Events()
        self.last_seq: int | None = None
        """Number of the newest audit entry that the program has received, or knew at the start."""
        self._argv = argv
        self._options = options
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._pending: dict[int, Pending[Any]] = {}
        self._subscription: dict[str, Any] | None = {}
        self._replay_from: dict[int, int] = {}
        """Requests for a replay, each with the number after which the replay begins."""
        self._waits_for_replay = False
        """Whether a later replay will contain the events that are received now."""
        self._wire: Wire | None = None
        self._add_methods()

    def _add_methods(self) -> None:
        """Add the methods; the generated class Client does."""

    @classmethod
    def spawn(cls, argv: Sequence[str], **options: Unpack[Options]) -> Self:
        """Start a process, such as ["sim-sidecar", "serve", "--database", path]."""
        client = cls(argv, **options)
        client.connect()
        return client

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
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Any:
        """Call a method and return its result; a call that times out is cancelled."""
        pending = self.start(method, params, timeout=timeout, on_progress=on_progress)
        try:
            return pending.result()
        except CallTimeout:
            self.forget(pending)
            raise

    def start(
        self,
        method: str,
        params: Params | None = None,
        *,
        timeout: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        on_settled: Callable[[], None] | None = None,
    ) -> Pending[Any]:
        """Send a request without waiting; `on_settled` is called when it has an answer."""
        pending: Pending[Any] = Pending(
            self,
            next(self._ids),
            method,
            timeout=timeout,
            on_progress=on_progress,
            on_settled=on_settled,
        )
        self._note_subscription(pending, params or {})
        self._send([pending], request(method, params, pending.id))
        return pending

    def batch(
        self, calls: Sequence[tuple[str, Params | None]], *, timeout: float | None = None
    ) -> list[Any]:
        """Send the calls as one batch and return their results; a failed call is a SidecarError."""
        members = [
            Pending[Any](self, next(self._ids), method, timeout=timeout) for method, _ in calls
        ]
        requests = [
            request(method, params, member.id)
            for member, (method, params) in zip(members, calls, strict=True)
        ]
        for member in members:
            member.batch = members[0].id
        self._send(members, requests)
        return [self._outcome(member) for member in members]

    def notify(self, method: str, params: Params | None = None) -> None:
        """Send a notification, which is never answered."""
        self._send([], request(method, params, None))

    def forget(self, pending: Pending[Any]) -> None:
        """Stop waiting for a request, and cancel it; only long methods can be cancelled."""
        with self._lock:
            self._pending.pop(pending.id, None)
            self._replay_from.pop(pending.id, None)
        with suppress(ConnectionLost):
            pending.cancel()

    def in_callback(self) -> bool:
        """Return whether the caller is a callback of this client."""
        return self._wire is not None and self._wire.is_reader()

    def _outcome(self, member: Pending[Any]) -> Any:
        """Return the result of a member of a batch, or its error."""
        try:
            return member.result()
        except SidecarError as error:
            return error
        except CallTimeout:
            self.forget(member)
            raise

    def _send(self, pending: list[Pending[Any]], message: Any) -> None:
        """Send a message with these requests."""
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        line = text.encode()
        with self._lock:
            # Registered first: the answer may be received before send_line returns.
            for each in pending:
                each.line_bytes = len(line)
                self._pending[each.id] = each
            try:
                self.wire.send_line(line)
            except ConnectionLost:
                for each in pending:
                    del self._pending[each.id]
                raise

    # --- the process ----------------------------------------------------------------------

    def close(self, timeout: float = CLOSE_TIMEOUT_S) -> int | None:
        """End the process in order, or by force after the timeout, and return its exit code.

        The request to exit is sent first, because closing stdin does not end the input while a
        process that this one has forked holds a copy of the pipe.
        """
        with suppress(ConnectionLost):
            self.notify("system.exit")
        return None if self._wire is None else self._wire.close(timeout)

    def restart(self) -> None:
        """Start the process again and receive the audit events that were missed meanwhile."""
        self.close()
        if self._wire is not None:
            self._end(self._wire)
        self.connect()

    def connect(self) -> None:
        """Start the process, wait until it serves, and receive the audit events after `last_seq`.

        Raises StartFailed, with the reason, when the process does not start.
        """
        self._waits_for_replay = self._subscription is not None and self.last_seq is not None
        self._start_process()
        if self.ready["head"] is None:  # a rescue has no log
            self._waits_for_replay = False
        if self._waits_for_replay and self.last_seq is not None:
            with suppress(SidecarError):  # it will be requested again
                self.replay_after(self.last_seq)

    def start_replay(self, after: int) -> Pending[AuditSubscribeResult]:
        """Subscribe as before, and have the audit events after that number sent again first."""
        return self.start("audit.subscribe", {**(self._subscription or {}), "after": after})

    def replay_after(self, after: int, timeout: float | None = None) -> AuditSubscribeResult:
        """Subscribe as `start_replay` does, and wait for the answer."""
        pending = self.start_replay(after)
        try:
            return pending.result(timeout)
        except CallTimeout:
            self.forget(pending)
            raise

    @property
    def wire(self) -> Wire:
        """Return the object for the process and its lines."""
        if self._wire is None:
            message = "The process was not started."
            raise ConnectionLost(None, message)
        return self._wire

    def _start_process(self) -> None:
        """Start the process and wait until it serves."""
        starting: Pending[Any] = Pending(self, 0, "system.ready")
        with self._lock:
            try:
                self._wire = wire = Wire(
                    self._argv,
                    env=self._options.get("env"),
                    cwd=self._options.get("cwd"),
                    on_log=self._options.get("on_log"),
                    on_line=self._take,
                    on_end=self._end,
                )
            except (OSError, ValueError) as error:
                raise StartFailed(str(error), None, "") from error
            self._pending = {0: starting}
            self._replay_from.clear()
        self.events.set_end(None)
        wire.start()
        try:
            starting.result()
            reason = incompatibility(self.ready["protocol_version"])
        except ClientError as error:
            reason = str(error)
        if reason is not None:
            wire.close(0)
            raise StartFailed(reason, wire.process.returncode, wire.stderr_tail())

    def _end(self, wire: Wire) -> None:
        """Fail all requests because the process has ended."""
        with self._lock:
            if wire is not self._wire:  # a restart has replaced it
                return
            pending, self._pending = list(self._pending.values()), {}
        for each in pending:
            each.settle(None, wire.lost(may_have_run=True))
        self.events.set_end(wire.lost())

    def _note_subscription(self, pending: Pending[Any], params: Params) -> None:
        """Store what to subscribe to after a restart, and what will be replayed."""
        if pending.method == "audit.subscribe":
            self._subscription = {k: v for k, v in params.items() if k != "after"}
            if params.get("after") is not None:
                self._replay_from[pending.id] = params["after"]
                self._waits_for_replay = False
        elif pending.method == "audit.unsubscribe":
            self._subscription = None

    # --- in the reading thread ------------------------------------------------------------

    def _take(self, line: bytes) -> None:
        """Handle a line of the process."""
        for message in messages_of(line):
            called_back(self._take_message, message)

    def _take_message(self, message: dict[str, Any]) -> None:
        """Handle an answer or a notification."""
        if "method" in message:
            self._take_notification(message["method"], message.get("params", {}))
            return
        refusal = message.get("error")
        error = None if refusal is None else SidecarError.of(refusal)
        for pending in self._answered(message.get("id"), error):
            self._begin_replay(pending.id, message.get("result"), error)
            pending.settle(message.get("result"), error)

    def _begin_replay(self, request_id: int, result: Any, error: SidecarError | None) -> None:
        """Record that the events after this answer are those of the requested replay."""
        after = self._replay_from.pop(request_id, None)
        if after is None:
            return
        if error is None:
            head = result["head"]["seq"]
            self.last_seq = min(after, head)  # a lower head is that of an older database
            if head < after or result["pruned_through"] > after:
                self._tell_stale()
        elif error.slug != "invalid_params":  # the events that come now would leave a gap
            self._waits_for_replay = True
            timer = threading.Timer(SUBSCRIBE_AGAIN_S, self._replay_again, (self._wire, after))
            timer.daemon = True
            timer.start()

    def _replay_again(self, wire: Wire, after: int) -> None:
        """Request a refused replay again, unless another process serves now."""
        if wire is self._wire:
            with suppress(ConnectionLost):
                self.start_replay(after)

    def _tell_stale(self) -> None:
        """Call `on_stale`: the program must read everything again."""
        if (on_stale := self._options.get("on_stale")) is not None:
            called_back(on_stale)

    def _answered(self, request_id: Any, error: SidecarError | None) -> list[Pending[Any]]:
        """Return the requests that an answer is for.

        An error without an id refuses the oldest batch, or else the longest line.
        """
        with self._lock:
            if request_id is not None:
                is_start = request_id == 0
                answered = None if is_start else self._pending.pop(request_id, None)
                return [] if answered is None else [answered]
            sent = [each for each in self._pending.values() if each.id != 0]
            if error is None or not sent:
                found = []
            elif batches := [each.batch for each in sent if each.batch]:
                found = [each for each in sent if each.batch == min(batches)]
            else:
                found = [max(sent, key=lambda each: each.line_bytes)]
            return [self._pending.pop(each.id) for each in found]

    def _take_notification(self, method: str, params: Any) -> None:
        """Store a notification, unless it concerns a single request or is unknown."""
        if method == "$/progress":
            if (pending := self._pending.get(params["id"])) is not None:
                pending.touch(params)
            return
        if method not in NOTIFICATIONS or (method == "audit.event" and not self._is_next(params)):
            return
        if method in {"audit.event", "system.restored"}:
            self.last_seq = params["seq"]
        elif method in {"system.starting", "system.ready"}:
            self._take_start(method, params)
        notification = NOTIFICATIONS[method](method, params)
        self.events.put(notification)
        if method == "system.restored":
            self._tell_stale()
        if (on_notification := self._options.get("on_notification")) is not None:
            called_back(on_notification, notification)

    def _is_next(self, event: Any) -> bool:
        """Return whether an audit event is new, and none before it is still to be replayed."""
        told = -math.inf if self.last_seq is None else self.last_seq
        awaited = self._waits_for_replay or self._replay_from
        return not awaited and event["seq"] > told

    def _take_start(self, method: str, params: Any) -> None:
        """Handle the notifications of a start."""
        if (starting := self._pending.get(0)) is None:
            return
        if method == "system.starting":
            starting.touch()
            return
        with self._lock:
            self._pending.pop(0, None)
        self.ready = params
        if self.last_seq is None and params["head"] is not None:
            self.last_seq = params["head"]["seq"]
        starting.settle(None)
