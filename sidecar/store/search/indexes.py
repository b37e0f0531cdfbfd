"""The search indexes, kept up with the workflows.

A save only notes, by trigger, that a workflow's text has changed (`header_pending`,
`text_pending`, durable and in the save's own transaction); the indexes follow here, many
workflows at a time. FTS5 writes a segment for every transaction that touches it and merges
segments later: one by one that was 15 pages of a save's 30, and to index what a body says takes
longer than to save it.

Two indexes hold the header, words and trigrams; they are brought up before every search, which
so never misses a header. The third holds header and body; before a search it is brought up by a
bounded number of steps, which is more than a `save_many` leaves, and wholly in a pause;
`has_pending` tells whether that was not enough. Knows nothing of queries.
"""

from collections.abc import Callable
from typing import Any, Final

import apsw
import msgspec

from sidecar import limits, log
from sidecar.bodies.text import spaced, text_of
from sidecar.errors import DatabaseDamaged
from sidecar.store import codec
from sidecar.store.connection import Connection, Store
from sidecar.store.sqlite_errors import spoils_connection

HEADER_INDEXES: Final = ("workflows_fts", "workflows_trigram")
TEXT_INDEX: Final = "workflow_text_fts"

_FORGET: Final = tuple(
    f"INSERT INTO {index} ({index}, rowid, name, description, tags)"  # noqa: S608 - constants
    " SELECT 'delete', rid, name, description, tags FROM header_pending"
    " WHERE indexed AND rid <= ?"
    for index in HEADER_INDEXES
)
_LEARN: Final = tuple(
    f"INSERT INTO {index} (rowid, name, description, tags)"  # noqa: S608 - constants
    " SELECT w.rid, w.name, w.description, w.tags"
    " FROM header_pending AS p JOIN workflows AS w ON w.rid = p.rid WHERE p.rid <= ?"
    for index in HEADER_INDEXES
)
_LAST_HEADER: Final = "SELECT max(rid) FROM (SELECT rid FROM header_pending ORDER BY rid LIMIT ?)"
# What the header says stands in the text index too.
_TEXT_NEXT: Final = (
    "INSERT INTO text_pending (rid) SELECT rid FROM header_pending WHERE rid <= ?"
    " ON CONFLICT (rid) DO NOTHING"
)
_NEXT_TEXTS: Final = (
    "SELECT p.rid, coalesce(w.size_bytes, 0) FROM text_pending AS p"
    " LEFT JOIN workflows AS w ON w.rid = p.rid ORDER BY p.rid LIMIT ?"
)
_FORGET_TEXT: Final = (
    f"DELETE FROM {TEXT_INDEX} WHERE rowid IN"  # noqa: S608 - constants
    " (SELECT rid FROM text_pending WHERE rid <= ?)"
)
_BODIES: Final = (
    "SELECT w.rid, w.name, w.description, w.tags, w.content_sha256, w.size_bytes, b.data"
    " FROM text_pending AS p JOIN workflows AS w ON w.rid = p.rid"
    " LEFT JOIN workflow_bodies AS b ON b.rid = w.rid WHERE p.rid <= ?"
)
_LEARN_TEXT: Final = f"INSERT INTO {TEXT_INDEX} (rowid, text) VALUES (?, ?)"  # noqa: S608 - constants


def has_pending_headers(db: Connection) -> bool:
    """Whether some workflow's header is not indexed yet."""
    return bool(db.execute("SELECT EXISTS (SELECT 1 FROM header_pending)").get)


def has_pending_texts(db: Connection) -> bool:
    """Whether some workflow's body is not indexed yet, those aside whose header is not."""
    return bool(db.execute("SELECT EXISTS (SELECT 1 FROM text_pending)").get)


def index_some_headers(db: Connection) -> bool:
    """Index some of the headers that are pending, in the caller's transaction; are there more."""
    last = db.execute(_LAST_HEADER, (limits.HEADER_STEP,)).get
    if last is None:
        return False
    for statement in (*_FORGET, *_LEARN):
        db.execute(statement, (last,))
    db.execute(_TEXT_NEXT, (last,))
    db.execute("DELETE FROM header_pending WHERE rid <= ?", (last,))
    return has_pending_headers(db)


def index_some_texts(db: Connection) -> bool:
    """Index some of the bodies that are pending, in the caller's transaction; whether more are."""
    last = _last_of_step(db)
    if last is None:
        return False
    db.execute(_FORGET_TEXT, (last,))
    rows: list[tuple[Any, ...]] = db.execute(_BODIES, (last,)).fetchall()
    db.executemany(_LEARN_TEXT, ((row[0], indexed_text(*row[1:])) for row in rows))
    db.execute("DELETE FROM text_pending WHERE rid <= ?", (last,))
    return has_pending_texts(db)


def _last_of_step(db: Connection) -> int | None:
    """The last workflow whose body one step takes: one at least, more while they are small."""
    last: int | None = None
    size_bytes = 0
    rows: list[Any] = db.execute(_NEXT_TEXTS, (limits.TEXT_STEP,)).fetchall()
    for rid, body_bytes in rows:
        size_bytes += body_bytes
        if last is not None and size_bytes > limits.TEXT_STEP_BYTES:
            break
        last = rid
    return last


def indexed_text(
    name: str,
    description: str | None,
    tags: str,
    sha256: bytes,
    size_bytes: int,
    data: bytes | None,
) -> str:
    """Header and body as they are indexed; a body that is damaged or too large adds nothing."""
    header = "\n".join((name, tags, description or ""))
    return spaced(f"{header}\n{body_text(sha256, size_bytes, data)}")


def body_text(sha256: bytes, size_bytes: int, data: bytes | None) -> str:
    """The searchable text of a packed body, "" where it is damaged or too large to be searched."""
    if data is None or size_bytes > limits.BODY_INDEXED_MAX_BYTES:
        return ""
    try:
        return text_of(msgspec.json.decode(codec.unpack(data, sha256, size_bytes)))
    except (DatabaseDamaged, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def index_all(db: Connection) -> None:
    """Index all that is pending, in the caller's transaction."""
    for step in (index_some_headers, index_some_texts):
        while step(db):
            pass


def mark_all_pending(db: Connection) -> bool:
    """Empty the indexes and have all follow anew, in the caller's transaction."""
    for index in (*HEADER_INDEXES, TEXT_INDEX):
        db.execute(f"INSERT INTO {index} ({index}) VALUES ('delete-all')")  # noqa: S608 - constants
    db.execute("DELETE FROM header_pending")
    db.execute("DELETE FROM text_pending")
    db.execute("INSERT INTO header_pending (rid, indexed) SELECT rid, 0 FROM workflows")
    return True


def rebuild(db: Connection) -> None:
    """Make the indexes anew from the tables, in the caller's transaction."""
    mark_all_pending(db)
    index_all(db)


def start_rebuild(store: Store) -> bool:
    """Have the indexes made anew in the next pauses; False when the file does not let us."""
    return _in_own_transaction(store, mark_all_pending)


def update_for_search(store: Store) -> None:
    """Make the indexes fit for a search; the caller holds the lock.

    Within an open transaction it becomes part of that one, or leaves it as it was. Else it has
    its own, and a full disk or a file that cannot be written is no reason to refuse a search:
    it then finds what is indexed.
    """
    run = _in_savepoint if store.in_transaction else _in_own_transaction
    if has_pending_headers(store.db):
        while run(store, index_some_headers):
            pass
    for _ in range(limits.SEARCH_TEXT_STEPS):
        if not (has_pending_texts(store.db) and run(store, index_some_texts)):
            break


def has_pending(db: Connection) -> bool:
    """Whether a search now may miss something: what it could not index before, for time or disk."""
    return has_pending_headers(db) or has_pending_texts(db)


def update_headers_step(store: Store) -> bool:
    """One step of the headers, in a transaction of its own; whether there is more."""
    return has_pending_headers(store.db) and _in_own_transaction(store, index_some_headers)


def update_step(store: Store) -> bool:
    """One step of what is pending, in a transaction of its own; whether there is more."""
    if has_pending_headers(store.db):
        more = update_headers_step(store)
        # A step that failed left them behind; to go on at once would never end.
        return more or (not has_pending_headers(store.db) and has_pending_texts(store.db))
    return has_pending_texts(store.db) and _in_own_transaction(store, index_some_texts)


def _in_own_transaction(store: Store, step: Callable[[Connection], bool]) -> bool:
    """A step in a transaction of its own; its failure is logged and ends it."""
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
    with store.savepoint():
        return step(store.db)
