"""Checks whether the index of bodies has the words of each workflow.

The index stores no copy of the text, so FTS5 itself cannot check it. It stores how many words each
workflow has. That number is compared with the words of the workflow's text, and three of the words
are looked up. An index entry for another text is found; one that lacks a single word may not be.
"""

from collections.abc import Callable
from typing import Any, Final

import apsw

from sidecar.store.connection import Connection
from sidecar.store.search import indexes

_TEXTS: Final = (
    "SELECT d.sz, w.rid, CAST(w.name AS BLOB), CAST(w.description AS BLOB), CAST(w.tags AS BLOB),"  # noqa: S608 - constants
    " w.content_sha256, w.size_bytes, b.data"
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
    """Return for how many workflows the index has other words than their text.

    `step` is called with the number of workflows done so far. `db` must read one snapshot,
    because a save in between would be counted as a fault.
    """
    tokenize = db.fts5_tokenizer("unicode61", ["remove_diacritics", "2"])
    wrong = 0
    rows: Any = db.execute(_TEXTS)
    for done, (sizes, rid, *texts) in enumerate(rows):
        step(done)
        text = indexes.indexed_text(*texts).encode()
        tokens = tokenize(
            text, apsw.FTS5_TOKENIZE_DOCUMENT, None, include_offsets=False, include_colocated=False
        )
        words = [str(word) for word in tokens]
        wrong += _varint(sizes) != len(words) or not _has(db, rid, words)
    return wrong


def _has(db: Connection, rid: int, words: list[str]) -> bool:
    """Return whether the index has the first, the middle and the last of the words."""
    some = {words[0], words[len(words) // 2], words[-1]} if words else set()
    return all(db.execute(_HAS, (f'"{word}"', rid)).get for word in some)


def _varint(data: bytes) -> int:
    """Return a number that SQLite wrote with seven bits in each byte, the highest first."""
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
    return value
