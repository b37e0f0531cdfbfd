"""Types that several methods share: ids, times, counts, pages and their cursors.

The meaning of a field is in `Meta(description=...)`, because msgspec's schema export, and with it
the contract, takes descriptions from there. This module knows nothing of the wire or the store.
"""

import base64
import binascii
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sidecar import digests, limits

Id = Annotated[str, Meta(min_length=1, max_length=limits.ID_TEXT_MAX_CHARS)]
"""An id that the client has chosen or the process has made (a UUIDv7)."""

WorkflowId = Annotated[Id, Meta(description="Id of a workflow, 1 to 128 characters.")]
RunId = Annotated[Id, Meta(description="Id of a run, 1 to 128 characters.")]

Timestamp = Annotated[
    int,
    Meta(
        ge=0,
        le=limits.SAFE_INTEGER_MAX,
        description="Milliseconds since the Unix epoch, UTC.",
    ),
]
Count = Annotated[int, Meta(ge=0, le=limits.SAFE_INTEGER_MAX)]
"""A number of objects, of bytes or of milliseconds."""

Revision = Annotated[
    int,
    Meta(ge=1, le=limits.SAFE_INTEGER_MAX, description="Revision number, from 1, rising by 1."),
]
ExpectedRevision = Annotated[
    int,
    Meta(
        ge=0,
        le=limits.SAFE_INTEGER_MAX,
        description="Save only when this is the revision; 0: when the workflow does not exist yet.",
    ),
]
Limit = Annotated[
    int, Meta(ge=1, le=limits.PAGE_MAX, description="Most items in one answer, 1 to 500.")
]
Cursor = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=limits.CURSOR_MAX_CHARS,
        description="`next_cursor` of the page before; all other params must be the same.",
    ),
]
CursorParam = Annotated[
    Cursor | None,
    Meta(description="`next_cursor` of the page before; null or absent: the first page."),
]
NextCursor = Annotated[
    str | None, Meta(description="Give it as `cursor` to get the next page; null on the last page.")
]
TotalParam = Annotated[
    bool | None,
    Meta(description="true: also count the items of all pages together; null or absent: do not."),
]
Total = Annotated[
    Annotated[int, Meta(ge=0, le=limits.TOTAL_MAX)] | None,
    Meta(
        description="Number of items of all pages together, counted up to 10000; null when the"
        " param `total` did not ask for it."
    ),
]
TotalCapped = Annotated[
    bool, Meta(description="Whether there are more items than `total`, where counting stopped.")
]
Tag = Annotated[
    str,
    Meta(min_length=1, max_length=limits.TAG_MAX_CHARS, description="A tag, 1 to 64 characters."),
]
Category = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=limits.CATEGORY_MAX_CHARS,
        description="The one category of a workflow, 1 to 64 characters.",
    ),
]
Source = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=limits.SOURCE_MAX_CHARS,
        description="The tool that a workflow was imported from, such as `n8n`; `unknown` for none"
        " that is known.",
    ),
]
SourceId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=limits.SOURCE_ID_MAX_CHARS,
        description="What a workflow is called by others where it was imported from.",
    ),
]


def stored_json(text: str | bytes) -> Any:
    """Return stored JSON so that it goes into the answer as it is, without being parsed.

    It is a `msgspec.Raw` with the static type Any, because the field of the result struct has
    the type of what the JSON contains.
    """
    raw: Any = msgspec.Raw(text)
    return raw


def encode_cursor(*keys: str | float | None) -> str:
    """Return an opaque cursor made of the keys of the last row of a page."""
    return base64.urlsafe_b64encode(msgspec.json.encode(keys)).decode().rstrip("=")


def decode_cursor(cursor: str, *kinds: type) -> tuple[Any, ...] | None:
    """Return the keys of a cursor, or None when it is not a cursor with keys of these types."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        keys = msgspec.json.decode(text)
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(keys, list) or len(keys) != len(kinds):
        return None
    if any(type(key) is not kind for key, kind in zip(keys, kinds, strict=True)):
        return None
    if any(isinstance(key, int) and abs(key) > limits.SAFE_INTEGER_MAX for key in keys):
        return None
    return tuple(keys)


def query_mark(*params: object) -> str:
    """Return a short digest of the params that a cursor belongs to."""
    return digests.short_hash(msgspec.json.encode(params), 6).hex()
