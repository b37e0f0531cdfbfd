"""Brings the full-text indexes up to date with the workflows.

A save only notes that a workflow's text has changed: triggers write its key to `header_pending` or
`text_pending` in the save's own transaction. The indexes are updated later, many workflows at a
time, because FTS5 writes a segment for every transaction that touches it and merges segments
later. Updating them with each save took 15 of a save's 30 pages, and indexing a body takes longer
than saving it.

Two indexes hold the header, one by words and one by trigrams. They are updated before every
search, so a search never misses a header. The third holds header and body by words. Before a search
it is updated by a limited number of steps, which is more than a `save_many` leaves pending; the
rest follows while no requests wait. `has_pending` tells whether a search may miss something.
"""

from collections.abc import Callable
from typing import Any, Final

import apsw

from sidecar import limits, log
from sidecar.bodies.parse import NotJSON, parse
from sidecar.bodies.text import spaced, text_of
from sidecar.errors import DatabaseDamaged
from sidecar.store import codec
from sidecar.store.connection import Connection, Store
from sidecar.store.rows import as_text, read_any
from sidecar.store.sqlite_errors import spoils_connection

HEADER_INDEXES: Final = ("workflows_fts", "workflows_trigram")
TEXT_INDEX: Final = "workflow_text_fts"

_REMOVE_HEADERS: Final = tuple(
    f"INSERT INTO {index} ({index}, rowid, name, description, tags)"  # noqa: S608 - constants
    " SELECT 'delete', rid, name, description, tags FROM header_pending"
    " WHERE indexed AND rid <= ?"
    for index in HEADER_INDEXES
)
_ADD_HEADERS: Final = tuple(
    f"INSERT INTO {index} (rowid, name, description, tags)"  # noqa: S608 - constants
    " SELECT w.rid, w.name, w.description, w.tags"
    " FROM header_pending AS p JOIN workflows AS w ON w.rid = p.rid WHERE p.rid <= ?"
    for index in HEADER_INDEXES
)
_LAST_HEADER: Final = "SELECT max(rid) FROM (SELECT rid FROM header_pending ORDER BY rid LIMIT ?)"
# The text index holds the header as well.
_MARK_TEXTS: Final = (
    "INSERT INTO text_pending (rid) SELECT rid FROM header_pending WHERE rid <= ?"
    " ON CONFLICT (rid) DO NOTHING"
)
_NEXT_TEXTS: Final = (
    "SELECT p.rid, coalesce(w.size_bytes, 0) FROM text_pending AS p"
    " LEFT JOIN workflows AS w ON w.rid = p.rid ORDER BY p.rid LIMIT ?"
)
_REMOVE_TEXTS: Final = (
    f"DELETE FROM {TEXT_INDEX} WHERE rowid IN"  # noqa: S608 - constants
    " (SELECT rid FROM text_pending WHERE rid <= ?)"
)
_CHANGED_TEXTS: Final = (
    "SELECT w.rid, w.name, w.description, w.tags, w.content_sha256, w.size_bytes, b.data"
    " FROM text_pending AS p JOIN workflows AS w ON w.rid = p.rid"
    " LEFT JOIN workflow_bodies AS b ON b.rid = w.rid WHERE p.rid <= ?"
)
_ADD_TEXT: Final = f"INSERT INTO {TEXT_INDEX} (rowid, text) VALUES (?, ?)"  # noqa: S608 - constants


def has_pending_headers(db: Connection) -> bool:
    """Return whether the header of some workflow is not indexed yet."""
    return bool(db.execute("SELECT EXISTS (SELECT 1 FROM header_pending)").get)


def has_pending_texts(db: Connection) -> bool:
    """Return whether the body of some workflow is not indexed yet although its header is."""
    return bool(db.execute("SELECT EXISTS (SELECT 1 FROM text_pending)").get)


def index_some_headers(db: Connection) -> bool:
    """Index some pending headers in the caller's transaction; return whether more are pending."""
    last = db.execute(_LAST_HEADER, (limits.HEADER_STEP,)).get
    if last is None:
        return False
    for statement in (*_REMOVE_HEADERS, *_ADD_HEADERS):
        db.execute(statement, (last,))
    db.execute(_MARK_TEXTS, (last,))
    db.execute("DELETE FROM header_pending WHERE rid <= ?", (last,))
    return has_pending_headers(db)


def index_some_texts(db: Connection) -> bool:
    """Index some pending bodies in the caller's transaction; return whether more are pending."""
    last = _last_of_step(db)
    if last is None:
        return False
    db.execute(_REMOVE_TEXTS, (last,))
    rows = read_any(db, 7, _CHANGED_TEXTS, (last,))
    db.executemany(_ADD_TEXT, ((row[0], indexed_text(*row[1:])) for row in rows))
    db.execute("DELETE FROM text_pending WHERE rid <= ?", (last,))
    return has_pending_texts(db)


def _last_of_step(db: Connection) -> int | None:
    """Return the key of the last workflow that one step indexes: at least one, more if small."""
    last: int | None = None
    size_bytes = 0
    rows: list[Any] = db.execute(_NEXT_TEXTS, (limits.TEXT_STEP,)).fetchall()
    for rid, body_bytes in rows:
        size_bytes += body_bytes if isinstance(body_bytes, int) else 0  # a damaged cell
        if last is not None and size_bytes > limits.TEXT_STEP_BYTES:
            break
        last = rid
    return last


def indexed_text(
    name: str | bytes,
    description: str | bytes | None,
    tags: str | bytes,
    sha256: bytes,
    size_bytes: int,
    data: bytes | None,
) -> str:
    """Return header and body as they are indexed; a damaged or too large body adds nothing.

    Texts that are not UTF-8 are given as bytes.
    """
    header = "\n".join(as_text(text) for text in (name, tags, description or ""))
    return spaced(f"{header}\n{body_text(sha256, size_bytes, data)}")


def body_text(sha256: bytes, size_bytes: int, data: bytes | None) -> str:
    """Return the searchable text of a packed body; "" when it is damaged or too large."""
    try:
        if data is None or size_bytes > limits.BODY_INDEXED_MAX_BYTES:
            return ""
        return text_of(parse(codec.unpack(data, sha256, size_bytes), rounded=True))
    except (DatabaseDamaged, NotJSON, TypeError):
        return ""


def index_all(db: Connection) -> None:
    """Index everything that is pending, in the caller's transaction."""
    for step in (index_some_headers, index_some_texts):
        while step(db):
            pass


def mark_all_pending(db: Connection) -> bool:
    """Empty the indexes and mark all workflows as pending, in the caller's transaction.

    Returns True: workflows are pending now.
    """
    for index in (*HEADER_INDEXES, TEXT_INDEX):
        db.execute(f"INSERT INTO {index} ({index}) VALUES ('delete-all')")  # noqa: S608 - constants
    db.execute("DELETE FROM header_pending")
    db.execute("DELETE FROM text_pending")
    db.execute("INSERT INTO header_pending (rid, indexed) SELECT rid, 0 FROM workflows")
    return True


def rebuild(db: Connection) -> None:
    """Build the indexes again from the workflows, in the caller's transaction."""
    mark_all_pending(db)
    index_all(db)


def start_rebuild(store: Store) -> bool:
    """Empty the indexes, to be built again while no requests wait; False when writing failed."""
    return _in_own_transaction(store, mark_all_pending)


def update_for_search(store: Store) -> None:
    """Update the indexes before a search; the caller holds the store's lock.

    If a transaction is open, the update becomes part of it. Otherwise it has its own, and a
    failure to write is only logged: the search then finds what is indexed.
    """
    run = _in_savepoint if store.in_transaction else _in_own_transaction
    if has_pending_headers(store.db):
        while run(store, index_some_headers):
            pass
    for _ in range(limits.SEARCH_TEXT_STEPS):
        if not (has_pending_texts(store.db) and run(store, index_some_texts)):
            break


def has_pending(db: Connection) -> bool:
    """Return whether a search may miss something that is not indexed yet."""
    return has_pending_headers(db) or has_pending_texts(db)


def update_headers_step(store: Store) -> bool:
    """Index some pending headers in a transaction of its own; return whether more are pending."""
    return has_pending_headers(store.db) and _in_own_transaction(store, index_some_headers)


def update_step(store: Store) -> bool:
    """Index some pending headers or bodies in a transaction of its own.

    Returns whether more are pending and another step can succeed.
    """
    if has_pending_headers(store.db):
        more = update_headers_step(store)
        # A step that failed left headers pending; repeating it at once would never end.
        return more or (not has_pending_headers(store.db) and has_pending_texts(store.db))
    return has_pending_texts(store.db) and _in_own_transaction(store, index_some_texts)


def _in_own_transaction(store: Store, step: Callable[[Connection], bool]) -> bool:
    """Run a step in a transaction of its own and return its result; False when it failed."""
    if store.damaged:
        return False
    try:
        with store.writing() as db:
            return step(db)
    except apsw.Error as fault:
        log.warning("search_index_behind", kind=type(fault).__name__)
        if spoils_connection(fault):
            store.reopen()
        return False


def _in_savepoint(store: Store, step: Callable[[Connection], bool]) -> bool:
    """Run a step as a part of the open transaction and return its result."""
    with store.savepoint():
        return step(store.db)
