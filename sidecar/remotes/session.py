"""A courier process and requests to it, through which this process reaches a remote.

The courier is started for one push, list, fetch, verification or test, and ends with it. A thread
ends it when the request was cancelled or the courier has been silent for too long, so that no read
or write of its pipes waits for ever.
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
from sidecar.errors import Cancelled
from sidecar.own_command import courier_environment, own_command

T = TypeVar("T")

_PIECE_BYTES = 256 * 1024
"""Data in one frame to the courier: after each the silence of the courier is counted anew."""


class RemoteFailed(Exception):
    """A request to the remote failed; `fault` says why, `detail` for a person."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        """Store both."""
        super().__init__(fault)
        self.fault: Fault = fault
        self.detail = detail


class Session:
    """A running courier. The thread that opened it uses it, in a `with` block."""

    def __init__(self, opened: Open, is_cancelled: Callable[[], bool]) -> None:
        """Start a courier for a place; `is_cancelled` says when to give up."""
        self._is_cancelled = is_cancelled
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            own_command("courier"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=courier_environment(),
        )
        if not (self._process.stdin and self._process.stdout):
            raise RuntimeError("a courier without pipes")
        self._requests: IO[bytes] = self._process.stdin
        self._replies: IO[bytes] = self._process.stdout
        self._closed = threading.Event()
        self._active_at = time.monotonic()
        self._is_sending = False
        """Whether data of an object is still to come that nobody has read."""
        threading.Thread(target=self._watch, name="courier", daemon=True).start()
        self._call(lambda: send_message(self._requests, opened))

    @property
    def pid(self) -> int:
        """The process id of the courier."""
        return self._process.pid

    def _watch(self) -> None:
        """End the courier when the request is cancelled, or it is silent; runs in a thread."""
        while not self._closed.wait(limits.COURIER_WATCH_MS / 1000):
            silent_ms = (time.monotonic() - self._active_at) * 1000
            if self._is_cancelled() or silent_ms > limits.COURIER_SILENCE_MS:
                self._process.kill()
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the courier's stdin, at which it ends; kill it if it does not end soon."""
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
        """Create an object of these pieces.

        Raises:
            RemoteFailed: the object was not created; `exists` when there is another one.
            Cancelled: the request was cancelled.
        """
        self.put_all([(name, pieces)])

    def put_all(self, objects: Iterable[tuple[str, Iterable[bytes]]]) -> None:
        """Create several objects; while one is uploaded the next is sent to the courier.

        Raises:
            RemoteFailed: one of them was not created; the session is then of no more use, unless it
                was the last.
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
        """Yield the pieces of an object, which has at most so many bytes.

        Raises:
            RemoteFailed: there is none, it is larger, or it did not come whole.
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
            raise RemoteFailed("failed", "The object is not of the size that was told.")

    def _receive_data(self) -> bytes:
        """Return the next piece of an object, empty at its end.

        Raises:
            RemoteFailed: the object does not come whole.
        """
        kind, data = self._receive()
        self._is_sending = kind == DATA
        if kind == JSON:
            _require(msgspec.json.decode(data, type=Reply))
        return data if self._is_sending else b""

    def read(self, name: str, most_bytes: int) -> bytes:
        """Return a small object whole, see `get`."""
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
        """Delete an object, if it is there.

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
        """Send a request, after what is left of an object that the reader has given up."""
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
        """Do work on the pipes.

        Raises:
            Cancelled: the courier was ended because the request was cancelled.
            RemoteFailed: the courier has ended otherwise; the fault is `offline`.
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
    """Return a reply if it is one of success.

    Raises:
        RemoteFailed: the reply is one of failure.
    """
    if reply.fault is not None:
        raise RemoteFailed(reply.fault, reply.detail)
    return reply
