"""Earlier revisions of workflows: kept by the save that replaces them, packed later, pruned.

A save copies the body that it replaces as it was stored, which is a few pages. A chore packs it
later: the first body of each ten revisions as a whole frame, the others as differences from that
one. A revision whose body is the same as the next one's has no body of its own.
"""

from collections.abc import Iterable
from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Raw

from sidecar import limits
from sidecar.errors import DatabaseDamaged
from sidecar.store import codec
from sidecar.store.connection import Connection
from sidecar.store.rows import UNFIT, RowKind
from sidecar.store.workflows import frames, header
from sidecar.store.workflows.header import Content, Header
from sidecar.values import Count, Revision, Timestamp

Form = Literal["stored", "plain", "key", "delta", "same"]

_KEEP: Final = (
    "INSERT INTO workflow_revisions"
    " (workflow, revision, metadata, form, data, sha256, size_bytes, created_at)"
    " VALUES (?, ?, ?, 'stored', (SELECT data FROM workflow_bodies WHERE rid = ?), ?, ?, ?)"
)
_KEEP_HEADER: Final = (
    "INSERT INTO workflow_revisions"
    " (workflow, revision, metadata, form, sha256, size_bytes, created_at)"
    " VALUES (?, ?, ?, 'same', ?, ?, ?)"
)
_PAGE: Final = (
    "SELECT revision, metadata, created_at, size_bytes, ifnull(length(data), 0)"
    " FROM workflow_revisions WHERE workflow = ? AND revision < ?"
    " ORDER BY revision DESC LIMIT ?"
)
_FIND: Final = (
    "SELECT metadata, form, data, sha256, size_bytes, created_at FROM workflow_revisions"
    " WHERE workflow = ? AND revision = ?"
)
_BODY_FROM: Final = (
    "SELECT revision, form, data FROM workflow_revisions"
    " WHERE workflow = ? AND revision >= ? AND form <> 'same' ORDER BY revision LIMIT 1"
)
_KEY_OF: Final = (
    "SELECT revision, data, sha256, size_bytes FROM workflow_revisions"
    " WHERE workflow = ? AND revision BETWEEN ? AND ? AND form = 'key'"
)
_STORED: Final = (
    "SELECT rid, workflow, revision, data, sha256, size_bytes FROM workflow_revisions"
    " WHERE form = 'stored' ORDER BY workflow, revision LIMIT ?"
)
_PACKED: Final = "UPDATE workflow_revisions SET form = ?, data = ? WHERE rid = ?"


class _Metadata(msgspec.Struct, frozen=True):
    """A revision's content as it is read from the column `metadata`."""

    name: str
    description: str | None
    tags: list[str]
    category: str


class _WrittenMetadata(msgspec.Struct, frozen=True):
    """A revision's content as it is written to the column `metadata`; its tags are JSON already."""

    name: str
    description: str | None
    tags: Raw
    category: str


_encode: Final = msgspec.json.Encoder().encode


class RevisionHeader(NamedTuple):
    """One earlier revision as a list shows it."""

    revision: int
    name: str
    created_at: int
    size_bytes: int
    stored_bytes: int
    damaged: bool


class _PageRow(NamedTuple):
    """A row of `_PAGE`."""

    revision: Revision
    metadata: str
    created_at: Timestamp
    size_bytes: Count
    stored_bytes: Count
    damaged: bool = False


_PAGES: Final = RowKind("workflow_revisions", _PageRow, "revision")


class StoredRevision(NamedTuple):
    """One revision with its body."""

    content: Content
    body: bytes
    created_at: int
    stored_bytes: int


def keep(db: Connection, old: Header, *, same_body: bool) -> None:
    """Keep the revision that is about to be replaced, in the transaction that replaces it."""
    tags = Raw(old.tags)
    metadata = _encode(_WrittenMetadata(old.name, old.description, tags, old.category)).decode()
    body = (old.content_sha256, old.size_bytes, old.updated_at)
    if same_body:
        db.execute(_KEEP_HEADER, (old.rid, old.revision, metadata, *body))
    else:
        db.execute(_KEEP, (old.rid, old.revision, metadata, old.rid, *body))


def page(db: Connection, rid: int, before: int, limit: int) -> list[RevisionHeader]:
    """Return at most `limit` earlier revisions with a number below `before`, newest first."""
    return list(map(_revision_header, _PAGES.read(db, _PAGE, (rid, before, limit))))


def _revision_header(row: _PageRow) -> RevisionHeader:
    """Return a revision as a list shows it; without its name when that is damaged."""
    try:
        name, damaged = _metadata(row.metadata).name, row.damaged
    except DatabaseDamaged:
        name, damaged = "", True
    sizes = (row.size_bytes, row.stored_bytes)
    return RevisionHeader(row.revision, name, row.created_at, *sizes, damaged)


def referred(db: Connection, rid: int) -> set[int]:
    """Return the revisions of a workflow that runs refer to, the current one among them.

    All its runs are read, from the index of its page of runs: 12 ms for 100 000. An index by
    revision would be one more page for each start of a run.
    """
    sql = "SELECT DISTINCT revision FROM runs WHERE workflow = ? AND typeof(revision) = 'integer'"
    return {revision for (revision,) in db.execute(sql, (rid,))}


def load(db: Connection, workflow: Header, revision: int) -> StoredRevision | None:
    """Return a revision with its body, the current one included; None when there is none.

    Raises:
        DatabaseDamaged: its body is not the one that was saved.
    """
    if revision == workflow.revision:
        return _load_current(db, workflow)
    row = db.execute(_FIND, (workflow.rid, revision)).fetchone()
    if row is None:
        return None
    metadata, form, data, sha256, size_bytes, created_at = row
    try:
        if form == "same":
            body = _shared_body(db, workflow.rid, revision, sha256, size_bytes)
        else:
            body = _body(db, workflow.rid, revision, form, data, sha256, size_bytes)
    except DatabaseDamaged:
        raise DatabaseDamaged(id=workflow.id, revision=revision) from None
    old = _metadata(metadata)
    content = Content(old.name, old.description, header.tags_text(old.tags), old.category)
    return StoredRevision(content, body, created_at, len(data or b""))


def _load_current(db: Connection, workflow: Header) -> StoredRevision | None:
    """Return the current revision of a workflow with its body."""
    stored = header.load(db, workflow.id)
    if stored is None:
        return None
    return StoredRevision(
        workflow.content, stored.body(), workflow.updated_at, workflow.stored_bytes
    )


def is_metadata(text: str | bytes) -> bool:
    """Return whether the column `metadata` of a revision can be read."""
    try:
        _metadata(text)
    except DatabaseDamaged:
        return False
    return True


def _metadata(text: str | bytes) -> _Metadata:
    """Parse the column `metadata` of a revision."""
    try:
        return msgspec.json.decode(text, type=_Metadata)
    except (*UNFIT, TypeError):
        raise DatabaseDamaged from None


def _shared_body(
    db: Connection, workflow: int, revision: int, sha256: bytes, size_bytes: int
) -> bytes:
    """Return the body of a revision without one: that of the next revision which has one."""
    row = db.execute(_BODY_FROM, (workflow, revision)).fetchone()
    if row is not None:
        holder, form, data = row
        return _body(db, workflow, holder, form, data, sha256, size_bytes)
    current = db.execute("SELECT data FROM workflow_bodies WHERE rid = ?", (workflow,)).get
    if current is None:
        raise DatabaseDamaged
    return codec.unpack(current, sha256, size_bytes)


def _body(
    db: Connection,
    workflow: int,
    revision: int,
    form: Form,
    data: bytes | None,
    sha256: bytes,
    size_bytes: int,
) -> bytes:
    """Return the body of a revision that has one of its own."""
    key_body = _key_body(db, workflow, revision) if form == "delta" else None
    return open_body(form, data, sha256, size_bytes, key_body)


def open_body(
    form: Form, data: bytes | None, sha256: bytes, size_bytes: int, key_body: bytes | None = None
) -> bytes:
    """Unpack the body of a revision; a delta frame needs the body of its key frame.

    Raises:
        DatabaseDamaged: the body is missing or is not the one that was saved.
    """
    if not isinstance(data, bytes) or (form == "delta" and key_body is None):
        raise DatabaseDamaged
    if form in ("stored", "plain"):
        return codec.unpack(data, sha256, size_bytes)
    body = frames.unpack(data, size_bytes, key_body)
    if codec.fingerprint(body) != sha256:
        raise DatabaseDamaged
    return body


class KeyFrame(NamedTuple):
    """The frame that all other frames of its group need."""

    revision: int
    data: bytes
    sha256: bytes
    size_bytes: int


def key_frame(db: Connection, workflow: int, revision: int) -> KeyFrame | None:
    """Return the key frame of a revision's group; None when the group has none."""
    first = group_start(revision)
    last = first + limits.REVISION_GROUP - 1
    row = db.execute(_KEY_OF, (workflow, first, last)).fetchone()
    return None if row is None else KeyFrame(*row)


def _key_body(db: Connection, workflow: int, revision: int) -> bytes | None:
    """Return the body of the key frame of a revision's group; None when the group has none."""
    key = key_frame(db, workflow, revision)
    return None if key is None else open_body("key", key.data, key.sha256, key.size_bytes)


def group_start(revision: int) -> int:
    """Return the first revision number of a revision's group."""
    return revision - revision % limits.REVISION_GROUP


# --- packing ----------------------------------------------------------------------------------


class PackedBody(NamedTuple):
    """A body of an earlier revision in the form in which it is to be stored."""

    rid: int
    workflow: int
    form: Form
    data: bytes | None


def plan_packing(db: Connection, limit: int) -> list[PackedBody]:
    """Pack some bodies of earlier revisions in memory, oldest first; [] when all are packed.

    At most `limit` bodies are packed, and fewer when they are large: unpacking stops after
    `limits.REVISION_PACK_BYTES`. A body that cannot be packed, because it or its key frame is
    damaged, is planned to stay as it is.
    """
    planned: list[PackedBody] = []
    key: tuple[tuple[int, int], bytes] | None = None
    budget_bytes = limits.REVISION_PACK_BYTES
    for rid, workflow, revision, data, sha256, size_bytes in db.execute(_STORED, (limit,)):
        if budget_bytes <= 0:
            break
        budget_bytes -= size_bytes
        group = workflow, group_start(revision)
        try:
            if data is None:
                raise DatabaseDamaged
            body = codec.unpack(data, sha256, size_bytes)
            if key is not None and key[0] == group:
                key_body: bytes | None = key[1]
            else:
                key_body = _key_body(db, workflow, revision)
        except DatabaseDamaged:
            planned.append(PackedBody(rid, workflow, "plain", data))
            continue
        if key_body is None:
            key = group, body
        form: Form = "key" if key_body is None else "delta"
        planned.append(PackedBody(rid, workflow, form, frames.pack(body, key_body)))
    return planned


def pack(db: Connection, planned: list[PackedBody]) -> None:
    """Store the packed bodies; a revision that was deleted meanwhile is left out."""
    db.executemany(_PACKED, [(each.form, each.data, each.rid) for each in planned])


# --- pruning ----------------------------------------------------------------------------------

_GROUPS: Final = (
    "SELECT revision / ? AS number, min(revision), max(revision) FROM workflow_revisions"
    " WHERE workflow = ? AND revision < ? GROUP BY number ORDER BY number"
)
_KEPT_FROM: Final = (
    "SELECT revision FROM workflow_revisions WHERE workflow = ?"
    " ORDER BY revision DESC LIMIT 1 OFFSET ?"
)
_NEEDED_BEFORE: Final = (
    "SELECT form = 'same' FROM workflow_revisions WHERE workflow = ? AND revision < ?"
    " ORDER BY revision DESC LIMIT 1"
)
_PRUNE: Final = "DELETE FROM workflow_revisions WHERE workflow = ? AND revision BETWEEN ? AND ?"


def prune_all(db: Connection, rids: Iterable[int], keep_count: int) -> dict[str, int]:
    """Prune the revisions of several workflows; return how many went, by id where any did."""
    pruned = {rid: prune(db, rid, keep_count) for rid in rids}
    return {header.id_of(db, rid): count for rid, count in pruned.items() if count}


def prune(db: Connection, workflow: int, keep_count: int) -> int:
    """Delete earlier revisions beyond the newest `keep_count`, in whole groups; return how many.

    A group stays while a run refers to one of its revisions, while it holds one of the newest,
    or while the revision before it has no body of its own. A `keep_count` of 0 keeps all.
    """
    if keep_count == 0:
        return 0
    row = db.execute(_KEPT_FROM, (workflow, keep_count - 1)).fetchone()
    if row is None:
        return 0
    bound = group_start(row[0])
    deleted = 0
    groups: list[Any] = db.execute(_GROUPS, (limits.REVISION_GROUP, workflow, bound)).fetchall()
    in_use = referred(db, workflow) if groups else set[int]()
    pinned = {revision // limits.REVISION_GROUP for revision in in_use}
    for number, first, last in groups:
        if number in pinned or db.execute(_NEEDED_BEFORE, (workflow, first)).get:
            continue
        db.execute(_PRUNE, (workflow, first, last))
        deleted += db.changes()
    return deleted
