"""Writes of a workflow's content: a new row, or an existing one changed in place.

A row is never replaced: its `rid`, its runs and its `created_at` outlive every save. The search
indexes follow by trigger, the tag rows are written here.
"""

from typing import Final, NamedTuple

import msgspec

from sidecar.store.codec import Packed
from sidecar.store.connection import Connection
from sidecar.store.workflows import revisions
from sidecar.store.workflows.header import Header

_NO_TAGS: Final = "[]"

_INSERT: Final = (
    "INSERT INTO workflows (id, name, description, tags, category, revision, content_sha256,"
    " size_bytes, stored_bytes, created_at, updated_at)"
    " VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?) RETURNING rid"
)
_UPDATE: Final = (
    "UPDATE workflows SET name = ?, description = ?, tags = ?, category = ?, revision = ?,"
    " content_sha256 = ?, size_bytes = ?, stored_bytes = ?, updated_at = ? WHERE rid = ?"
)
# An upsert rather than an update, so that a save heals a workflow whose body row was lost.
_PUT_BODY: Final = (
    "INSERT INTO workflow_bodies (rid, data) VALUES (?, ?)"
    " ON CONFLICT (rid) DO UPDATE SET data = excluded.data"
)
_ADD_TAGS: Final = (
    "INSERT INTO workflow_tags (tag, updated_at, workflow) SELECT value, ?, ? FROM json_each(?)"
)
_DROP_TAGS: Final = "DELETE FROM workflow_tags WHERE workflow = ?"
_TOUCH_TAGS: Final = "UPDATE workflow_tags SET updated_at = ? WHERE workflow = ?"


class Content(NamedTuple):
    """What a save sets beside the body; `tags` is JSON text, as stored."""

    name: str
    description: str | None
    tags: str
    category: str


def tags_text(tags: list[str]) -> str:
    """The tags as they are stored: duplicates folded, in the order of first mention."""
    if not tags:
        return _NO_TAGS
    return msgspec.json.encode(list(dict.fromkeys(tags))).decode()


def content_of(header: Header) -> Content:
    """The content that a row has now, beside its body."""
    return Content(header.name, header.description, header.tags, header.category)


def insert(db: Connection, workflow_id: str, content: Content, packed: Packed, now_ms: int) -> None:
    """Write a new workflow at revision 1; there must be none by that id."""
    rid = db.execute(
        _INSERT,
        (
            workflow_id,
            *content,
            packed.sha256,
            packed.size_bytes,
            packed.stored_bytes,
            now_ms,
            now_ms,
        ),
    ).get
    db.execute(_PUT_BODY, (rid, packed.data))
    if content.tags != _NO_TAGS:
        db.execute(_ADD_TAGS, (now_ms, rid, content.tags))


def change(
    db: Connection, old: Header, content: Content, packed: Packed | None, now_ms: int
) -> int:
    """Set a workflow's content and, when `packed` is given, its body; return its new revision.

    The revision that was is kept beside.
    """
    revisions.keep(db, old, same_body=packed is None)
    revision = old.revision + 1
    sha256, size_bytes, stored_bytes = (
        (old.content_sha256, old.size_bytes, old.stored_bytes)
        if packed is None
        else (packed.sha256, packed.size_bytes, packed.stored_bytes)
    )
    db.execute(
        _UPDATE,
        (*content, revision, sha256, size_bytes, stored_bytes, now_ms, old.rid),
    )
    if packed is not None:
        db.execute(_PUT_BODY, (old.rid, packed.data))
    _follow_tags(db, old, content.tags, now_ms)
    return revision


def _follow_tags(db: Connection, old: Header, tags: str, now_ms: int) -> None:
    """Bring the tag rows in line with the header: their tags, and their copy of updated_at."""
    if tags == old.tags:
        if tags != _NO_TAGS:
            db.execute(_TOUCH_TAGS, (now_ms, old.rid))
        return
    if old.tags != _NO_TAGS:
        db.execute(_DROP_TAGS, (old.rid,))
    if tags != _NO_TAGS:
        db.execute(_ADD_TAGS, (now_ms, old.rid, tags))
