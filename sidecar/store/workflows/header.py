"""One workflow's row, which is its header, and the body that is stored beside it.

Owns the list of header columns that every statement over workflows selects, so that one
NamedTuple fits all of them.
"""

from typing import Final, NamedTuple

import msgspec

from sidecar.errors import DatabaseDamaged
from sidecar.store import codec
from sidecar.store.connection import Connection

COLUMNS: Final = (
    "w.id, w.name, w.description, w.tags, w.category, w.revision, w.created_at, w.updated_at,"
    " w.archived_at, w.size_bytes, w.stored_bytes, w.run_count, w.last_run_at, w.rid,"
    " w.content_sha256"
)
"""The columns of `Header`, in its order, of a table that the statement calls `w`."""

WIDTH: Final = 15
"""How many columns `COLUMNS` has, for statements that select more after them."""

NO_TAGS: Final = "[]"
"""The JSON text of a workflow without tags."""


class Content(NamedTuple):
    """What a revision holds beside its body; `tags` is JSON text, as stored."""

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
    revision: int
    created_at: int
    updated_at: int
    archived_at: int | None
    size_bytes: int
    stored_bytes: int
    run_count: int
    last_run_at: int | None
    rid: int
    content_sha256: bytes

    @property
    def content(self) -> Content:
        """The part of the header that a save sets."""
        return Content(self.name, self.description, self.tags, self.category)


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
        if self.data is None:
            raise DatabaseDamaged(id=header.id)
        try:
            return codec.unpack(self.data, header.content_sha256, header.size_bytes)
        except DatabaseDamaged:
            raise DatabaseDamaged(id=header.id) from None


_FIND: Final = f"SELECT {COLUMNS} FROM workflows w WHERE w.id = ?"  # noqa: S608 - constants
_LOAD: Final = (
    f"SELECT {COLUMNS}, b.data FROM workflows w"  # noqa: S608 - constants
    " LEFT JOIN workflow_bodies b ON b.rid = w.rid WHERE w.id = ?"
)


def tags_text(tags: list[str]) -> str:
    """Return the tags as they are stored: each once, in the order of first mention."""
    if not tags:
        return NO_TAGS
    return msgspec.json.encode(list(dict.fromkeys(tags))).decode()


def find(db: Connection, workflow_id: str) -> Header | None:
    """Return the header of a workflow, archived or not; None when no workflow has that id."""
    row = db.execute(_FIND, (workflow_id,)).fetchone()
    return Header(*row) if row else None


def load(db: Connection, workflow_id: str) -> Stored | None:
    """Return a workflow with its packed body; None when no workflow has that id."""
    row = db.execute(_LOAD, (workflow_id,)).fetchone()
    return Stored(Header(*row[:WIDTH]), row[WIDTH]) if row else None


def id_of(db: Connection, rid: int) -> str:
    """Return the id of the workflow whose key is `rid`; "" when it was deleted."""
    return str(db.execute("SELECT id FROM workflows WHERE rid = ?", (rid,)).get or "")
