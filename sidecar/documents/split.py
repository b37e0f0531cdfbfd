"""Finds the documents in a JSON text, and reads the header of each.

A text is one document, of a tool or of none; a list of complete documents; or an envelope, the
format that this program exports: `{"format": "sim-sidecar/1", "exported_at", "items"}`.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import Meta, Raw

from sidecar import limits
from sidecar.bodies import depth, parse
from sidecar.bodies.tools.table import recognise
from sidecar.bodies.tools.unknown import UNKNOWN
from sidecar.documents.refused import Refused
from sidecar.values import Id, Tag

FORMAT: Final = "sim-sidecar/1"
"""The format of an envelope."""

_FORMATS: Final = "sim-sidecar/"

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


class _Envelope(msgspec.Struct):
    """The members of an envelope that are read."""

    format: str
    items: list[Raw] = []


def documents(text: bytes) -> Iterator[Document | NotTaken]:
    """Yield the documents of a JSON text.

    Raises:
        Refused: the whole text cannot be imported.
    """
    envelope = _envelope(text)
    if envelope is not None:
        for index, item in enumerate(envelope.items):
            yield _taken(index, item, _item)
        return
    if text.lstrip()[:1] == b"[":
        # A larger text is no single document, and its value would take ten times its size.
        value = _value(text) if len(text) <= limits.BODY_MAX_BYTES else None
        if value is None or recognise(value) is UNKNOWN:
            parts = msgspec.json.decode(text, type=list[Raw])
            del value
            if parts and all(recognise(_value(bytes(part))) is not UNKNOWN for part in parts):
                for index, part in enumerate(parts):
                    yield _taken(index, part, _document)
                return
    yield _document(None, text)


def _envelope(text: bytes) -> _Envelope | None:
    """Return the envelope in a text; None when the text is not an envelope.

    Raises:
        Refused: it is an envelope of another version, or has no list of items.
    """
    if _FORMATS.encode() not in text[: limits.ENVELOPE_HEAD_BYTES]:
        return None
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
