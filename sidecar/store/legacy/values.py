"""What a value of the seed's file becomes: pure functions, and none of them fails.

The seed's columns hold whatever was put there: its tables are not STRICT, and a wrong value is no
reason to refuse a person's file. What can be read is read, what cannot is kept as it is.
"""

import zlib
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from sidecar import limits
from sidecar.store import codec

Value = int | float | str | bytes | None
"""What SQLite can answer."""

DECODED_MAX_BYTES = 16 * limits.BODY_MAX_BYTES
"""A blob that unpacks to more than this is kept packed: a bomb must not take the memory."""

_GZIP_WINDOW = 31
_MILLISECONDS_FROM = 100_000_000_000
"""As seconds this is the year 5138, as milliseconds 1973: larger times are milliseconds already."""

DAMAGED_SHA256 = bytes(32)
"""Stands beside a blob that does not decode; no content has this hash, so it never matches."""


class Stored(NamedTuple):
    """A blob of the new file: bytes, hash of what they decode to, and the two sizes."""

    data: bytes
    sha256: bytes
    size_bytes: int
    stored_bytes: int
    readable: bool


def text(value: Value) -> str | None:
    """Text of any value; bytes that are not UTF-8 get replacement characters."""
    if value is None or isinstance(value, str):
        return value
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def status(value: Value) -> str:
    """Status of a run; one the seed did not know is an error."""
    found = text(value) or ""
    return found if found in ("running", "success", "error", "cancelled") else "error"


def count(value: Value) -> int:
    """A count: whole, not negative, exact in JavaScript; 0 when it is none."""
    number = _number(value)
    return 0 if number is None else min(max(int(number), 0), limits.SAFE_INTEGER_MAX)


def _number(value: Value) -> int | float | None:
    if isinstance(value, bytes) or value is None:
        return None
    try:
        number = float(value) if isinstance(value, str) else value
        int(number)
    except (ValueError, OverflowError):
        return None
    return number


def millis(value: Value) -> int | None:
    """Milliseconds since the epoch of a time in seconds, milliseconds or ISO 8601; None of none."""
    number = _number(value)
    if number is None:
        return _iso_millis(value) if isinstance(value, str) else None
    found = number if abs(number) >= _MILLISECONDS_FROM else number * 1000
    return min(max(int(found), 0), limits.SAFE_INTEGER_MAX)


def _iso_millis(value: str) -> int | None:
    try:
        found = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return max(int(found.timestamp() * 1000), 0)


def tags(value: Value) -> list[str]:
    """Tags of a JSON array of strings, each once; text that is none becomes tags itself.

    A tag longer than the limit is cut into several, so that no word of it is lost.
    """
    raw = text(value)
    if raw is None or not raw.strip():
        return []
    try:
        members = msgspec.json.decode(raw, type=list[msgspec.Raw])
        found = [_tag(member) for member in members]
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        found = [raw]
    size = limits.TAG_MAX_CHARS
    pieces = (tag[at : at + size] for tag in found for at in range(0, len(tag), size))
    return list(dict.fromkeys(piece for piece in pieces if piece.strip()))


def _tag(member: msgspec.Raw) -> str:
    """One member of the array: its text, or its JSON when it is something else than text."""
    written = bytes(member)
    if written == b"null":
        return ""
    try:
        return msgspec.json.decode(written, type=str)
    except msgspec.ValidationError:
        return written.decode(errors="replace")


def body(blob: Value, workflow_id: str) -> Stored:
    """The body within a workflow's blob.

    The seed's `save_workflow` packed the whole workflow, metadata included: when the JSON is an
    object with this workflow's `id` and a `data`, the body is that `data`, byte for byte.
    """
    decoded = _json_of(blob)
    if decoded is None:
        return _damaged(blob)
    return _packed(_inner(decoded, workflow_id))


def summary(blob: Value) -> Stored:
    """The summary of a run; of a large one the part that is kept, with its true size."""
    decoded = _json_of(blob)
    if decoded is None:
        return _damaged(blob)
    kept = _packed(decoded[: limits.SUMMARY_KEPT_BYTES])
    return kept._replace(size_bytes=len(decoded))


def _inner(decoded: bytes, workflow_id: str) -> bytes:
    try:
        members = msgspec.json.decode(decoded, type=dict[str, msgspec.Raw])
        own = msgspec.json.decode(members.get("id", msgspec.Raw(b"null")), type=str) == workflow_id
    except msgspec.ValidationError:
        return decoded
    return bytes(members["data"]) if own and "data" in members else decoded


def _json_of(blob: Value) -> bytes | None:
    """The JSON in one gzip member, or None when it is not that."""
    if not isinstance(blob, bytes):
        return None
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        decoded = unpacker.decompress(blob, DECODED_MAX_BYTES)
        if not unpacker.eof:
            return None
        decoded.decode()
        msgspec.json.decode(decoded, type=msgspec.Raw)
    except (zlib.error, UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return None
    return decoded


def _packed(decoded: bytes) -> Stored:
    packed = codec.pack(codec.normalise(decoded))
    return Stored(packed.data, packed.sha256, packed.size_bytes, packed.stored_bytes, True)


def _damaged(blob: Value) -> Stored:
    """Keep what was there; reading it is refused as damaged, and system.check reports it."""
    kept = blob if isinstance(blob, bytes) else (text(blob) or "").encode(errors="replace")
    return Stored(kept, DAMAGED_SHA256, 0, len(kept), False)


def setting(value: Value, value_type: Value) -> tuple[str, str]:
    """JSON text and type of a setting; a value that its type does not allow becomes a string."""
    raw, kind = text(value) or "", text(value_type)
    allowed: dict[str | None, tuple[type, ...]] = {
        "number": (int, float),
        "boolean": (bool,),
        "json": (object,),
    }
    try:
        parsed = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        parsed, kind = None, "string"
    fits = kind in allowed and isinstance(parsed, allowed[kind])
    if fits and not (kind == "number" and isinstance(parsed, bool)):
        return raw.strip(), str(kind)
    return msgspec.json.encode(raw).decode(), "string"


def details(value: Value) -> str:
    """Details of an audit entry as a JSON object; anything else is put into one as text."""
    raw = text(value)
    if raw is None:
        return "{}"
    try:
        msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return msgspec.json.encode({"text": raw}).decode()
    return raw
