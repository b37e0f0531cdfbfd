"""Brings the full-text indexes up to date with the workflows.

A save only notes that a workflow's text has changed: triggers write its key to `header_pending` or
`text_pending` in the save's own transaction. The indexes are updated later, many workflows at a
time, because FTS5 writes a segment for every transaction that touches it and merges segments
later. Updating them with each save took 15 of a save's 30 pages, and indexing a body takes longer
than saving it.

Two indexes hold the header, one by words and one by trigrams; the third holds header and body by
words. All text in them is folded (`folding`). Before a search they are updated by a limited number
of steps, which is more than a usual burst of saves leaves pending; the rest follows while no
requests wait. `has_pending` tells whether a search may miss something.

The version of the folding is in `meta`. A file with another one is indexed again, and its names get
new keys, in the same steps.
"""

from collections.abc import Callable
from typing import Any, Final

import apsw
import msgspec

from sidecar import folding, limits, log
from sidecar.bodies.parse import NotJSON, parse
from sidecar.errors import DatabaseDamaged
from sidecar.folding import apart, fold, sort_key, words
from sidecar.store import codec, meta
from sidecar.store.connection import Connection, Store
from sidecar.store.rows import as_text, read_any
from sidecar.store.sqlite_errors import spoils_connection

HEADS: Final = "search_heads"
PARTS: Final = "search_parts"
TEXTS: Final = "search_texts"
INDEXES: Final = (HEADS, PARTS, TEXTS)

_LAST_HEADER: Final = "SELECT max(rid) FROM (SELECT rid FROM header_pending ORDER BY rid LIMIT ?)"
_CHANGED_HEADERS: Final = (
    "SELECT w.rid, w.name, w.tags, w.description"
    " FROM header_pending AS p JOIN workflows AS w ON w.rid = p.rid WHERE p.rid <= ?"
)
# The index of texts holds the header as well.
_MARK_TEXTS: Final = (
    "INSERT INTO text_pending (rid) SELECT rid FROM header_pending WHERE rid <= ?"
    " ON CONFLICT (rid) DO NOTHING"
)
# At least one, and more if they are small.
_LAST_TEXT: Final = (
    "SELECT coalesce(max(rid) FILTER (WHERE bytes <= ?), min(rid)) FROM (SELECT rid,"
    " total(size_bytes) OVER (ORDER BY rid) AS bytes FROM (SELECT p.rid, w.size_bytes"
    " FROM text_pending AS p LEFT JOIN workflows AS w ON w.rid = p.rid ORDER BY p.rid LIMIT ?))"
)
_CHANGED_TEXTS: Final = (
    "SELECT w.rid, w.name, w.tags, w.description, w.content_sha256, w.size_bytes,"
    " b.data FROM text_pending AS p JOIN workflows AS w ON w.rid = p.rid"
    " LEFT JOIN workflow_bodies AS b ON b.rid = w.rid WHERE p.rid <= ?"
)
_PENDING: Final = (
    "SELECT EXISTS (SELECT 1 FROM header_pending) OR EXISTS (SELECT 1 FROM text_pending)"
)
# Most workflows have the right value already.
_SET: Final = "UPDATE workflows SET {0} = ?1 WHERE rid = ?2 AND {0} IS NOT ?1"


def has_pending_headers(db: Connection) -> bool:
    """Return whether the header of some workflow is not indexed yet."""
    return bool(db.execute("SELECT EXISTS (SELECT 1 FROM header_pending)").get)


def has_pending_texts(db: Connection) -> bool:
    """Return whether the body of some workflow is not indexed yet although its header is."""
    return bool(db.execute("SELECT EXISTS (SELECT 1 FROM text_pending)").get)


def has_pending(db: Connection) -> bool:
    """Return whether a search may miss something that is not indexed yet."""
    return bool(db.execute(_PENDING).get)


def progress(db: Connection) -> tuple[int, int] | None:
    """Return how many workflows are indexed with all their text, and how many there are.

    None when nothing is pending.
    """
    if not has_pending(db):
        return None
    both = "SELECT rid FROM header_pending UNION SELECT rid FROM text_pending"
    pending = f"SELECT count(*) FROM workflows WHERE rid IN ({both})"  # noqa: S608 - constants
    total = int(db.execute("SELECT count(*) FROM workflows").get)
    return total - int(db.execute(pending).get), total


def folded_header(name: Any, tags: Any, description: Any) -> tuple[str, str, str]:
    """Return the folded texts of a header, whose cells may be damaged."""
    return fold(as_text(name)), fold(_tags_text(tags)), fold(as_text(description or ""))


def _tags_text(tags: Any) -> str:
    """Return the tags as text, a line for each; a damaged cell as it is."""
    if tags == "[]":
        return ""
    try:
        return "\n".join(msgspec.json.decode(tags, type=list[str]))
    except (msgspec.MsgspecError, UnicodeDecodeError, TypeError):
        return as_text(tags)


def head_words(folded: tuple[str, str, str]) -> tuple[str, str, str]:
    """Return a folded header as the index by words has it."""
    return words(folded[0]), words(folded[1]), words(folded[2])


def index_some_headers(db: Connection) -> bool:
    """Index some pending headers in the caller's transaction; return whether more are pending."""
    last = db.execute(_LAST_HEADER, (limits.HEADER_STEP,)).get
    if last is None:
        return False
    for index in (HEADS, PARTS):
        _forget(db, index, "header_pending", last)
    rows = read_any(db, 4, _CHANGED_HEADERS, (last,))
    folded = [(rid, folded_header(*texts)) for rid, *texts in rows]
    add = "INSERT INTO {} (rowid, name, tags, description) VALUES (?, ?, ?, ?)"
    db.executemany(add.format(PARTS), ((rid, *texts) for rid, texts in folded))
    db.executemany(add.format(HEADS), ((rid, *head_words(texts)) for rid, texts in folded))
    keys = ((sort_key(as_text(name)), rid) for rid, name, *_ in rows)
    db.executemany(_SET.format("name_key"), keys)
    db.execute(_MARK_TEXTS, (last,))
    db.execute("DELETE FROM header_pending WHERE rid <= ?", (last,))
    return has_pending_headers(db)


def _forget(db: Connection, index: str, pending: str, last: int) -> None:
    """Remove the pending workflows up to `last` from an index; most are new to it."""
    known = f"SELECT p.rid FROM {pending} p JOIN {index}_docsize d ON d.id = p.rid WHERE p.rid <= ?"  # noqa: S608 - constants
    db.execute(f"DELETE FROM {index} WHERE rowid IN ({known})", (last,))  # noqa: S608 - constants


def index_some_texts(db: Connection) -> bool:
    """Index some pending bodies in the caller's transaction; return whether more are pending."""
    last = db.execute(_LAST_TEXT, (limits.TEXT_STEP_BYTES, limits.TEXT_STEP)).get
    if last is None:
        return False
    _forget(db, TEXTS, "text_pending", last)
    for rid, *cells in read_any(db, 7, _CHANGED_TEXTS, (last,)):
        text, truncated = indexed_text(*cells)
        db.execute(f"INSERT INTO {TEXTS} (rowid, text) VALUES (?, ?)", (rid, text))  # noqa: S608 - constants
        db.execute(_SET.format("text_truncated"), (truncated, rid))
    db.execute("DELETE FROM text_pending WHERE rid <= ?", (last,))
    return has_pending_texts(db)


def indexed_text(
    name: Any, tags: Any, description: Any, sha256: bytes, size_bytes: int, data: bytes | None
) -> tuple[str, bool]:
    """Return header and body as they are indexed, and whether a part of the body is left out.

    Cells may be damaged.
    """
    body, truncated = body_text(sha256, size_bytes, data) or ("", False)
    header = "\n".join((as_text(name), _tags_text(tags), as_text(description or "")))
    separate = apart(header)
    text = f"{header}\n{body}" if separate == header else f"{header}\n{separate}\n{body}"
    return words(fold(text)), truncated


def body_text(sha256: bytes, size_bytes: int, data: bytes | None) -> tuple[str, bool] | None:
    """Return the searchable text of a packed body, and whether there is more; None: it is damaged.

    The text has a line for each string of the body.
    """
    from sidecar.bodies.text import text_of  # noqa: PLC0415 - a start needs no knowledge of tools

    try:
        if size_bytes > limits.BODY_INDEXED_MAX_BYTES:
            return "", True
        return text_of(parse(codec.unpack(data, sha256, size_bytes), rounded=True))
    except (DatabaseDamaged, NotJSON, TypeError):
        return None


def mark_all_pending(db: Connection) -> bool:
    """Empty the indexes and mark all workflows as pending, in the caller's transaction.

    Returns True: workflows are pending now.
    """
    for index in INDEXES:
        db.execute(f"INSERT INTO {index} ({index}) VALUES ('delete-all')")  # noqa: S608 - constants
    db.execute("DELETE FROM header_pending")
    db.execute("DELETE FROM text_pending")
    db.execute("INSERT INTO header_pending (rid) SELECT rid FROM workflows")
    return True


def follow_folding(db: Connection) -> None:
    """Mark all workflows as pending when their text was folded by another version, or not yet."""
    version = folding.VERSION.encode()
    if meta.read(db, meta.FOLDING) != version:
        mark_all_pending(db)
        meta.write(db, meta.FOLDING, version)


def start_rebuild(store: Store) -> bool:
    """Empty the indexes, to be built again while no requests wait; False when writing failed."""
    return _run(store, mark_all_pending)


def update_for_search(store: Store) -> bool:
    """Update the indexes before a search; return whether it may miss something all the same.

    The caller holds the store's lock.
    If a transaction is open, the update becomes part of it. Otherwise it has its own, and a
    failure to write is only logged: the search then finds what is indexed.
    """
    if not has_pending(store.db):
        return False
    for step, most in (
        (index_some_headers, limits.SEARCH_HEADER_STEPS),
        (index_some_texts, limits.SEARCH_TEXT_STEPS),
    ):
        for _ in range(most):
            if not _run(store, step):
                break
    return has_pending(store.db)


def update_step(store: Store, *, headers: bool = False) -> bool:
    """Index some pending headers or bodies in a transaction of its own; only `headers` if set.

    Returns whether more are pending and another step can succeed.
    """
    if not has_pending_headers(store.db):
        step = None if headers or not has_pending_texts(store.db) else index_some_texts
        return step is not None and _run(store, step)
    more = _run(store, index_some_headers)
    # A step that failed left headers pending; repeating it at once would never end.
    return more or not (headers or has_pending_headers(store.db))


def _run(store: Store, step: Callable[[Connection], bool]) -> bool:
    """Run a step as a part of the open transaction, or in its own, and return its result.

    False when one of its own failed.
    """
    if store.in_transaction:
        with store.savepoint():
            return step(store.db)
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
