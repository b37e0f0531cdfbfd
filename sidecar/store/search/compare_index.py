"""Checks whether the search indexes have the words of each workflow.

An index stores no copy of the text, so FTS5 itself cannot check it. It stores how many words each
workflow has in each column. Those numbers are compared with the words of the workflow's text, and
three of the words are looked up. An index entry for another text is found; one that lacks a single
word may not be.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, count
from typing import Any, Final

import apsw

from sidecar.store.connection import Connection
from sidecar.store.rows import read_any
from sidecar.store.search import indexes
from sidecar.store.search.indexes import HEADS, PARTS, TEXTS
from sidecar.store.search.query import quoted

_WORDS: Final[tuple[str, list[str]]] = ("ascii", [])
_TOKENIZERS: Final = {HEADS: _WORDS, PARTS: ("trigram", ["case_sensitive", "1"]), TEXTS: _WORDS}
_PAGE: Final = 100
_CELLS: Final = "w.name, w.tags, w.description, w.content_sha256, w.size_bytes"


def find_wrong(
    db: Connection, step: Callable[[int], None], names: Iterable[str] = indexes.INDEXES
) -> list[str]:
    """Return which of some indexes have other words than the workflows that are indexed.

    `step` is called with the number of workflows done so far. `db` must read one snapshot, because
    a save in between would be counted as a fault.
    """
    done = count()
    return [name for name in names if any(_is_wrong(db, name, lambda: step(next(done))))]


def _is_wrong(db: Connection, name: str, step: Callable[[], None]) -> Iterator[bool]:
    """Yield for each workflow whether an index has other words for it."""
    tokenizer, options = _TOKENIZERS[name]
    tokenize = db.fts5_tokenizer(tokenizer, options)
    rid = -(2**63)
    while rows := read_any(db, 8, _rows_of(name), (rid, _PAGE)):
        for rid, sizes, data, *cells in rows:
            step()
            if name == TEXTS and indexes.body_text(cells[3], cells[4], data) is None:
                continue  # what a damaged body had is not known
            words = [_words(tokenize, text) for text in _texts(name, cells, data)]
            written = b"".join([_varint(len(each)) for each in words])
            yield sizes != written or not _has(db, name, rid, [*chain(*words)])


def _rows_of(name: str) -> str:
    """Return the statement of a page of what an index has and of what it should have."""
    is_text = name == TEXTS
    pending = " AND w.rid NOT IN (SELECT rid FROM text_pending)" if is_text else ""
    return (
        f"SELECT w.rid, d.sz, {'b.data' if is_text else 'NULL'}, {_CELLS}"  # noqa: S608 - constants
        f" FROM workflows AS w JOIN {name}_docsize AS d ON d.id = w.rid"
        f"{' LEFT JOIN workflow_bodies AS b ON b.rid = w.rid' if is_text else ''}"
        f" WHERE w.rid > ? AND w.rid NOT IN (SELECT rid FROM header_pending){pending}"
        " ORDER BY w.rid LIMIT ?"
    )


def _texts(name: str, cells: Any, data: bytes | None) -> tuple[str, ...]:
    """Return the text of each column of an index."""
    if name == TEXTS:
        sha256, size_bytes = cells[3:]
        return (indexes.indexed_text(cells[0], cells[1], cells[2], sha256, size_bytes, data)[0],)
    folded = indexes.folded_header(*cells[:3])
    return indexes.head_words(folded) if name == HEADS else folded


def _words(tokenize: Any, text: str) -> list[str]:
    """Return the words of a text as FTS5 has them."""
    flags = apsw.FTS5_TOKENIZE_DOCUMENT
    found = tokenize(text.encode(), flags, None, include_offsets=False, include_colocated=False)
    return [*map(str, found)]


def _has(db: Connection, name: str, rid: int, words: list[str]) -> bool:
    """Return whether an index has the first, the middle and the last of the words."""
    some = {words[0], words[len(words) // 2], words[-1]} if words else set()
    sql = f"SELECT EXISTS (SELECT 1 FROM {name} WHERE {name} MATCH ? AND rowid = ?)"  # noqa: S608 - constants
    return all(db.execute(sql, (quoted(word), rid)).get for word in some)


def _varint(value: int, mark: int = 0) -> bytes:
    """Return a number as SQLite writes it: seven bits in each byte, marked in all but the last."""
    higher = _varint(value >> 7, 0x80) if value >= 0x80 else b""  # noqa: PLR2004 - seven bits
    return higher + bytes([value & 0x7F | mark])
