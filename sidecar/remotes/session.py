"""A courier process and requests to it, through which this process reaches a remote.

A courier is started for one push, list, fetch, verification or test, and ends with it. A thread
kills it when the request was cancelled or the courier has sent nothing for too long, so that no
read or write of its pipes blocks for ever.
"""

import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import IO, Self, TypeVar

import msgspec

from sidecar import limits
from sidecar.courier_protocol import (
    DATA,
    END,
    JSON,
    BrokenPipes,
    Delete,
    Fault,
    Get,
    Listed,
    Names,
    Open,
    Put,
    Reply,
    Request,
    flush,
    receive,
    send,
    send_message,
)
from sidecar.errors import Cancelled, OutOfResources
from sidecar.files import as_wire_error
from sidecar.own_command import courier_environment, own_command

T = TypeVar("T")

_PIECE_BYTES = 256 * 1024
"""Bytes of data in one frame; each frame restarts the timeout for a silent courier."""


class RemoteFailed(Exception):
    """A request to the remote failed; `fault` is the reason, `detail` explains it to a person."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        """Store the fault and the detail."""
        super().__init__(fault)
        self.fault: Fault = fault
        self.detail = detail


class Session:
    """A running courier, used in a `with` block by the thread that opened it."""

    def __init__(self, opened: Open, is_cancelled: Callable[[], bool]) -> None:
        """Start a courier for a place; when `is_cancelled` returns true the courier is killed.

        Raises:
            OutOfResources: it cannot be started.
        """
        self._is_cancelled = is_cancelled
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this program itself
                own_command("courier"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=courier_environment(),
            )
        except OSError as fault:
            known = as_wire_error(fault)
            missing = OutOfResources.not_loaded()
            raise known if isinstance(known, OutOfResources) else missing from fault
        if not (self._process.stdin and self._process.stdout):
            raise RuntimeError("a courier without pipes")
        self._requests: IO[bytes] = self._process.stdin
        self._replies: IO[bytes] = self._process.stdout
        self._closed = threading.Event()
        self._active_at = time.monotonic()
        self._is_sending = False
        """Whether the courier is still sending data of an object whose reader has stopped."""
        threading.Thread(target=self._watch, name="courier", daemon=True).start()
        self._call(lambda: send_message(self._requests, opened))

    @property
    def pid(self) -> int:
        """The process id of the courier."""
        return self._process.pid

    def _watch(self) -> None:
        """Kill the courier when the request is cancelled or the courier is silent, in a thread."""
        while not self._closed.wait(limits.COURIER_WATCH_MS / 1000):
            silent_ms = (time.monotonic() - self._active_at) * 1000
            if self._is_cancelled() or silent_ms > limits.COURIER_SILENCE_MS:
                self._process.kill()
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the courier's stdin, which ends it; kill it if it does not end in time."""
        self._closed.set()
        with suppress(OSError):
            self._requests.close()
        try:
            self._process.wait(limits.COURIER_WATCH_MS / 1000)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._replies.close()

    # --- requests -----------------------------------------------------------------------------

    def put(self, name: str, pieces: Iterable[bytes]) -> None:
        """Create an object from these pieces.

        Raises:
            RemoteFailed: the object was not created; `exists` when the name has another object.
            Cancelled: the request was cancelled.
        """
        self.put_all([(name, pieces)])

    def put_all(self, objects: Iterable[tuple[str, Iterable[bytes]]]) -> None:
        """Create several objects; while one is uploaded, the next is sent to the courier.

        Raises:
            RemoteFailed: an object was not created; unless it was the last one, the session cannot
                be used any more.
            Cancelled: the request was cancelled.
        """
        is_first = True
        for name, pieces in objects:
            self._call(partial(self._send_object, name, pieces))
            if not is_first:
                _require(self._call(self._reply))
            is_first = False
        if not is_first:
            _require(self._call(self._reply))

    def _send_object(self, name: str, pieces: Iterable[bytes]) -> None:
        self._ask(Put(name))
        for piece in pieces:
            for at in range(0, len(piece), _PIECE_BYTES):
                send(self._requests, DATA, piece[at : at + _PIECE_BYTES])
                self._active_at = time.monotonic()
        send(self._requests, END)
        flush(self._requests)

    def get(self, name: str, most_bytes: int) -> Iterator[bytes]:
        """Yield the pieces of an object of at most `most_bytes`.

        Raises:
            RemoteFailed: the object is missing, larger, or incomplete.
            Cancelled: the request was cancelled.
        """

        def ask() -> Reply:
            self._ask(Get(name, most_bytes))
            return self._reply()

        left = _require(self._call(ask)).size_bytes
        self._is_sending = True
        if left > most_bytes:
            raise RemoteFailed("too_large")
        while data := self._call(self._receive_data):
            left -= len(data)
            if left < 0:
                break
            yield data
        if left:
            raise RemoteFailed("failed", "The object does not have the size that was announced.")

    def _receive_data(self) -> bytes:
        """Return the next piece of an object; empty bytes at its end.

        Raises:
            RemoteFailed: the object is incomplete.
        """
        kind, data = self._receive()
        self._is_sending = kind == DATA
        if kind == JSON:
            _require(msgspec.json.decode(data, type=Reply))
        return data if self._is_sending else b""

    def read(self, name: str, most_bytes: int) -> bytes:
        """Return the whole content of a small object, as `get` yields it."""
        return b"".join(self.get(name, most_bytes))

    def names(self, prefix: str) -> list[tuple[str, int]]:
        """Return name and size of every object below a prefix, in order."""
        return sorted(self._names(Names(prefix)))

    def folders(self, prefix: str) -> list[str]:
        """Return the names of the folders right below a prefix, in order."""
        return sorted(name for name, _ in self._names(Names(prefix, folders=True)))

    def _names(self, request: Names) -> list[tuple[str, int]]:
        return self._call(lambda: self._receive_names(request))

    def _receive_names(self, request: Names) -> list[tuple[str, int]]:
        self._ask(request)
        found: list[tuple[str, int]] = []
        while len(found) <= limits.REMOTE_LISTED_MAX:
            data = self._receive()[1]
            if b'"items"' not in data[:16]:
                _require(msgspec.json.decode(data, type=Reply))
                return found
            found += msgspec.json.decode(data, type=Listed).items
        raise RemoteFailed("too_large")

    def delete(self, name: str) -> None:
        """Delete an object, if it exists.

        Raises:
            RemoteFailed: it was not deleted.
            Cancelled: the request was cancelled.
        """

        def work() -> Reply:
            self._ask(Delete(name))
            return self._reply()

        _require(self._call(work))

    # --- the pipes ----------------------------------------------------------------------------

    def _ask(self, request: Request) -> None:
        """Send a request, after reading the rest of an object whose reader has stopped."""
        while self._is_sending:
            with suppress(RemoteFailed):
                self._receive_data()
        send_message(self._requests, request)

    def _receive(self) -> tuple[bytes, bytes]:
        received = receive(self._replies)
        self._active_at = time.monotonic()
        return received

    def _reply(self) -> Reply:
        return msgspec.json.decode(self._receive()[1], type=Reply)

    def _call(self, work: Callable[[], T]) -> T:
        """Call `work`, which reads or writes the pipes.

        Raises:
            Cancelled: the courier was killed because the request was cancelled.
            RemoteFailed: the courier has ended for another reason; the fault is `offline`.
        """
        self._active_at = time.monotonic()
        try:
            return work()
        except (BrokenPipes, msgspec.DecodeError):
            self._process.kill()
            if self._is_cancelled():
                raise Cancelled from None
            raise RemoteFailed("offline", "The courier ended early.") from None


def _require(reply: Reply) -> Reply:
    """Return the reply of a request that succeeded.

    Raises:
        RemoteFailed: the request failed.
    """
    if reply.fault is not None:
        raise RemoteFailed(reply.fault, reply.detail)
    return reply
