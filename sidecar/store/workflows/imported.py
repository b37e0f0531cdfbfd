"""Workflows that were imported: finding them by where they are from, and writing them.

Bodies are packed before the transaction begins, so that a large one occupies the store for a
short time only.
"""

from typing import Final

from sidecar.store.codec import Packed
from sidecar.store.connection import Connection
from sidecar.store.workflows.header import COLUMNS, HEADERS, Content, Header
from sidecar.store.workflows.save import insert_packed, write_revision

__all__ = ["Packed", "find_imported", "has_body", "insert_imported", "write_revision"]

_FIND: Final = (
    f"SELECT {COLUMNS} FROM workflows w WHERE w.source_id = ? AND w.source IS ?"  # noqa: S608 - constants
    " ORDER BY w.archived_at IS NOT NULL, w.rid LIMIT 1"
)
_SET_SOURCE: Final = "UPDATE workflows SET source = ?, source_id = ? WHERE rid = ?"
_HAS_BODY: Final = "SELECT 1 FROM workflow_revisions WHERE workflow = ? AND sha256 = ? LIMIT 1"


def find_imported(db: Connection, source: str | None, source_id: str) -> Header | None:
    """Return the header of the workflow that was imported from there; None when there is none.

    Of several it is the oldest that is not archived.

    Raises:
        DatabaseDamaged: a cell of its row is damaged.
    """
    found = HEADERS.find(db, _FIND, (source_id, source))
    return None if found is None else HEADERS.refuse_damaged(found)


def has_body(db: Connection, workflow: Header, sha256: bytes) -> bool:
    """Return whether a revision of a workflow, earlier or current, has the body of a fingerprint.

    Earlier revisions that were pruned are not known any more.
    """
    if workflow.content_sha256 == sha256:
        return True
    return db.execute(_HAS_BODY, (workflow.rid, sha256)).get is not None


def insert_imported(
    db: Connection,
    workflow_id: str,
    content: Content,
    packed: Packed,
    origin: tuple[str | None, str | None],
    now_ms: int,
) -> Header:
    """Write a new workflow with its source and source id; no workflow has the id yet."""
    new = insert_packed(db, workflow_id, content, packed, now_ms)
    if origin == (None, None):
        return new
    db.execute(_SET_SOURCE, (*origin, new.rid))
    return new._replace(source=origin[0], source_id=origin[1])
