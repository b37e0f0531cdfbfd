"""Finds the documents in a JSON text, and reads the header of each.

A text is one document, of a tool or of none; a list of complete documents; or an envelope, the
format that this program exports: `{"format": "sim-sidecar/1", "exported_at", "items"}`. The
manifest of an export in the formats of the tools is no document: it is about the files beside it.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import Meta, Raw

from sidecar import limits, memory_room
from sidecar.bodies import depth, parse
from sidecar.bodies.tools.table import recognise
from sidecar.bodies.tools.unknown import UNKNOWN
from sidecar.documents.refused import Refused
from sidecar.values import Id, Tag

FORMAT: Final = "sim-sidecar/1"
"""The format of an envelope."""

MANIFEST_FORMAT: Final = "sim-sidecar files/1"
"""The format of the manifest of an export with a file for each workflow."""

_FORMATS: Final = "sim-sidecar/"
_MANIFEST_FORMATS: Final = "sim-sidecar files/"

_PART_BYTES: Final = 64
"""Memory that a value of a list takes beside its text."""

SourceText = Annotated[str, Meta(min_length=1, max_length=limits.SOURCE_ID_MAX_CHARS)]


class Document(NamedTuple):
    """One document: a body, and the header of the workflow; None for what is unknown."""

    place: int | None
    """Index of the document in a list; None when the file is one document."""
    body: bytes
    name: str | None
    description: str | None
    tags: list[str] | None
    category: str | None
    own_id: str | None
    """The id in the file; None when it has none, or one that a workflow cannot have."""
    source: str | None
    source_id: str | None
    archived: bool = False


class NotTaken(NamedTuple):
    """A document in a list that cannot be imported; the others can."""

    place: int
    refused: Refused


Space = Annotated[str, Meta(pattern=r"^[ \t\r\n]*\Z", max_length=limits.BODY_MAX_BYTES)]


class _Item(msgspec.Struct):
    """One item of an envelope."""

    data: Raw
    name: Annotated[str, Meta(min_length=1, max_length=limits.NAME_MAX_CHARS)]
    id: Id | None = None
    description: Annotated[str, Meta(max_length=limits.DESCRIPTION_MAX_CHARS)] | None = None
    tags: Annotated[list[Tag], Meta(max_length=limits.TAGS_MAX)] = []
    category: Annotated[str, Meta(min_length=1, max_length=limits.CATEGORY_MAX_CHARS)] | None = None
    source: SourceText | None = None
    source_id: SourceText | None = None
    archived_at: int | None = None
    data_space: tuple[Space, Space] | None = None
    """The white space around the body, which the decoder has dropped."""


class _Format(msgspec.Struct):
    """The member by which a format of this program is recognised."""

    format: str


class _Envelope(_Format):
    """The members of an envelope that are read."""

    items: list[Raw] = []


class _First(msgspec.Struct, array_like=True):
    """The first value of a list; the others are skipped."""

    value: Raw


def documents(text: bytes) -> Iterator[Document | NotTaken]:
    """Yield the documents of a JSON text.

    Raises:
        Refused: the whole text cannot be imported.
    """
    if _is_manifest(text):
        return
    envelope = _envelope(text)
    if envelope is not None:
        for index, item in enumerate(envelope.items):
            yield _taken(index, item, _item)
        return
    parts = _parts(text)
    for index, part in enumerate(parts):
        yield _taken(index, part, _document)
    if not parts:
        yield _document(None, text)


def _parts(text: bytes) -> list[Raw]:
    """Return the texts of a list of complete documents; none for any other text."""
    if text.lstrip()[:1] != b"[":
        return []
    # A larger text is no single document, and its value would take ten times its size.
    if len(text) <= limits.BODY_MAX_BYTES and _is_complete(text):
        return []
    try:
        first = msgspec.json.decode(text, type=_First).value
    except msgspec.ValidationError:
        return []
    if not _is_complete(bytes(first)):
        return []
    _require_room(text)
    parts = msgspec.json.decode(text, type=list[Raw])
    return parts if all(_is_complete(bytes(part)) for part in parts) else []


def _is_complete(text: bytes) -> bool:
    """Return whether a JSON text is a document of a tool."""
    return recognise(_value(text)) is not UNKNOWN


def _require_room(text: bytes) -> None:
    """Raise OSError unless there is memory for the values of all lists of a JSON text."""
    memory_room.require(_PART_BYTES * (text.count(b",") + 1))


def _is_manifest(text: bytes) -> bool:
    """Return whether a text is the manifest of an export, of this version or of another."""
    if _MANIFEST_FORMATS.encode() not in text[: limits.ENVELOPE_HEAD_BYTES]:
        return False
    try:
        found = msgspec.json.decode(text, type=_Format).format
    except msgspec.ValidationError:
        return False
    return found.startswith(_MANIFEST_FORMATS)


def _envelope(text: bytes) -> _Envelope | None:
    """Return the envelope in a text; None when the text is not an envelope.

    Raises:
        Refused: it is an envelope of another version, or has no list of items.
    """
    if _FORMATS.encode() not in text[: limits.ENVELOPE_HEAD_BYTES]:
        return None
    _require_room(text)
    try:
        found = msgspec.json.decode(text, type=_Envelope)
    except msgspec.ValidationError:
        return None
    if not found.format.startswith(_FORMATS):
        return None
    if found.format != FORMAT:
        raise Refused("format")
    return found


def item_document(index: int, text: bytes) -> Document | NotTaken:
    """Return the document of an item of an envelope, or why it cannot be imported."""
    return _taken(index, Raw(text), _item)


def _taken(index: int, part: Raw, read: Any) -> Document | NotTaken:
    """Return a document of a list, or why it cannot be imported."""
    try:
        taken: Document = read(index, bytes(part))
    except Refused as refused:
        return NotTaken(index, refused)
    return taken


def _item(index: int, text: bytes) -> Document:
    """Return the document of an item of an envelope."""
    try:
        item = msgspec.json.decode(text, type=_Item)
    except msgspec.DecodeError:
        raise Refused("format") from None
    texts = (item.id, item.name, item.description, item.category, item.source, *item.tags)
    if any("\0" in each for each in (*texts, item.source_id) if each):
        raise Refused("format")
    before, after = item.data_space or ("", "")
    body = _sound(before.encode() + bytes(item.data) + after.encode())
    return Document(
        index,
        body,
        item.name,
        item.description,
        item.tags,
        item.category,
        item.id,
        item.source,
        item.source_id,
        item.archived_at is not None,
    )


def _document(index: int | None, text: bytes) -> Document:
    """Return a document of a tool, or of none."""
    value = _value(_sound(text))
    tool = recognise(value)
    title = tool.title(value)
    own = _without_nul(tool.own_id(value))
    return Document(
        index,
        text,
        _cut(title.name, limits.NAME_MAX_CHARS),
        _cut(title.description, limits.DESCRIPTION_MAX_CHARS),
        _tags(title.tags),
        None,
        own if 0 < len(own) <= limits.ID_TEXT_MAX_CHARS else None,
        tool.name,
        own if 0 < len(own) <= limits.SOURCE_ID_MAX_CHARS else None,
    )


def _sound(body: bytes) -> bytes:
    """Return a body after checking its size and depth.

    Raises:
        Refused: the body is too large or nests too deep.
    """
    if len(body) > limits.BODY_MAX_BYTES:
        raise Refused("too_large")
    if depth.exceeds(body):
        raise Refused("too_deep")
    return body


def _value(text: bytes) -> Any:
    """Return the value of a JSON text; None when it cannot be decoded (no tool recognises None)."""
    try:
        return parse.parse(text, rounded=True)
    except parse.NotJSON:
        return None


def _without_nul(text: str) -> str:
    """Return a text without characters that a workflow may not have."""
    return text.replace("\0", "")


def _cut(text: str | None, most: int) -> str | None:
    """Return a text of a title, shortened to its limit; None when it is blank."""
    return (_without_nul(text).strip()[:most] or None) if text else None


def _tags(found: tuple[str, ...]) -> list[str] | None:
    """Return the tags of a title within the limits of a workflow; None when there are none."""
    cut = (_cut(tag, limits.TAG_MAX_CHARS) for tag in found)
    return list(dict.fromkeys(filter(None, cut)))[: limits.TAGS_MAX] or None
