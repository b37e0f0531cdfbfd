"""Whether the index of what bodies say has the words of each workflow.

The index keeps no copy of the text, so FTS5 cannot compare it with anything; it keeps how many
words each workflow has. That number is compared with the text made anew, and some of its words
are looked up: an index that says something else of a workflow is found, one that lacks a single
word of it may not be.
"""

from collections.abc import Callable
from typing import Any, Final

import apsw

from sidecar.store.connection import Connection
from sidecar.store.search import indexes

_TEXTS: Final = (
    "SELECT d.sz, w.rid, w.name, w.description, w.tags, w.content_sha256, w.size_bytes, b.data"  # noqa: S608 - constants
    f" FROM workflows AS w JOIN {indexes.TEXT_INDEX}_docsize AS d ON d.id = w.rid"
    " LEFT JOIN workflow_bodies AS b ON b.rid = w.rid"
    " WHERE w.rid NOT IN (SELECT rid FROM text_pending)"
    " AND w.rid NOT IN (SELECT rid FROM header_pending)"
)
_HAS: Final = (
    f"SELECT EXISTS (SELECT 1 FROM {indexes.TEXT_INDEX}"  # noqa: S608 - constants
    f" WHERE {indexes.TEXT_INDEX} MATCH ? AND rowid = ?)"
)


def count_wrong_texts(db: Connection, step: Callable[[int], None]) -> int:
    """Of how many workflows the index says something else; `step` is told how many were seen.

    `db` reads one state: a save in between would be taken for a fault.
    """
    tokenize = db.fts5_tokenizer("unicode61", ["remove_diacritics", "2"])
    found = 0
    rows: Any = db.execute(_TEXTS)
    for seen, (sizes, rid, *texts) in enumerate(rows):
        step(seen)
        text = indexes.indexed_text(*texts).encode()
        told = tokenize(
            text, apsw.FTS5_TOKENIZE_DOCUMENT, None, include_offsets=False, include_colocated=False
        )
        words = [str(word) for word in told]
        found += _varint(sizes) != len(words) or not _has(db, rid, words)
    return found


def _has(db: Connection, rid: int, words: list[str]) -> bool:
    """Whether a few of the words are there: the first, one amid them, the last."""
    some = {words[0], words[len(words) // 2], words[-1]} if words else set()
    return all(db.execute(_HAS, (f'"{word}"', rid)).get for word in some)


def _varint(data: bytes) -> int:
    """A number as SQLite writes it: seven bits a byte, the highest first."""
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
    return value
