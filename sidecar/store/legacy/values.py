"""Converts single values of a legacy file. All functions are pure and none of them fails.

The tables of a legacy file are not STRICT, so a column can hold a value of any type, and one
wrong value is no reason to refuse the file. A value that cannot be converted is replaced by a
neutral one, or kept as it is where it is content (bodies, summaries, texts).
"""

import zlib
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from sidecar import limits
from sidecar.bodies.parse import is_json
from sidecar.store import codec

Value = int | float | str | bytes | None
"""Any value that SQLite can return."""

DECODED_MAX_BYTES = 16 * limits.BODY_MAX_BYTES
"""A blob that unpacks to more than this counts as damaged, so that it cannot fill the memory."""

_GZIP_WINDOW = 31
_MILLISECONDS_FROM = 100_000_000_000
"""Times from here on are milliseconds already: as seconds this would be the year 5138."""

DAMAGED_SHA256 = bytes(32)
"""The hash that is stored for a blob that cannot be decoded; no content has it."""


class Stored(NamedTuple):
    """A body or summary as the new file stores it; `sha256` is the hash of the decoded bytes."""

    data: bytes
    sha256: bytes
    size_bytes: int
    stored_bytes: int
    readable: bool


def text(value: Value) -> str | None:
    """Return any value as text; bytes that are not UTF-8 become replacement characters."""
    if value is None or isinstance(value, str):
        return value
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def status(value: Value) -> str:
    """Return the status of a run; an unknown status becomes "error"."""
    found = text(value) or ""
    return found if found in ("running", "success", "error", "cancelled") else "error"


def count(value: Value) -> int:
    """Return a value as a whole number from 0 to 2^53-1; 0 when it is not a number."""
    number = _number(value)
    return 0 if number is None else min(max(int(number), 0), limits.SAFE_INTEGER_MAX)


def _number(value: Value) -> int | float | None:
    """Return a number, also from its text; None for anything else and for infinity and NaN."""
    if isinstance(value, bytes) or value is None:
        return None
    try:
        number = float(value) if isinstance(value, str) else value
        int(number)
    except (ValueError, OverflowError):
        return None
    return number


def millis(value: Value) -> int | None:
    """Return a time as milliseconds since 1970, or None when the value is not a time.

    A number is seconds, or milliseconds when it is large enough; text may also be ISO 8601.
    """
    number = _number(value)
    if number is None:
        return _iso_millis(value) if isinstance(value, str) else None
    found = number if abs(number) >= _MILLISECONDS_FROM else number * 1000
    return min(max(int(found), 0), limits.SAFE_INTEGER_MAX)


def _iso_millis(value: str) -> int | None:
    """Return an ISO 8601 time as milliseconds; without a time zone it is UTC."""
    try:
        found = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return max(int(found.timestamp() * 1000), 0)


def tags(value: Value) -> list[str]:
    """Return the tags of a JSON array of strings, without duplicates.

    Text that is not a JSON array becomes a tag itself. A tag that is longer than the limit is cut
    into several tags, so that no word of it is lost.
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
    """Return a member of the array as a tag: a string's text, "" for null, else its JSON."""
    written = bytes(member)
    if written == b"null":
        return ""
    try:
        return msgspec.json.decode(written, type=str)
    except msgspec.ValidationError:
        return written.decode(errors="replace")


def body(blob: Value, workflow_id: str) -> Stored:
    """Return the body within a workflow's blob.

    The first program packed the whole workflow, metadata included: if the JSON is an object with
    this workflow's `id` and a member `data`, the body is that `data`, byte for byte.
    """
    decoded = _json_of(blob)
    if decoded is None:
        return _damaged(blob)
    return _packed(_inner(decoded, workflow_id))


def summary(blob: Value) -> Stored:
    """Return the summary of a run; of a large one the first MiB as text, with its true size."""
    decoded = _json_of(blob)
    if decoded is None:
        return _damaged(blob)
    kept = decoded
    if len(decoded) > limits.SUMMARY_KEPT_BYTES:
        text = decoded[: limits.SUMMARY_KEPT_BYTES].decode(errors="ignore")
        kept = msgspec.json.encode(text)
    return _packed(kept)._replace(size_bytes=len(decoded))


def _inner(decoded: bytes, workflow_id: str) -> bytes:
    """Return the member `data` of a packed workflow, or all of the JSON when it is not one."""
    try:
        members = msgspec.json.decode(decoded, type=dict[str, msgspec.Raw])
        found_id = msgspec.json.decode(members.get("id", msgspec.Raw(b"null")), type=str)
    except msgspec.ValidationError:
        return decoded
    return bytes(members["data"]) if found_id == workflow_id and "data" in members else decoded


def _json_of(blob: Value) -> bytes | None:
    """Return the JSON text in a gzip-compressed blob, or None when the blob is anything else."""
    if not isinstance(blob, bytes):
        return None
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        decoded = unpacker.decompress(blob, DECODED_MAX_BYTES)
        if not unpacker.eof:
            return None
    except zlib.error:
        return None
    return decoded if is_json(decoded) else None


def _packed(decoded: bytes) -> Stored:
    """Compress decoded JSON as the new file stores it."""
    packed = codec.pack(decoded)
    return Stored(packed.data, packed.sha256, packed.size_bytes, packed.stored_bytes, True)


def _damaged(blob: Value) -> Stored:
    """Keep the bytes of a blob that cannot be decoded; the new file reports them as damaged."""
    data = blob if isinstance(blob, bytes) else (text(blob) or "").encode(errors="replace")
    return Stored(data, DAMAGED_SHA256, 0, len(data), False)


def setting(value: Value, value_type: Value) -> tuple[str, str]:
    """Return the JSON text and the type of a setting; a value of another type becomes a string."""
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
    """Return the details of an audit entry as a JSON object; other text becomes {"text": ...}."""
    raw = text(value)
    if raw is None:
        return "{}"
    try:
        msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return msgspec.json.encode({"text": raw}).decode()
    return raw
