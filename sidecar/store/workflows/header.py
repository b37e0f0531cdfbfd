"""One workflow's row, which is its header, and the body that is stored beside it.

Owns the list of header columns that every statement over workflows selects, so that one
NamedTuple fits all of them.
"""

from typing import Final, Literal, NamedTuple

import msgspec

from sidecar.errors import DatabaseDamaged
from sidecar.store import codec
from sidecar.store.connection import Connection
from sidecar.store.rows import DAMAGED_NAME, RowKind
from sidecar.values import Count, Revision, Timestamp

COLUMNS: Final = (
    "w.id, w.name, w.description, w.tags, w.category, w.revision, w.created_at, w.updated_at,"
    " w.archived_at, w.size_bytes, w.stored_bytes, w.run_count, w.last_run_at, w.rid,"
    " w.content_sha256, w.source, w.source_id, w.text_truncated"
)
"""The columns of `Header`, in its order, of a table that the statement calls `w`."""

NO_TAGS: Final = "[]"
"""The JSON text of a workflow without tags."""


class Content(NamedTuple):
    """The header of a revision; `tags` is JSON text, as stored."""

    name: str
    description: str | None
    tags: str
    category: str


class Header(NamedTuple):
    """A workflow without its body; `tags` is the JSON text of an array of strings."""

    id: str
    name: str
    description: str | None
    tags: str
    category: str
    revision: Revision
    created_at: Timestamp
    updated_at: Timestamp
    archived_at: Timestamp | None
    size_bytes: Count
    stored_bytes: Count
    run_count: Count
    last_run_at: Timestamp | None
    rid: int
    content_sha256: bytes
    source: str | None = None
    source_id: str | None = None
    text_truncated: Literal[0, 1] = 0
    damaged: bool = False
    """Whether a cell of the row is damaged; another value is in its place here."""

    @property
    def content(self) -> Content:
        """The part of the header that a save sets."""
        return Content(self.name, self.description, self.tags, self.category)


HEADERS: Final = RowKind("workflows", Header, "id", json=("tags", list[str]))
"""The rows of `COLUMNS`."""


class Stored(NamedTuple):
    """A workflow with its body still packed; None where the body's row is missing."""

    header: Header
    data: bytes | None

    def body(self) -> bytes:
        """Return the body as it was sent.

        Raises:
            DatabaseDamaged: the bytes are not those that were stored; `id` names the workflow.
        """
        header = self.header
        if not isinstance(self.data, bytes):
            raise DatabaseDamaged(id=header.id)
        try:
            return codec.unpack(self.data, header.content_sha256, header.size_bytes)
        except DatabaseDamaged:
            raise DatabaseDamaged(id=header.id) from None


_FIND: Final = f"SELECT {COLUMNS} FROM workflows w WHERE w.id = ?"  # noqa: S608 - constants
_FIND_NUMBER: Final = f"SELECT {COLUMNS} FROM workflows w WHERE w.rid = ?"  # noqa: S608 - constants
_LOAD: Final = (
    f"SELECT {COLUMNS}, b.data FROM workflows w"  # noqa: S608 - constants
    " LEFT JOIN workflow_bodies b ON b.rid = w.rid WHERE w.id = ?"
)


def tags_text(tags: list[str]) -> str:
    """Return the tags as they are stored: each once, in the order of first mention."""
    if not tags:
        return NO_TAGS
    return msgspec.json.encode(list(dict.fromkeys(tags))).decode()


def find_any(db: Connection, workflow_id: str) -> Header | None:
    """Return the header of a workflow, also a damaged one; None when no workflow has that id.

    A workflow the id of which is damaged is found by the id that lists show in its place.
    """
    found = HEADERS.find(db, _FIND, (workflow_id,))
    number = workflow_id.removeprefix(DAMAGED_NAME)
    if found is None and number != workflow_id and number.isdecimal():
        found = HEADERS.find(db, _FIND_NUMBER, (int(number),))
        return found if found is not None and found.id == workflow_id else None
    return found


def find(db: Connection, workflow_id: str) -> Header | None:
    """Return the header of a workflow, archived or not; None when no workflow has that id.

    Raises:
        DatabaseDamaged: a cell of its row is damaged.
    """
    found = find_any(db, workflow_id)
    return None if found is None else HEADERS.refuse_damaged(found)


def load_any(db: Connection, workflow_id: str) -> Stored | None:
    """Return a workflow with its packed body, also a damaged one; None when there is none."""
    found = HEADERS.find_wide(db, 1, _LOAD, (workflow_id,))
    return None if found is None else Stored(found[0], found[1][0])


def load(db: Connection, workflow_id: str) -> Stored | None:
    """Return a workflow with its packed body; None when no workflow has that id.

    Raises:
        DatabaseDamaged: a cell of its row is damaged; a damaged body is found by unpacking it.
    """
    found = load_any(db, workflow_id)
    if found is not None:
        HEADERS.refuse_damaged(found.header)
    return found


def id_of(db: Connection, rid: int) -> str:
    """Return the id of the workflow whose key is `rid`; "" when it was deleted."""
    return str(db.execute("SELECT id FROM workflows WHERE rid = ?", (rid,)).get or "")


def packed_body(db: Connection, rid: int) -> bytes | None:
    """Return the body of a workflow as it is stored; None when its row is missing."""
    found: bytes | None = db.execute("SELECT data FROM workflow_bodies WHERE rid = ?", (rid,)).get
    return found
