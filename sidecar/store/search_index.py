"""The search indexes, kept up with the workflows.

A save only notes, by trigger, that a workflow's text has changed (`search_pending`, durable and
in the save's own transaction); the indexes follow here, many workflows at a time. FTS5 writes a
segment for every transaction that touches it and merges segments later: one by one that was 15
pages of a save's 30, and the merging of what the next save outdates anyway. Whoever searches
brings the indexes up first, so a search never misses what was saved.

Knows the two indexes of headers and nothing of queries.
"""

from typing import Final

import apsw

from sidecar import log
from sidecar.store.connection import Connection, Store
from sidecar.store.faults import spoils_connection

INDEXES: Final = ("workflows_fts", "workflows_trigram")

_IS_BEHIND: Final = "SELECT EXISTS (SELECT 1 FROM search_pending)"
_FORGET: Final = tuple(
    f"INSERT INTO {index} ({index}, rowid, name, description, tags)"  # noqa: S608 - constants
    " SELECT 'delete', rid, name, description, tags FROM search_pending WHERE indexed"
    for index in INDEXES
)
_LEARN: Final = tuple(
    f"INSERT INTO {index} (rowid, name, description, tags)"  # noqa: S608 - constants
    " SELECT w.rid, w.name, w.description, w.tags"
    " FROM search_pending AS p JOIN workflows AS w ON w.rid = p.rid"
    for index in INDEXES
)
_DONE: Final = "DELETE FROM search_pending"


def is_behind(db: Connection) -> bool:
    """Whether some workflow's text is not indexed yet."""
    return bool(db.execute(_IS_BEHIND).get)


def follow(db: Connection) -> None:
    """Index all that is pending, in the caller's transaction."""
    for statement in (*_FORGET, *_LEARN, _DONE):
        db.execute(statement)


def rebuild(db: Connection) -> None:
    """Make both indexes anew from the table, in the caller's transaction."""
    for index in INDEXES:
        db.execute(f"INSERT INTO {index} ({index}) VALUES ('rebuild')")  # noqa: S608 - constants
    db.execute(_DONE)


def bring_up(store: Store) -> None:
    """Make the indexes say what the table says; the caller holds the lock.

    Within an open transaction it becomes part of that one, or leaves it as it was. Else it has
    its own, and a full disk or a file that cannot be written is no reason to refuse a search:
    it then finds what is indexed.
    """
    if not is_behind(store.db):
        return
    if store.in_transaction:
        _follow_within(store.db)
        return
    try:
        with store.writing() as db:
            follow(db)
    except apsw.Error as fault:
        log.warning("search_index_behind", kind=type(fault).__name__)
        if spoils_connection(fault):
            store.reopen()


def _follow_within(db: Connection) -> None:
    db.execute("SAVEPOINT search_index")
    try:
        follow(db)
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK TO search_index")
            db.execute("RELEASE search_index")
        raise
    db.execute("RELEASE search_index")
