"""The structs that several methods of workflows answer with, and how many fit into one answer.

Tags and bodies are passed on as the JSON text that the store holds: nothing here parses them.
"""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from sidecar import limits
from sidecar.catalog import MayBeDamaged, Result
from sidecar.errors import ErrorSlug, SidecarError
from sidecar.store.workflows.header import Header
from sidecar.values import (
    Category,
    Count,
    Revision,
    Source,
    SourceId,
    Tag,
    Timestamp,
    WorkflowId,
    stored_json,
)

Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=limits.NAME_MAX_CHARS,
        description="Name for people, 1 to 512 characters; need not be unique.",
    ),
]


class _MayBeImported(MayBeDamaged, frozen=True, kw_only=True):
    """The additional members of a workflow that was imported."""

    source: Annotated[
        Source | UnsetType,
        Meta(description="The tool that it was imported from; present only when it was."),
    ] = UNSET
    source_id: Annotated[
        SourceId | UnsetType,
        Meta(description="Its id in that tool, or else its file; present only with `source`."),
    ] = UNSET


class _MayBeTruncated(_MayBeImported, frozen=True, kw_only=True, omit_defaults=True):
    """The additional member of a workflow when not all of its text is searched."""

    text_truncated: Annotated[
        bool,
        Meta(
            description="Present and true when the body has more text than is searched: 262144"
            " characters, or none of a body over 4 MiB."
        ),
    ] = False


class WorkflowHeader(_MayBeTruncated, frozen=True):
    """A workflow without its body."""

    id: WorkflowId
    name: Name
    description: Annotated[
        str | None,
        Meta(description="Text for people, at most 16384 characters; null when there is none."),
    ]
    tags: Annotated[
        list[Tag], Meta(description="Its tags, each once, in the order in which they were set.")
    ]
    category: Category
    revision: Revision
    created_at: Timestamp
    updated_at: Timestamp
    archived_at: Annotated[
        Timestamp | None, Meta(description="When it was archived; null while it is live.")
    ]
    size_bytes: Annotated[Count, Meta(description="Size of the body, bytes of JSON.")]
    stored_bytes: Annotated[Count, Meta(description="Size of the body as stored, bytes.")]
    run_count: Annotated[Count, Meta(description="Number of its runs.")]
    last_run_at: Annotated[
        Timestamp | None, Meta(description="Start of its newest run; null when it has none.")
    ]


class Workflow(WorkflowHeader, frozen=True):
    """A workflow with its body."""

    data: Annotated[
        Any,
        Meta(
            description="The body: the JSON that was saved, byte for byte, except that a raw U+2028"
            " or U+2029 in a string is escaped and a raw CR between values is a space, since many"
            " programs split lines there. Its numbers may be larger or finer than a double."
        ),
    ]


class WorkflowsSaveResult(Result, frozen=True):
    """A workflow after a save or another method that writes its content."""

    id: WorkflowId
    revision: Revision
    created: Annotated[bool, Meta(description="Whether the workflow is new.")]
    changed: Annotated[
        bool,
        Meta(description="False when everything was stored already: then nothing was written."),
    ]
    updated_at: Timestamp
    size_bytes: Annotated[Count, Meta(description="Size of the body, bytes of JSON.")]
    stored_bytes: Annotated[Count, Meta(description="Size of the body as stored, bytes.")]


class WorkflowsItemError(msgspec.Struct, frozen=True):
    """The error of one item; the other items are not affected by it."""

    code: Annotated[int, Meta(description="Error code, as in the error of a request.")]
    slug: ErrorSlug
    message: Annotated[str, Meta(description="One sentence for a person.")]
    path: Annotated[
        str | None,
        Meta(description="The member of the request that the error is about; null for none."),
    ]

    @classmethod
    def of(cls, fault: SidecarError) -> "WorkflowsItemError":
        """Return the error of an item for the exception that the item raised."""
        path = fault.data.get("path")
        return cls(fault.code, fault.slug, fault.message, None if path is None else str(path))


def header_fields(header: Header, *more: object) -> tuple[Any, ...]:
    """Return the fields of `WorkflowHeader` in order, followed by `more` of a larger struct."""
    return (*header[:3], stored_json(header.tags), *header[4:13], *more)


PLAIN = (None, None, 0, False)
"""The last fields, from 15 on, of the header of a workflow that has none of the optional fields, as
nearly all: to read each field by its name costs 5 % of a list."""


def optional_fields(header: Header) -> dict[str, Any]:
    """Return the fields of `WorkflowHeader` that only some workflows have, by their names."""
    found: dict[str, Any] = {"damaged": True} if header.damaged else {}
    if header.text_truncated:
        found["text_truncated"] = True
    if header.source is not None:
        found["source"] = header.source
        if header.source_id is not None:
            found["source_id"] = header.source_id
    return found


def header_view(header: Header) -> WorkflowHeader:
    """Return a stored header as answers carry it."""
    fields = header_fields(header)
    if header[15:] == PLAIN:
        return WorkflowHeader(*fields)
    return WorkflowHeader(*fields, **optional_fields(header))


def workflow_view(header: Header, body: bytes) -> Workflow:
    """Return a stored workflow as answers carry it."""
    return Workflow(*header_fields(header, stored_json(body)), **optional_fields(header))


def save_view(header: Header, *, created: bool, changed: bool) -> WorkflowsSaveResult:
    """Return the answer to a save after which a workflow has this header."""
    return WorkflowsSaveResult(
        header.id,
        header.revision,
        created,
        changed,
        header.updated_at,
        header.size_bytes,
        header.stored_bytes,
    )


HEADER_FIXED_BYTES = 512
"""Upper bound of the names, numbers and punctuation of one header: they take about 400 bytes."""

ESCAPED_CHAR_BYTES = 6
"""Longest form of one character in JSON: an escaped control character."""

UTF8_CHAR_BYTES = 4
"""Longest form of one character in UTF-8; stored tags are JSON already."""

HEADER_MAX_BYTES = HEADER_FIXED_BYTES + ESCAPED_CHAR_BYTES * (
    limits.ID_TEXT_MAX_CHARS
    + limits.NAME_MAX_CHARS
    + limits.DESCRIPTION_MAX_CHARS
    + limits.CATEGORY_MAX_CHARS
    + limits.TAGS_MAX * (limits.TAG_MAX_CHARS + 1)
    + limits.SOURCE_MAX_CHARS
    + limits.SOURCE_ID_MAX_CHARS
)

_SEPARATOR_BYTES = 3
"""Size of U+2028 or U+2029 in UTF-8."""

UNESCAPED_MAX_BYTES = limits.BODY_MAX_BYTES * _SEPARATOR_BYTES // ESCAPED_CHAR_BYTES
"""No body up to this size takes more than BODY_MAX_BYTES in an answer."""

ITEMS_MAX_BYTES = limits.ANSWER_MAX_BYTES - limits.ANSWER_ROOM_BYTES
"""How many bytes the items of one answer may take."""


def header_bytes(header: Header) -> int:
    """Return an upper bound of the bytes that a header takes in an answer."""
    chars = len(header.id) + len(header.name) + len(header.category)
    chars += len(header.description or "") + len(header.source or "") + len(header.source_id or "")
    return HEADER_FIXED_BYTES + ESCAPED_CHAR_BYTES * chars + UTF8_CHAR_BYTES * len(header.tags)


def sent_bytes(body: bytes) -> int:
    """Return the bytes that a body takes in an answer, where U+2028 and U+2029 are escaped."""
    # A scan for one byte is as fast as memchr, and nearly always finds none.
    separators = sum(body.count(b"\xe2\x80" + last) for last in (b"\xa8", b"\xa9") if last in body)
    return len(body) + (ESCAPED_CHAR_BYTES - _SEPARATOR_BYTES) * separators


def count_fitting(headers: list[Header]) -> int:
    """Return how many of the headers, from the first on, one answer holds: nearly always all."""
    if len(headers) * HEADER_MAX_BYTES <= ITEMS_MAX_BYTES:
        return len(headers)
    room = ITEMS_MAX_BYTES
    for count, header in enumerate(headers):
        room -= header_bytes(header)
        if room < 0:
            return count
    return len(headers)
