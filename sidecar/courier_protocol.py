"""The protocol between the serving process and its courier, over the courier's pipes.

A message is a frame: one byte for its kind, four bytes for its length, and as many bytes of
content. The kind `J` is JSON, `D` a piece of data, `E` the end of data. The serving process sends
`Open` first, then one request after the other; a `Put` is followed by its data. The courier answers
each request with one `Reply`. The reply to a `Get` is followed by the data; the names for a `Names`
come in frames of the kind `J` before the reply.
"""

import struct
from typing import IO, Final, Literal

import msgspec

from sidecar import limits

JSON: Final = b"J"
DATA: Final = b"D"
END: Final = b"E"
_HEAD: Final = struct.Struct(">cI")

Fault = Literal[
    "offline", "forbidden", "no_bucket", "clock", "full", "exists", "missing", "too_large",
    "not_installed", "unsupported", "failed",
]  # fmt: skip
"""The reason why a request to a courier failed."""


class BrokenPipes(Exception):
    """The other process has ended, or has sent something that is not a frame."""


class Place(msgspec.Struct, frozen=True):
    """Where a remote is: a folder, or a bucket of an object store that speaks S3."""

    kind: Literal["folder", "s3"]
    root: str
    """Absolute path of the folder, or name of the bucket."""
    prefix: str = ""
    """Prefix of the names of all objects in the bucket, without leading and trailing slashes."""
    endpoint: str = ""
    """URL of the server; empty for Amazon's."""
    region: str = ""


class Credentials(msgspec.Struct, frozen=True):
    """The credentials for a bucket."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""


class Open(msgspec.Struct, frozen=True):
    """The first message: the place, and its credentials."""

    place: Place
    credentials: Credentials | None = None


class Put(msgspec.Struct, frozen=True, tag=True):
    """Create an object; its data follows. An existing object is never overwritten."""

    name: str


class Get(msgspec.Struct, frozen=True, tag=True):
    """Send an object if it has at most `most_bytes`."""

    name: str
    most_bytes: int


class Names(msgspec.Struct, frozen=True, tag=True):
    """Send the names and sizes of the objects below a prefix, or the folders right below it."""

    prefix: str
    folders: bool = False


class Delete(msgspec.Struct, frozen=True, tag=True):
    """Delete an object; succeeds also when there is no such object."""

    name: str


Request = Put | Get | Names | Delete


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """The result of one request."""

    fault: Fault | None = None
    detail: str = ""
    size_bytes: int = 0


class Listed(msgspec.Struct, frozen=True):
    """Some of the requested names, each with a size, which is 0 for a folder."""

    items: list[tuple[str, int]]


def send(stream: IO[bytes], kind: bytes, data: bytes | bytearray | memoryview = b"") -> None:
    """Write one frame.

    Raises:
        BrokenPipes: the other process has ended.
    """
    try:
        stream.write(_HEAD.pack(kind, len(data)))
        stream.write(data)
    except (OSError, ValueError):
        raise BrokenPipes from None


def send_message(stream: IO[bytes], message: msgspec.Struct) -> None:
    """Write a message as one frame, and flush what was written.

    Raises:
        BrokenPipes: the other process has ended.
    """
    send(stream, JSON, msgspec.json.encode(message))
    flush(stream)


def flush(stream: IO[bytes]) -> None:
    """Flush what was written.

    Raises:
        BrokenPipes: the other process has ended.
    """
    try:
        stream.flush()
    except (OSError, ValueError):
        raise BrokenPipes from None


def receive(stream: IO[bytes]) -> tuple[bytes, bytes]:
    """Read one frame; return its kind and its data.

    Raises:
        BrokenPipes: the other process has ended, or has sent something that is not a frame.
    """
    try:
        head = stream.read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise BrokenPipes
        kind, size = _HEAD.unpack(head)
        if size > limits.FRAME_MAX_BYTES or kind not in (JSON, DATA, END):
            raise BrokenPipes
        data = stream.read(size)
    except (OSError, ValueError):
        raise BrokenPipes from None
    if len(data) < size:
        raise BrokenPipes
    return kind, data


# --- the address of a remote --------------------------------------------------------------------


class BadAddress(ValueError):
    """A text is not the address of a remote; the text of the exception says why."""


def parse_address(url: str) -> Place:
    """Return the place that a URL names: `file:///folder`, or `s3://bucket/prefix?endpoint=...`.

    Raises:
        BadAddress: the URL is of another kind, or has a user, a password or an unknown option.
    """
    from urllib.parse import parse_qsl, unquote, urlsplit  # noqa: PLC0415 - 4 ms

    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:
        raise BadAddress("That is not a URL.") from None
    if not url.isprintable() or "@" in parts.netloc or parts.fragment:
        raise BadAddress("The URL of a remote must not have a user, a password or a fragment.")
    path = unquote(parts.path)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and not options:
        return Place("folder", _folder(path))
    if parts.scheme != "s3" or not parts.netloc:
        raise BadAddress("The URL must begin with file:///, or with s3:// and a bucket.")
    if not options.keys() <= {"endpoint", "region"}:
        raise BadAddress("The only options of an s3 URL are endpoint and region.")
    endpoint = options.get("endpoint", "")
    if endpoint and urlsplit(endpoint).scheme not in ("https", "http"):
        raise BadAddress("The endpoint must begin with https:// or http://.")
    prefix = path.strip("/")
    if any(part in ("", ".", "..") for part in prefix.split("/") if prefix):
        raise BadAddress("The prefix must not have empty parts, or parts that are dots.")
    return Place("s3", parts.netloc, prefix, endpoint.rstrip("/"), options.get("region", ""))


def _folder(path: str) -> str:
    """Return the absolute path in a file URL; on Windows a slash precedes it.

    Raises:
        BadAddress: the path is not absolute.
    """
    from pathlib import Path  # noqa: PLC0415 - with the above

    if path[:1] == "/" and path[2:3] == ":":
        path = path[1:]
    if "\0" in path or not Path(path).is_absolute():
        raise BadAddress("The path of the folder must be absolute.")
    return path
