"""Serves the requests to a courier: reads them from stdin in order, and answers on stdout."""

import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Final, Protocol

import msgspec

from sidecar import limits
from sidecar.courier.bucket import Bucket
from sidecar.courier.failures import Failed, fault_of
from sidecar.courier.folder import Folder
from sidecar.courier_protocol import (
    DATA,
    END,
    JSON,
    BrokenPipes,
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

_NAMES_IN_FRAME: Final = 250
"""Names in one frame: with REMOTE_URL_MAX_CHARS each they stay below FRAME_MAX_BYTES."""


class Door(Protocol):
    """The operations of a place that objects are stored in."""

    def put(self, name: str, data: bytearray) -> None:
        """Create an object; fails with `exists` when the name is taken."""

    def get(self, name: str, most_bytes: int) -> tuple[int, Iterator[bytes]]:
        """Return the size and the pieces of an object."""

    def names(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the name and the size of each object below a prefix."""

    def folders(self, prefix: str) -> list[str]:
        """Return the names of the folders right below a prefix."""

    def delete(self, name: str) -> None:
        """Delete an object, if it exists."""


def run(stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None) -> int:
    """Serve the requests on stdin until it ends; return the exit code."""
    requests, replies = stdin or sys.stdin.buffer, stdout or sys.stdout.buffer
    try:
        _serve(requests, replies)
    except BrokenPipes:
        return 0
    return 0


def _serve(requests: IO[bytes], replies: IO[bytes]) -> None:
    """Answer one request after the other.

    Raises:
        BrokenPipes: the serving process has ended, or closed the pipes.
    """
    opened = msgspec.json.decode(receive(requests)[1], type=Open)
    doors: list[Door] = []
    decode = msgspec.json.Decoder(Request).decode
    upload: threading.Thread | None = None

    def work(request: Request, data: bytearray) -> None:
        try:
            if not doors:
                doors.append(_open(opened))
            reply = _answer(doors[0], request, data, replies)
        except BrokenPipes:
            return  # the next read raises it again
        except Exception as error:  # noqa: BLE001 - every failure is reported to the serving process
            reply = fault_of(error)
        if reply is not None:
            with suppress(BrokenPipes):
                send_message(replies, reply)

    while True:
        request = decode(receive(requests)[1])
        # While one object is uploaded the next is received; the answers stay in order.
        data = _receive_data(requests) if isinstance(request, Put) else bytearray()
        if upload is not None:
            upload.join()
        upload = threading.Thread(target=work, args=(request, data), daemon=True)
        upload.start()
        if not isinstance(request, Put):
            upload.join()


def _open(opened: Open) -> Door:
    """Return the door to a place."""
    if opened.place.kind == "folder":
        return Folder(opened.place)
    return Bucket(opened.place, opened.credentials)


def _receive_data(requests: IO[bytes]) -> bytearray:
    """Return the data that follows a `Put`."""
    data = bytearray()
    while True:
        kind, piece = receive(requests)
        if kind == END:
            return data
        data += piece
        if kind != DATA or len(data) > 2 * limits.REMOTE_SEGMENT_MAX_BYTES:
            raise BrokenPipes


def _answer(door: Door, request: Request, data: bytearray, replies: IO[bytes]) -> Reply | None:
    """Carry out a request; return the reply, None when it was sent with its data."""
    if isinstance(request, Put):
        _put(door, request.name, data)
        return Reply(size_bytes=len(data))
    if isinstance(request, Get):
        size, pieces = door.get(request.name, request.most_bytes)
        _send_data(replies, size, pieces)
        return None
    if isinstance(request, Names):
        found = (
            ((name, 0) for name in door.folders(request.prefix))
            if request.folders
            else door.names(request.prefix)
        )
        return _send_names(replies, found)
    door.delete(request.name)
    return Reply()


def _put(door: Door, name: str, data: bytearray) -> None:
    """Create an object; accept one that an earlier attempt of this request has written.

    A connection can break after the store has stored the object: the next attempt finds it.
    """
    try:
        door.put(name, data)
    except Exception as error:
        if fault_of(error).fault != "exists":
            raise
        if not _is_same(door, name, data):
            raise Failed("exists") from None


def _is_same(door: Door, name: str, data: bytearray) -> bool:
    """Return whether an object has exactly these bytes."""
    try:
        size, pieces = door.get(name, len(data))
    except Failed:  # it is larger
        return False
    return size == len(data) and b"".join(pieces) == data


def _send_data(replies: IO[bytes], size: int, pieces: Iterator[bytes]) -> None:
    """Send the size and the data of an object; a failure in between ends the data with a reply."""
    send_message(replies, Reply(size_bytes=size))
    left = size
    try:
        for piece in pieces:
            left -= len(piece)
            if left < 0:
                raise Failed("too_large")
            for at in range(0, len(piece), limits.FRAME_MAX_BYTES):
                send(replies, DATA, piece[at : at + limits.FRAME_MAX_BYTES])
        if left:
            raise Failed("offline", "The object ended early.")
    except BrokenPipes:
        raise
    except Exception as error:  # noqa: BLE001 - as in `_serve`
        send_message(replies, fault_of(error))
        return
    send(replies, END)
    flush(replies)


def _send_names(replies: IO[bytes], found: Iterator[tuple[str, int]]) -> Reply:
    """Send names as they are received, several in a frame."""
    items: list[tuple[str, int]] = []
    count = 0
    for each in found:
        count += 1
        if count > limits.REMOTE_LISTED_MAX or len(each[0]) > limits.REMOTE_URL_MAX_CHARS:
            raise Failed("too_large")
        items.append(each)
        if len(items) == _NAMES_IN_FRAME:
            send(replies, JSON, msgspec.json.encode(Listed(items)))
            items = []
    send(replies, JSON, msgspec.json.encode(Listed(items)))
    return Reply(size_bytes=count)
