"""Repairs a damaged row that a request overwrites or deletes.

Unreadable cells are replaced first, so that the request finds a valid row.
"""

from sidecar.store.columns import mend
from sidecar.store.connection import Connection
from sidecar.store.runs import rows
from sidecar.store.runs.rows import RunHeader
from sidecar.store.search import indexes
from sidecar.store.workflows import header, tags
from sidecar.store.workflows.header import Header


def find_to_change(db: Connection, workflow_id: str) -> Header | None:
    """Return the header of a workflow that is to be overwritten or deleted, repaired if damaged.

    Return None when no workflow has that id.
    """
    found = header.find_any(db, workflow_id)
    if found is None or not found.damaged:
        return found
    columns = mend(db, "workflows", found.rid)
    tags.write_again(db, found.rid)
    if not {"name", "description", "tags"}.isdisjoint(columns):
        # The indexes may contain words of the text before the damage, which is unknown now.
        indexes.mark_all_pending(db)
    return header.find(db, workflow_id)


def find_run_to_delete(db: Connection, run_id: str) -> RunHeader | None:
    """Return the header of a run that is to be deleted, repaired if damaged; None if missing."""
    found = rows.find_any(db, run_id)
    if found is not None and found.damaged:
        mend(db, "runs", found.rid)
    return found
