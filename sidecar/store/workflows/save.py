"""Writes of a workflow's content: a new row, or the next revision of a row that exists.

A row is never replaced: its `rid`, its runs and its `created_at` outlive every save. The search
indexes follow by trigger; the tag rows are written here. What is stored already is compared
before anything is compressed, so that an autosave without changes costs a look-up and a hash.
"""

from contextlib import suppress
from typing import Final

from sidecar.errors import DatabaseDamaged
from sidecar.folding import sort_key
from sidecar.store import codec
from sidecar.store.codec import Packed
from sidecar.store.connection import Connection
from sidecar.store.workflows import revisions
from sidecar.store.workflows.header import NO_TAGS, Content, Header, packed_body

_INSERT: Final = (
    "INSERT INTO workflows (id, name, description, tags, category, revision, content_sha256,"
    " size_bytes, stored_bytes, created_at, updated_at, name_key)"
    " VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?)"
)
_UPDATE: Final = (
    "UPDATE workflows SET revision = ?, content_sha256 = ?, size_bytes = ?, stored_bytes = ?,"
    " updated_at = ?{content} WHERE rid = ?"
)
# An upsert rather than an update, so that a save restores a missing body row.
_PUT_BODY: Final = (
    "INSERT INTO workflow_bodies (rid, data) VALUES (?, ?)"
    " ON CONFLICT (rid) DO UPDATE SET data = excluded.data"
)
_ADD_TAGS: Final = (
    "INSERT INTO workflow_tags (tag, updated_at, workflow) SELECT value, ?, ? FROM json_each(?)"
)
# The rows of tags are found by their primary key, all of which is in the workflow's row: an index
# by workflow would be one more page for each save.
_ROWS_OF_TAGS: Final = "workflow = ? AND updated_at = ? AND tag IN (SELECT value FROM json_each(?))"
DROP_TAGS: Final = f"DELETE FROM workflow_tags WHERE {_ROWS_OF_TAGS}"  # noqa: S608 - constants
_TOUCH_TAGS: Final = f"UPDATE workflow_tags SET updated_at = ? WHERE {_ROWS_OF_TAGS}"  # noqa: S608 - constants


def insert_workflow(
    db: Connection,
    workflow_id: str,
    content: Content,
    body: bytes,
    now_ms: int,
    sha256: bytes | None = None,
) -> Header:
    """Write a new workflow at revision 1 and return its header; no workflow has that id yet.

    `sha256` is the fingerprint of `body` where the caller knows it.
    """
    return insert_packed(db, workflow_id, content, codec.pack(body, sha256), now_ms)


def insert_packed(
    db: Connection, workflow_id: str, content: Content, packed: Packed, now_ms: int
) -> Header:
    """Write a new workflow as `insert_workflow` does; its body was packed before."""
    data, sha256, size_bytes, stored_bytes = packed
    name_key = sort_key(content.name)
    row = (workflow_id, *content, sha256, size_bytes, stored_bytes, now_ms, now_ms, name_key)
    db.execute(_INSERT, row)
    rid = db.last_insert_rowid()  # RETURNING would make a temporary table
    db.execute(_PUT_BODY, (rid, data))
    if content.tags != NO_TAGS:
        db.execute(_ADD_TAGS, (now_ms, rid, content.tags))
    sizes = (size_bytes, stored_bytes)
    return Header(workflow_id, *content, 1, now_ms, now_ms, None, *sizes, 0, None, rid, sha256)


def write_revision(
    db: Connection, old: Header, content: Content, body: bytes | Packed | None, now_ms: int
) -> Header:
    """Write the next revision of a workflow and return its header; None keeps the body.

    The replaced revision is kept in the history. When content and body equal what is stored,
    nothing is written and `old` itself is returned.
    """
    packed = None if body is None else _pack_if_new(db, old, body)
    if packed is None and content == old.content:
        return old
    revisions.keep(db, old, same_body=packed is None)
    if packed is None:
        sha256, size_bytes, stored_bytes = old.content_sha256, old.size_bytes, old.stored_bytes
    else:
        data, sha256, size_bytes, stored_bytes = packed
        db.execute(_PUT_BODY, (old.rid, data))
    revision = old.revision + 1
    changed = _changed_columns(old.content, content)
    row = (revision, sha256, size_bytes, stored_bytes, now_ms, *changed.values(), old.rid)
    db.execute(_UPDATE.format(content="".join(f", {name} = ?" for name in changed)), row)
    _follow_tags(db, old, content.tags, now_ms)
    return Header(
        old.id,
        *content,
        revision,
        old.created_at,
        now_ms,
        old.archived_at,
        size_bytes,
        stored_bytes,
        old.run_count,
        old.last_run_at,
        old.rid,
        sha256,
        old.source,
        old.source_id,
        old.text_truncated,
    )


def _changed_columns(old: Content, new: Content) -> dict[str, str | None]:
    """Return the columns of the content that change, with their new values.

    SQLite writes the entries of a row in its indexes again for each column that is set, also to
    the same value: all columns of an unchanged header are a quarter of what a save writes.
    """
    if new == old:
        return {}
    pairs = zip(old._asdict().items(), new, strict=True)
    changed = {name: value for (name, before), value in pairs if value != before}
    if "name" in changed:
        changed["name_key"] = sort_key(new.name)
    return changed


def _pack_if_new(db: Connection, old: Header, body: bytes | Packed) -> Packed | None:
    """Pack a body, or take one that is packed; None when it is stored already and not damaged."""
    sha256 = body.sha256 if isinstance(body, Packed) else codec.fingerprint(body)
    if sha256 == old.content_sha256:
        with suppress(DatabaseDamaged, UnicodeDecodeError):
            data = packed_body(db, old.rid)
            if isinstance(body, Packed):
                codec.unpack(data, sha256, old.size_bytes)
                return None
            if len(body) == old.size_bytes and codec.holds(data, body):
                return None
    return body if isinstance(body, Packed) else codec.pack(body, sha256)


def _follow_tags(db: Connection, old: Header, tags: str, now_ms: int) -> None:
    """Update the tag rows of a workflow: its tags, and the copy of `updated_at` in each row."""
    rows_of_old = (old.rid, old.updated_at, old.tags)
    if tags == old.tags:
        if tags != NO_TAGS:
            db.execute(_TOUCH_TAGS, (now_ms, *rows_of_old))
        return
    if old.tags != NO_TAGS:
        db.execute(DROP_TAGS, rows_of_old)
    if tags != NO_TAGS:
        db.execute(_ADD_TAGS, (now_ms, old.rid, tags))
