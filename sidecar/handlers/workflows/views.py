"""How workflows look in answers, and how many fit into one line.

Tags and bodies pass through as the JSON text the store holds: nothing here parses them.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Result
from sidecar.errors import SidecarError
from sidecar.store.workflows.header import Header
from sidecar.values import Category, Count, Revision, Tag, Timestamp, WorkflowId, stored_json


class WorkflowHeader(msgspec.Struct, frozen=True):
    """A workflow without its body, as lists show it."""

    id: WorkflowId
    name: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=limits.NAME_MAX_CHARS,
            description="Name for people, 1 to 512 characters; need not be unique.",
        ),
    ]
    description: Annotated[
        str | None,
        Meta(description="Text for people, at most 16384 characters; null without one."),
    ]
    tags: Annotated[list[Tag], Meta(description="Tags in the order given, each once.")]
    category: Category
    revision: Revision
    created_at: Timestamp
    updated_at: Timestamp
    archived_at: Annotated[
        Timestamp | None, Meta(description="When it was archived; null while it is live.")
    ]
    size_bytes: Annotated[Count, Meta(description="Size of the body, bytes of JSON.")]
    stored_bytes: Annotated[Count, Meta(description="Size of the body as stored, bytes.")]
    run_count: Annotated[Count, Meta(description="How many runs it has.")]
    last_run_at: Annotated[
        Timestamp | None, Meta(description="Start of its newest run; null before the first.")
    ]


class Workflow(WorkflowHeader, frozen=True):
    """A workflow whole."""

    data: Annotated[Any, Meta(description="The body: the JSON that was saved, byte for byte.")]


class WorkflowsSaveResult(Result, frozen=True):
    """What a save, or whatever else writes a workflow's content, came to."""

    id: WorkflowId
    revision: Revision
    created: Annotated[bool, Meta(description="Whether there was no workflow by that id before.")]
    changed: Annotated[
        bool, Meta(description="False when all was as stored: then nothing was written.")
    ]
    updated_at: Timestamp
    size_bytes: Annotated[Count, Meta(description="Size of the body, bytes of JSON.")]
    stored_bytes: Annotated[Count, Meta(description="Size of the body as stored, bytes.")]


class WorkflowsItemError(msgspec.Struct, frozen=True):
    """Why one item of several failed; the others are not touched by it."""

    code: Annotated[int, Meta(description="Error code, as in a whole error answer.")]
    slug: Annotated[str, Meta(description="Stable name of the error.")]
    message: Annotated[str, Meta(description="One sentence for a person.")]
    path: Annotated[
        str | None, Meta(description="Which member of the request it is about, null for none.")
    ]

    @classmethod
    def of(cls, fault: SidecarError) -> "WorkflowsItemError":
        """The same as the item's own."""
        path = fault.data.get("path")
        return cls(fault.code, fault.slug, fault.message, None if path is None else str(path))


def header_fields(header: Header, *more: object) -> tuple[Any, ...]:
    """The fields of `WorkflowHeader` in order, and those that a larger struct adds."""
    return (*header[:3], stored_json(header.tags), *header[4:13], *more)


def header_view(header: Header) -> WorkflowHeader:
    """A stored header as answers carry it."""
    return WorkflowHeader(*header_fields(header))


def workflow_view(header: Header, body: bytes) -> Workflow:
    """A stored workflow as answers carry it."""
    return Workflow(*header_fields(header, stored_json(body)))


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
"""Names, numbers and punctuation of one header in an answer: about 400 bytes at most."""

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
)

ROOM_BYTES = limits.ANSWER_MAX_BYTES - limits.ANSWER_ROOM_BYTES
"""What the items of one answer may take."""


def header_bytes(header: Header) -> int:
    """At most how many bytes a header takes in an answer."""
    chars = len(header.id) + len(header.name) + len(header.category)
    chars += len(header.description or "")
    return HEADER_FIXED_BYTES + ESCAPED_CHAR_BYTES * chars + UTF8_CHAR_BYTES * len(header.tags)


def fitting(headers: list[Header]) -> list[Header]:
    """As many headers from the first on as one answer holds: nearly always all of them."""
    if len(headers) * HEADER_MAX_BYTES <= ROOM_BYTES:
        return headers
    room = ROOM_BYTES
    for count, header in enumerate(headers):
        room -= header_bytes(header)
        if room < 0:
            return headers[:count]
    return headers
